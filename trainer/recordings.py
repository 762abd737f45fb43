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


class RecordingTooLongError(RecordingError):
    """A file is longer than one utterance can be."""


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


def read_recording(path: Path, *, longest_s: float | None = None) -> NDArray[np.int16]:
    """Read any rate and any number of channels as int16 [samples] at 16 kHz mono.

    Raises:
        RecordingTooLongError: it lasts longer than `longest_s`; it was not decoded.
        RecordingError: the file is no audio, damaged or empty.
    """
    return _decode(path, str(path), longest_s)


def decode_recording(
    content: bytes, name: str, *, longest_s: float | None = None
) -> NDArray[np.int16]:
    """Decode the bytes of an audio file, in any format, as `read_recording` does.

    Raises:
        RecordingError: as `read_recording`; `name` stands for the path in its message.
    """
    return _decode(io.BytesIO(content), name, longest_s)


def _decode(file: Path | io.BytesIO, name: str, longest_s: float | None) -> NDArray[np.int16]:
    try:
        with soundfile.SoundFile(file) as audio:
            rate_hz = audio.samplerate
            if longest_s is not None and audio.frames > longest_s * rate_hz:
                raise RecordingTooLongError(
                    f"{name} lasts {audio.frames / rate_hz:.0f} s: cut it into pieces of at most "
                    f"{longest_s:g} s."
                )
            samples = audio.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise RecordingError(f"{name} cannot be read as audio: {error}. Remove it.") from error
    mono = samples.mean(axis=1)
    if not mono.size:
        raise RecordingError(f"{name} holds no samples. Remove it.")
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return to_int16(mono)
