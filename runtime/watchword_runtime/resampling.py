"""Samples at one rate in, the same sound at another rate out: whole, or as it arrives."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import List, Tuple

import numpy as np

from watchword_runtime.frontend import SAMPLE_RATE_HZ, Floats, Pcm

_FILTER_LOBES = 16
"""Zero crossings each side of the resampling filter: 33 taps at the lower of the two rates."""
_FILTER_BETA = 8.0
"""Kaiser window: about 80 dB of stop band, beyond 13 bits of speech."""

_Phases = List[Tuple[int, Floats]]


def resample(waveform: Floats, rate_hz: int, target_hz: int) -> Floats:
    """Return float32 [samples] at `target_hz` for float32 [samples] at `rate_hz`.

    A windowed-sinc polyphase filter without delay: sample n of the output lies at n / target_hz.
    """
    if rate_hz == target_hz or len(waveform) == 0:
        return waveform
    up, down, half = _ratio(rate_hz, target_hz)
    count = -(-len(waveform) * up // down)
    padded = np.concatenate([np.zeros(half), waveform, np.zeros(half + down + 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    result = np.empty(count, dtype=np.float32)
    for phase, (first, taps) in enumerate(_phases(up, down, half)[:count]):
        outputs = result[phase::up]
        outputs[:] = windows[first::down][: len(outputs)] @ taps
    return result


class StreamResampler:
    """16 kHz samples of a device that records at another rate, a few milliseconds late."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._up, self._down, half = _ratio(rate_hz, SAMPLE_RATE_HZ)
        # Blocks of `down` inputs are blocks of `up` outputs; the filter sees `half` to each side.
        self._margin = -(-half // self._down) * self._down
        self._held = np.zeros(self._margin, dtype=np.int16)

    def process(self, pcm: Pcm) -> Pcm:
        """Take int16 [samples], any number; return int16 [samples] at 16 kHz that they complete.

        All that comes out is what `resample` gives for all that went in, rounded.
        """
        data = np.concatenate([self._held, pcm])
        margin = self._margin
        blocks = (len(data) - 2 * margin) // self._down
        if blocks <= 0:
            self._held = data
            return np.empty(0, dtype=np.int16)
        used = blocks * self._down
        waveform = data[: used + 2 * margin].astype(np.float32)
        first = margin // self._down * self._up
        heard = resample(waveform, self._rate_hz, SAMPLE_RATE_HZ)[first:][: blocks * self._up]
        self._held = data[used:]
        return np.clip(np.rint(heard), -32768, 32767).astype(np.int16)


def _ratio(rate_hz: int, target_hz: int) -> tuple[int, int, int]:
    """Return outputs and inputs of the smallest whole ratio, and the filter's inputs to a side."""
    divisor = math.gcd(rate_hz, target_hz)
    up, down = target_hz // divisor, rate_hz // divisor
    # Width of a lobe in input samples: wider when the rate falls, to cut what would alias.
    return up, down, math.ceil(_FILTER_LOBES * max(1.0, down / up))


@lru_cache(maxsize=2)
def _phases(up: int, down: int, half: int) -> _Phases:
    """Return for each phase of the output its first input and its taps."""
    lobe = max(1.0, down / up)
    phases: _Phases = []
    for phase in range(up):
        # Outputs phase, phase + up, … lie at the same fraction between two inputs.
        first, fraction = divmod(phase * down, up)
        distance = (np.arange(-half, half + 1) - fraction / up) / lobe
        inside = np.clip(1.0 - (distance / _FILTER_LOBES) ** 2, 0.0, None)
        taps = np.sinc(distance) * np.i0(_FILTER_BETA * np.sqrt(inside))
        phases.append((first, taps / taps.sum()))
    return phases
