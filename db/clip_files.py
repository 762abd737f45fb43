"""Samples come in, FLAC bytes and files that are safely on the disk go out, named by their hash."""

from __future__ import annotations

import hashlib
import io
import os
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PART_SUFFIX = ".part"
INT16_PEAK = 32767


class ClipFormatError(ValueError):
    """A waveform is not something a clip can be made of."""


class ClipWriteError(OSError):
    """A clip could not be stored; no row and no half file of it remains."""


class ClipReadError(OSError):
    """A clip's file is there and cannot be decoded."""


class ClipMissingError(FileNotFoundError):
    """A clip's file is gone."""


def to_int16(waveform: NDArray[Any], rate_hz: int) -> NDArray[np.int16]:
    """Return int16 [samples] from float32 [-1, 1] or int16 [samples].

    Raises:
        ClipFormatError: The waveform is empty, not one channel, not finite or of another type.
    """
    samples = np.asarray(waveform)
    if samples.ndim != 1 or samples.size == 0:
        raise ClipFormatError(
            f"A clip is one channel of at least one sample, shape [samples]; this has shape "
            f"{samples.shape}. Mix it down, and leave out what is empty."
        )
    if rate_hz <= 0:
        raise ClipFormatError(f"A sample rate is a positive number of Hz, not {rate_hz}.")
    if samples.dtype == np.int16:
        return samples
    if samples.dtype.kind != "f":
        raise ClipFormatError(
            f"A clip is float32 in [-1, 1] or int16, not {samples.dtype}: convert it first."
        )
    if not np.isfinite(samples).all():
        raise ClipFormatError("The waveform holds NaN or infinity: the synthesis went wrong.")
    return np.rint(np.clip(samples, -1.0, 1.0) * INT16_PEAK).astype(np.int16)


def encode(samples: NDArray[np.int16], rate_hz: int) -> bytes:
    """Return FLAC bytes; the same samples give the same bytes (libFLAC writes no date).

    Raises:
        ClipFormatError: FLAC cannot hold this rate.
    """
    target = io.BytesIO()
    try:
        soundfile.write(target, samples, rate_hz, format="FLAC", subtype="PCM_16")
    except soundfile.LibsndfileError as error:
        raise ClipFormatError(f"Cannot encode a clip at {rate_hz} Hz: {error}") from error
    return target.getvalue()


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_flac(path: Path) -> tuple[NDArray[np.int16], int]:
    """Return the samples, int16 [samples], and the rate in Hz.

    Raises:
        ClipMissingError: The file is gone.
        ClipReadError: The file cannot be decoded.
    """
    remedy = "Delete its row with ClipStore.delete, so that it is made again."
    if not path.is_file():
        raise ClipMissingError(f"The clip file {path} is gone. {remedy}")
    try:
        samples, rate_hz = soundfile.read(path, dtype="int16")
    except soundfile.LibsndfileError as error:
        raise ClipReadError(f"The clip file {path} cannot be decoded: {error} {remedy}") from error
    return samples, int(rate_hz)


def write_part(content: bytes, folder: Path) -> Path:
    """Write an unfinished file into a folder, wait until the disk has it, return its path.

    Raises:
        ClipWriteError: It could not be written; nothing of it remains.
    """
    part = folder / f"{uuid.uuid4().hex}{PART_SUFFIX}"
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise write_error(folder, error) from error
    return part


def place(part: Path, final: Path) -> Path:
    """Give an unfinished file its final name, in one step; return that.

    Raises:
        ClipWriteError: It could not be renamed.
    """
    try:
        final.parent.mkdir(exist_ok=True)
        return part.replace(final)
    except OSError as error:
        raise write_error(final.parent, error) from error


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder, so that they survive a power cut.

    Raises:
        ClipWriteError: The disk refused.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        os.close(descriptor)


def write_error(folder: Path, error: OSError) -> ClipWriteError:
    """Return what to raise when the system refuses to write into a clip folder."""
    return ClipWriteError(
        error.errno,
        f"Could not write a clip to {folder}: {error.strerror}. Nothing of it was kept; free some "
        "space or set WATCHWORD_HOME to a folder that can be written, and run again",
    )
