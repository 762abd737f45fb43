"""Audio files in, one int16 stream and where each file lies in it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from watchword_runtime.errors import AudioError
from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from pathlib import Path

    from exporters.measure import Pcm

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
PAUSE_S = 1.0
"""Silence after each file: a score may rise only some steps after the phrase ends."""


@dataclass(frozen=True)
class Sound:
    """Recordings one after the other."""

    samples: Pcm
    """int16 [samples] at 16 kHz."""
    spans: tuple[tuple[int, int], ...]
    """First sample and first sample behind each recording and its pause."""

    @property
    def hours(self) -> float:
        """Hours of sound."""
        return len(self.samples) / SAMPLE_RATE_HZ / 3600


def spread(sound: Sound, pause_s: float) -> Sound:
    """Return the recordings with so much more silence before each; the spans leave it out."""
    pause = np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.int16)
    parts: list[Pcm] = []
    spans = []
    at = 0
    for first, last in sound.spans:
        parts += [pause, sound.samples[first:last]]
        at += len(pause)
        spans.append((at, at + last - first))
        at += last - first
    return Sound(np.concatenate(parts), tuple(spans))


def read_sound(path: Path, most_s: float | None = None) -> Sound:
    """Read a file, or every audio file below a folder in the order of their names.

    Args:
        path: file or folder.
        most_s: the rest is not read.

    Raises:
        AudioError: there is no audio, or a file that cannot be read; it is named.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    files = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not files:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise AudioError(f"{path} holds no audio: give a folder with {kinds} files.")
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ), np.int16)
    parts: list[Pcm] = []
    spans = []
    at = 0
    for file in files:
        if most_s is not None and at >= most_s * SAMPLE_RATE_HZ:
            break
        part = np.concatenate([_read(file), pause])
        parts.append(part)
        spans.append((at, at + len(part)))
        at += len(part)
    return Sound(np.concatenate(parts), tuple(spans))


def _read(file: Path) -> Pcm:
    try:
        samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{file} cannot be read as audio: {error}. Remove it.") from error
    mono = samples.mean(axis=1)
    if rate_hz != SAMPLE_RATE_HZ and len(mono):
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return to_int16(mono)
