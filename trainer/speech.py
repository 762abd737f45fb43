"""Clip files in, trimmed speech out, with the place of the phrase in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from db.clip_files import read_flac
from trainer.noise import unit_rms
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Waveform = NDArray[np.float32]

TRIM_BELOW_DB = 40.0
TRIM_FRAME = SAMPLE_RATE_HZ // 100
INT16_SCALE = np.float32(32768)


@dataclass(frozen=True)
class Speech:
    """What somebody says, and which part of it is the phrase."""

    waveform: Waveform
    """float32 [samples] at 16 kHz."""
    span: tuple[int, int]
    """First sample of the phrase and first sample behind it; a clip of nothing else is all span."""
    boundaries: tuple[int, ...] = ()
    """Samples at which a word of the phrase ends and the next begins, where they are known."""

    def moved(self, waveform: Waveform, place: Callable[[int], float]) -> Speech:
        """Return another waveform of this speech, whose moments are where `place` puts them."""

        def inside(moment: int) -> int:
            return min(max(round(place(moment)), 0), len(waveform))

        first, last = self.span
        boundaries = tuple(inside(moment) for moment in self.boundaries)
        return Speech(waveform, (inside(first), inside(last)), boundaries)


def active_span(waveform: Waveform) -> tuple[int, int]:
    """Return the first and last sample (exclusive) that are not silence, 10 ms exact.

    Silence is more than 40 dB below the loudest 10 ms; (0, len) for a clip without any sound.
    """
    frames = len(waveform) // TRIM_FRAME
    if frames == 0:
        return 0, len(waveform)
    power = np.square(waveform[: frames * TRIM_FRAME]).reshape(frames, TRIM_FRAME).mean(axis=1)
    loud = np.nonzero(power > power.max() * 10 ** (-TRIM_BELOW_DB / 10))[0]
    if not loud.size:
        return 0, len(waveform)
    return int(loud[0]) * TRIM_FRAME, min((int(loud[-1]) + 1) * TRIM_FRAME, len(waveform))


def trim_speech(speech: Speech) -> Speech:
    """Cut the silence from both ends; span and boundaries stay on their words."""
    start, stop = active_span(speech.waveform)
    return cut(speech, start, stop)


def cut(speech: Speech, start: int, stop: int) -> Speech:
    """Keep the samples from `start` up to `stop`."""
    return speech.moved(speech.waveform[start:stop], lambda moment: moment - start)


def read_speech(
    path: Path,
    span_s: tuple[float, float] | None = None,
    boundaries_s: tuple[float, ...] = (),
) -> Speech:
    """Read a stored clip, trimmed and of about unit loudness.

    Args:
        path: a clip file at 16 kHz.
        span_s: where the phrase is in it, in seconds; by default the trimmed clip is the phrase.
        boundaries_s: where its words meet, in seconds.

    Raises:
        ValueError: the file has another rate, or nothing of the span lies inside its sound.
    """
    samples, rate_hz = read_flac(path)
    if rate_hz != SAMPLE_RATE_HZ:
        raise ValueError(f"{path} has {rate_hz} Hz: clips are stored at {SAMPLE_RATE_HZ} Hz.")
    first, last = span_s or (0.0, len(samples) / rate_hz)
    speech = trim_speech(
        Speech(
            samples.astype(np.float32) / INT16_SCALE,
            (round(first * rate_hz), round(last * rate_hz)),
            tuple(round(moment * rate_hz) for moment in boundaries_s),
        )
    )
    if len(samples) and speech.span[0] >= speech.span[1]:
        raise ValueError(
            f"{path}: the phrase cannot be from {first} s to {last} s: there is no sound there. "
            f"Find it again, or leave the clip out."
        )
    return speech.moved(unit_rms(speech.waveform), lambda moment: moment)
