"""The command of an installed speech program in, the samples of the WAV file that it wrote out."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainer.tts.base import EngineUnavailableError, SynthesisError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TIMEOUT_S = 60.0


def find_program(name: str) -> str:
    """Return the path of a program.

    Raises:
        EngineUnavailableError: it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise EngineUnavailableError(
            f"The program {name} is not installed. It is optional: `apt-get install {name}` on "
            f"Debian and Ubuntu, `brew install {name}` on macOS."
        )
    return path


def ask_program(command: Sequence[str]) -> str:
    """Run a program that prints what it knows, for example its voices, and return that.

    Raises:
        EngineUnavailableError: it fails.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineUnavailableError(
            f"{command[0]} is installed and fails: {error}. Install it again."
        ) from error
    return done.stdout


def speak_to_wav(
    command: Sequence[str], output_option: str, text: str = ""
) -> tuple[NDArray[np.int16], int]:
    """Run a speech program that writes a 16-bit mono WAV file.

    Args:
        command: the program and its options.
        output_option: the option before the name of the file to write.
        text: given on standard input.

    Returns:
        int16 [samples] and their rate.

    Raises:
        SynthesisError: the program failed or wrote something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        try:
            done = subprocess.run(
                [*command, output_option, str(path)],
                input=text,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SynthesisError(f"{command[0]} took more than {TIMEOUT_S:.0f} s.") from error
        except OSError as error:
            raise SynthesisError(f"{command[0]} cannot be run: {error}.") from error
        if done.returncode or not path.is_file():
            raise SynthesisError(
                f"{command[0]} failed with exit code {done.returncode}: "
                f"{done.stderr.strip()[-300:]}"
            )
        return read_speech(path, command[0])


def read_speech(path: Path, program: str) -> tuple[NDArray[np.int16], int]:
    """Return what a speech program wrote: int16 [samples] and their rate.

    Raises:
        SynthesisError: it is no 16-bit mono WAV file.
    """
    try:
        with wave.open(str(path), "rb") as opened:
            shape = (opened.getnchannels(), opened.getsampwidth())
            rate_hz = opened.getframerate()
            data = opened.readframes(opened.getnframes())
    except (OSError, wave.Error, EOFError) as error:
        raise SynthesisError(f"{program} wrote no WAV file: {error}.") from error
    if shape != (1, 2):
        raise SynthesisError(f"{program} wrote {shape[0]} channels of {8 * shape[1]} bits.")
    return np.frombuffer(data, dtype="<i2").astype(np.int16), rate_hz
