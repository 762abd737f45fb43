"""Sound comes in, as samples or as a detector is given it; a picture in time and pitch goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import altair as alt
import numpy as np
import pandas as pd

from watchword_runtime import frontend

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_S = 0.025
HOP_S = 0.010
BANDS = 48
LOWEST_HZ, HIGHEST_HZ = 60.0, 8000.0
RANGE_DB = 70.0
"""What is softer than the loudest by more is drawn as silence."""
CHANNELS_HZ = (125.0, 7500.0)
"""Of the front end's channels, as TensorFlow's micro front end spaces them on the mel scale."""
LOUDNESS_SHARES = (0.05, 0.995)
"""Quantiles of the front end's values that become the ends of the colours."""
MOST_COLUMNS = 250
"""More would be narrower than a screen's dots."""
TICKS_HZ = (100, 500, 1000, 2000, 4000, 8000)
COLOURS: Literal["magma"] = "magma"
"""From black to light on dark and on light pages."""
OVERLAP = 0.5
"""Of a field into the next, which is drawn over it: no page shines through between them."""


@dataclass(frozen=True)
class Spectrogram:
    """Levels by time and pitch."""

    level: NDArray[np.float32]
    """[columns, bands], the louder the larger."""
    edges_s: NDArray[np.float64]
    """[columns + 1]."""
    edges_mel: NDArray[np.float64]
    """[bands + 1]."""
    ends: tuple[float, float]
    """The levels that are black and brightest."""


def of_samples(samples: NDArray[np.int16], rate_hz: int) -> Spectrogram:
    """Measure how loud each pitch is at each moment, in dB below the loudest.

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
    loudest, edges_s = _columns(power @ _bands(edges_mel, power.shape[1], rate_hz).T, 0, HOP_S)
    level_db = 10 * np.log10(np.maximum(loudest, 1e-12))
    level_db = np.clip(level_db - level_db.max(), -RANGE_DB, 0)
    return Spectrogram(level_db.astype(np.float32), edges_s, edges_mel, (-RANGE_DB, 0.0))


def of_features(
    features: NDArray[np.float32], start_s: float = 0.0, end_s: float | None = None
) -> Spectrogram:
    """Take what a detector is given: log-mel channels.

    Args:
        features: float32 [frames, channels], one each 10 ms.
        start_s: where to begin.
        end_s: where to end; at the last frame when None.
    """
    first = round(start_s / frontend.HOP_S)
    part = features[first : None if end_s is None else round(end_s / frontend.HOP_S)]
    level, edges_s = _columns(part, first, frontend.HOP_S)
    low_mel, high_mel = (_mel(hz) for hz in CHANNELS_HZ)
    edges_mel = np.linspace(low_mel, high_mel, frontend.CHANNELS + 1)
    dark, bright = np.quantile(level, LOUDNESS_SHARES) if level.size else (0.0, 1.0)
    return Spectrogram(level, edges_s, edges_mel, (float(dark), float(bright)))


def chart(
    sound: Spectrogram,
    *,
    height: int = 220,
    time: alt.X | None = None,
    upright: alt.Axis | None = None,
) -> alt.Chart:
    """Draw a spectrogram: time to the right, pitch upwards, the louder the brighter.

    Args:
        sound: what to draw.
        height: in dots.
        time: the axis of `time_s`, to lie under other charts; one of its own by default.
        upright: the axis of the pitch, for its width.
    """
    columns, bands = sound.level.shape
    over_s = OVERLAP * np.diff(sound.edges_s)
    over_mel = OVERLAP * np.diff(sound.edges_mel)
    frame = pd.DataFrame(
        {
            "time_s": np.repeat(sound.edges_s[:-1], bands),
            "end_s": np.repeat(sound.edges_s[1:] + over_s, bands),
            "low": np.tile(sound.edges_mel[:-1], columns),
            "high": np.tile(sound.edges_mel[1:] + over_mel, columns),
            "level": sound.level.ravel().round(2),
        }
    )
    length = alt.Scale(domain=[float(sound.edges_s[0]), float(sound.edges_s[-1])], nice=False)
    pitches = alt.Scale(domain=[sound.edges_mel[0], sound.edges_mel[-1]], nice=False)
    loudness = alt.Scale(scheme=COLOURS, domain=list(sound.ends), clamp=True)
    return (
        alt.Chart(frame, height=height)
        .mark_rect(clip=True, strokeWidth=0)
        .encode(
            time or alt.X("time_s:Q", title="seconds", scale=length),
            alt.Y("low:Q", title="Hz", scale=pitches, axis=_pitch_axis(sound, upright)),
            alt.X2("end_s:Q"),
            alt.Y2("high:Q"),
            alt.Color("level:Q", scale=loudness, legend=None),
        )
    )


def _pitch_axis(sound: Spectrogram, upright: alt.Axis | None) -> alt.Axis:
    low, high = sound.edges_mel[0] - 1, sound.edges_mel[-1] + 1
    spoken = "700 * (pow(10, datum.value / 2595) - 1)"
    in_words = f"{spoken} > 950 ? format({spoken} / 1000, '.0f') + ' kHz' : format({spoken}, '.0f')"
    axis = upright.copy() if upright is not None else alt.Axis()
    axis.values = [_mel(hz) for hz in TICKS_HZ if low <= _mel(hz) <= high]
    axis.labelExpr, axis.grid, axis.labelOverlap, axis.title = in_words, False, False, "Hz"
    return axis


def _columns(
    frames: NDArray[np.floating], first: int, hop_s: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the loudest of so many frames that `MOST_COLUMNS` are left, and their edges in s."""
    width = max(1, -(-len(frames) // MOST_COLUMNS))
    starts = np.arange(0, len(frames), width)
    loudest = np.maximum.reduceat(frames, starts, axis=0) if len(frames) else frames
    return loudest.astype(np.float32), (first + np.append(starts, len(frames))) * hop_s


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
