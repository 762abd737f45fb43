"""Speech in, the same speech by the same voice at another pace out, for engines without a pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME_MS = 5.0
"""WORLD's usual period."""


def change_tempo(waveform: NDArray[np.float32], rate_hz: int, tempo: float) -> NDArray[np.float32]:
    """Stretch time with the WORLD vocoder; pitch and timbre stay.

    Method: M. Morise et al., "WORLD: a vocoder-based high-quality speech synthesis system", 2016.

    Args:
        waveform: float32 [samples] in [-1, 1].
        rate_hz: its sample rate.
        tempo: 2 is twice as fast. 1 returns the waveform itself, without the vocoder.

    Returns:
        float32 [about samples / tempo].
    """
    if tempo == 1.0 or not len(waveform):
        return waveform
    import pyworld  # noqa: PLC0415 - a native library, and most speech needs no stretching

    signal = waveform.astype(np.float64)
    f0, time_s = pyworld.dio(signal, rate_hz, frame_period=FRAME_MS)
    f0 = pyworld.stonemask(signal, f0, time_s, rate_hz)
    envelope = pyworld.cheaptrick(signal, f0, time_s, rate_hz)
    aperiodicity = pyworld.d4c(signal, f0, time_s, rate_hz)
    out = pyworld.synthesize(f0, envelope, aperiodicity, rate_hz, FRAME_MS / tempo)
    return out.astype(np.float32)
