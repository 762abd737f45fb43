"""The bytes of an audio file that somebody uploaded come in, 16 kHz mono int16 samples go out.

What comes from a browser is not trusted: it is decoded in a process of its own (`decode_child`),
which may use so much time and memory, writes no file and is given no keys.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from page.decode_child import BAD_INPUT

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
SUFFIXES = ("wav", "flac", "ogg", "opus", "mp3")
"""What a file picker offers; what a file is, is read from its first bytes."""
CHILD_ENVIRONMENT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
"""All that the child is told of this process."""


class DecodeError(ValueError):
    """The file gives no audio; the message says why and what to do."""


@dataclass(frozen=True)
class Limits:
    """What one file may cost."""

    most_s: float = 600.0
    """Seconds of sound."""
    most_bytes: int = 20 << 20
    cpu_s: int = 20
    wall_s: float = 60.0
    memory_bytes: int = 1 << 30


def decode(content: bytes, name: str, limits: Limits | None = None) -> NDArray[np.int16]:
    """Decode WAV, FLAC, Ogg or MP3 of any rate and any number of channels.

    Args:
        content: of the file.
        name: what to call it in messages.
        limits: what it may cost.

    Returns:
        int16 [samples], one channel at 16 kHz.

    Raises:
        DecodeError: It is no audio, is damaged, empty, too long or too large, or cost too much.
    """
    limits = limits or Limits()
    if len(content) > limits.most_bytes:
        raise DecodeError(
            f"{name} has {len(content) / 2**20:.0f} MB: choose a file of at most "
            f"{limits.most_bytes / 2**20:.0f} MB."
        )
    numbers = (limits.most_s, limits.cpu_s, limits.memory_bytes)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "page.decode_child", *map(str, numbers)],
            cwd=ROOT,
            env={key: os.environ[key] for key in CHILD_ENVIRONMENT if key in os.environ},
            input=content,
            capture_output=True,
            timeout=limits.wall_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DecodeError(
            f"{name} took longer than {limits.wall_s:.0f} s to read. Convert it to WAV, or choose "
            "a shorter one."
        ) from error
    except OSError as error:
        raise DecodeError(f"{name} could not be read here: {error}. Try again.") from error
    if done.returncode == BAD_INPUT:
        raise DecodeError(f"{name} {done.stderr.decode(errors='replace').strip()}")
    if done.returncode or not done.stdout:
        raise DecodeError(
            f"{name} could not be read within {limits.cpu_s} s and "
            f"{limits.memory_bytes / 2**20:.0f} MB: it may be damaged. Convert it to WAV, or "
            "choose another."
        )
    return np.frombuffer(done.stdout, "<i2").astype(np.int16)
