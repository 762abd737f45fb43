"""Samples come in, a picture of the sound in time and pitch that a person can read goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import altair as alt
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_S = 0.025
HOP_S = 0.010
BANDS = 48
LOWEST_HZ, HIGHEST_HZ = 60.0, 8000.0
RANGE_DB = 70.0
"""What is softer than the loudest by more is drawn as silence."""
MOST_COLUMNS = 200
"""More would be narrower than a screen's dots."""
TICKS_HZ = (100, 500, 1000, 2000, 4000, 8000)
COLOURS: Literal["magma"] = "magma"
"""From black to light on dark and on light pages."""


@dataclass(frozen=True)
class Spectrogram:
    """Levels by time and pitch."""

    level_db: NDArray[np.float32]
    """[columns, bands]: -`RANGE_DB` to 0, the loudest."""
    edges_s: NDArray[np.float64]
    """[columns + 1]."""
    edges_mel: NDArray[np.float64]
    """[bands + 1]."""


def spectrogram(samples: NDArray[np.int16], rate_hz: int) -> Spectrogram:
    """Measure how loud each pitch is at each moment.

    Args:
        samples: int16 [samples], one channel.
        rate_hz: of the samples.
    """
    window, hop = round(WINDOW_S * rate_hz), round(HOP_S * rate_hz)
    sound = np.asarray(samples, np.float32) / 32768
    sound = np.pad(sound, (window // 2, max(window, hop)))
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1)) ** 2
    highest_hz = min(HIGHEST_HZ, rate_hz / 2)
    edges_mel = np.linspace(_mel(LOWEST_HZ), _mel(highest_hz), BANDS + 1)
    bands = power @ _bands(edges_mel, power.shape[1], rate_hz).T
    columns = -(-len(bands) // MOST_COLUMNS)
    starts = np.arange(0, len(bands), columns)
    loudest = np.maximum.reduceat(bands, starts, axis=0)
    level_db = 10 * np.log10(np.maximum(loudest, 1e-12))
    level_db = np.clip(level_db - level_db.max(), -RANGE_DB, 0)
    edges_s = np.append(starts, len(bands)) * HOP_S
    return Spectrogram(level_db.astype(np.float32), edges_s, edges_mel)


def chart(sound: Spectrogram, *, height: int = 220) -> alt.Chart:
    """Draw a spectrogram: time to the right, pitch upwards, the louder the brighter."""
    columns, bands = sound.level_db.shape
    frame = pd.DataFrame(
        {
            "start": np.repeat(sound.edges_s[:-1], bands),
            # Each reaches into the next, which is drawn over it: no seams.
            "end": np.repeat(sound.edges_s[1:] + HOP_S / 2, bands),
            "low": np.tile(sound.edges_mel[:-1], columns),
            "high": np.tile(sound.edges_mel[1:] + 10, columns),
            "dB": sound.level_db.ravel(),
        }
    )
    ticks = [_mel(hz) for hz in TICKS_HZ if _mel(hz) <= sound.edges_mel[-1] + 1]
    spoken = "700 * (pow(10, datum.value / 2595) - 1)"
    in_words = f"{spoken} > 950 ? format({spoken} / 1000, '.0f') + ' kHz' : format({spoken}, '.0f')"
    length = alt.Scale(domain=[0, float(sound.edges_s[-1])], nice=False)
    return (
        alt.Chart(frame, height=height)
        .mark_rect(clip=True)
        .encode(
            x=alt.X("start:Q", title="seconds", scale=length),
            x2="end",
            y=alt.Y(
                "low:Q",
                title="Hz",
                scale=alt.Scale(domain=[sound.edges_mel[0], sound.edges_mel[-1]], nice=False),
                axis=alt.Axis(values=ticks, labelExpr=in_words, grid=False, labelOverlap=False),
            ),
            y2="high",
            color=alt.Color(
                "dB:Q",
                scale=alt.Scale(scheme=COLOURS, domain=[-RANGE_DB, 0]),
                legend=None,
            ),
        )
    )


def _mel(hz: float) -> float:
    """Return a pitch on O'Shaughnessy's mel scale."""
    return float(2595 * np.log10(1 + hz / 700))


def _bands(edges_mel: NDArray[np.float64], bins: int, rate_hz: int) -> NDArray[np.float64]:
    """Return the share of each bin in each band, [bands, bins]; no band is empty."""
    centres = (edges_mel[:-1] + edges_mel[1:]) / 2
    half = edges_mel[1] - edges_mel[0]
    bin_mel = 2595 * np.log10(1 + np.linspace(0, rate_hz / 2, bins) / 700)
    share = np.maximum(0, 1 - np.abs(bin_mel[None, :] - centres[:, None]) / half)
    nearest = np.abs(bin_mel[None, :] - centres[:, None]).argmin(axis=1)
    empty = share.sum(axis=1) == 0
    share[empty, nearest[empty]] = 1
    return np.asarray(share / share.sum(axis=1, keepdims=True))
