"""A folder of audio files in, 16 kHz mono int16 waveforms out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import soundfile
import soxr

from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")


class RecordingError(ValueError):
    """A file or folder that gives no audio; the message names it and says what to do."""


def find_recordings(folder: Path) -> list[Path]:
    """Return every audio file below a folder, or the one file that is named, sorted.

    Raises:
        RecordingError: there is no such folder, or no audio in it.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise RecordingError(f"There is no folder {folder}: check the path.")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise RecordingError(
            f"{folder} holds no audio: put {', '.join(s[1:] for s in SUFFIXES)} files there."
        )
    return found


def read_recording(path: Path) -> NDArray[np.int16]:
    """Read any rate and any number of channels as int16 [samples] at 16 kHz mono.

    Raises:
        RecordingError: the file is no audio, damaged or empty.
    """
    return _decode(path, str(path))


def decode_recording(content: bytes, name: str) -> NDArray[np.int16]:
    """Decode the bytes of an audio file as `read_recording` does.

    Args:
        content: a whole file, in any format that soundfile knows.
        name: for messages.

    Raises:
        RecordingError: the bytes are no audio, damaged or empty.
    """
    return _decode(io.BytesIO(content), name)


def _decode(file: Path | io.BytesIO, name: str) -> NDArray[np.int16]:
    try:
        samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise RecordingError(f"{name} cannot be read as audio: {error}. Remove it.") from error
    mono = samples.mean(axis=1)
    if not mono.size:
        raise RecordingError(f"{name} holds no samples. Remove it.")
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return to_int16(mono)
