"""What a detector heard comes in; waveform, score and spectrogram over one time axis go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd

from page import spectrogram
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from page.hearing import Heard

COLUMNS = 900
"""As many as a wide page has points: more could not be seen."""
SOUND, SCORE, MARK, MISS = "#0f8f83", "#6d6ff0", "#d9480f", "#b7791f"
"""Readable on white and on black alike."""
AXIS_PX = 44
TOOLTIP = [
    alt.Tooltip("time_s:Q", title="Second", format=".2f"),
    alt.Tooltip("score:Q", title="Score", format=".4f"),
]
SCORE_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
LOWEST, HIGHEST = 0.0005, 0.9999
"""Scores are drawn on a logit scale: thresholds of good detectors lie near 1."""


def logit(score: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """Return scores on the scale on which they are drawn."""
    kept = np.clip(np.asarray(score, np.float64), LOWEST, HIGHEST)
    return np.asarray(np.log(kept / (1 - kept)))


def envelope(pcm: NDArray[np.int16], start_s: float, end_s: float) -> pd.DataFrame:
    """Return the lowest and highest sample of each column: time_s, low, high in -1 to 1."""
    first = round(start_s * SAMPLE_RATE_HZ)
    sound = pcm[first : round(end_s * SAMPLE_RATE_HZ)].astype(np.float32) / 32768
    width = max(1, -(-len(sound) // COLUMNS))
    starts = np.arange(0, len(sound), width)
    return pd.DataFrame({
        "time_s": (first + starts) / SAMPLE_RATE_HZ,
        "low": np.minimum.reduceat(sound, starts),
        "high": np.maximum.reduceat(sound, starts),
    })  # fmt: skip


def score_line(heard: Heard, start_s: float, end_s: float) -> pd.DataFrame:
    """Return the highest score of each column: time_s, score, logit."""
    inside = (heard.times_s >= start_s) & (heard.times_s <= end_s)
    times_s, scores = heard.times_s[inside], heard.scores[inside]
    width = max(1, -(-len(scores) // COLUMNS))
    starts = np.arange(0, len(scores), width)
    if not len(starts):
        return pd.DataFrame({"time_s": [], "score": [], "logit": []})
    # The moment of the highest score, not of the column: a peak keeps its place.
    highest = [start + int(np.argmax(scores[start : start + width])) for start in starts]
    found = scores[highest]
    return pd.DataFrame({"time_s": times_s[highest], "score": found, "logit": logit(found)})


def sound_charts(
    heard: Heard,
    view_s: tuple[float, float],
    threshold: float,
    detections: Sequence[int],
    missed_s: tuple[float, float] | None = None,
) -> list[alt.LayerChart | alt.FacetChart]:
    """Draw waveform, score and spectrogram, to be shown one under the other.

    Args:
        heard: what the detector made of the sound.
        view_s: which part to draw.
        threshold: from 0 to 1.
        detections: steps, marked in all three.
        missed_s: a stretch to shade, in which the phrase was missed.
    """
    marks = pd.DataFrame({
        "time_s": heard.times_s[list(detections)],
        "score": heard.scores[list(detections)],
    }).query("@view_s[0] <= time_s <= @view_s[1]")  # fmt: skip
    marks["logit"] = logit(marks["score"].to_numpy())
    hidden = _time(view_s, alt.Axis(title=None, labels=False, ticks=False))
    shade = [_shade(missed_s, hidden)] if missed_s else []
    wave = alt.layer(*shade, _wave(heard, view_s, hidden), _rules(marks, hidden))
    score = alt.layer(
        *shade, *_score(heard, view_s, threshold, hidden), _rules(marks, hidden),
        _points(marks, hidden),
    )  # fmt: skip
    shown = _time(
        view_s, alt.Axis(title="seconds", labelOverlap=True, labelFlush=True, labelBound=True)
    )
    given = spectrogram.of_features(heard.features, *view_s)
    drawn = spectrogram.chart(given, time=shown, upright=_upright())
    picture = alt.layer(drawn, _rules(marks, shown))
    at = ", ".join(f"{second:.1f}" for second in marks["time_s"]) or "none"
    wave.description = "Waveform over time"
    score.description = f"Score over time, threshold {threshold:.4g}; detections at seconds: {at}"
    picture.description = "Spectrogram: loudness by frequency over time"
    for chart, height in ((wave, 90), (score, 180), (picture, 190)):
        chart.height = height
    return [wave, score, picture]


def _time(view_s: tuple[float, float], axis: alt.Axis) -> alt.X:
    return alt.X("time_s:Q", scale=alt.Scale(domain=list(view_s), nice=False), axis=axis)


def _upright(**options: Any) -> alt.Axis:
    """Return a vertical axis as wide as every other, so that the seconds lie under each other."""
    return alt.Axis(minExtent=AXIS_PX, maxExtent=AXIS_PX, **options)


def _wave(heard: Heard, view_s: tuple[float, float], time: alt.X) -> alt.Chart:
    loudest = max(float(np.abs(heard.pcm.astype(np.int32)).max(initial=1)) / 32768, 0.01)
    scale = alt.Scale(domain=[-loudest, loudest], nice=False)
    axis = _upright(title="sound", labels=False, ticks=False, grid=False)
    return (
        alt.Chart(envelope(heard.pcm, *view_s))
        .mark_area(color=SOUND, interpolate="step-after", clip=True)
        .encode(time, alt.Y("low:Q", scale=scale, axis=axis), alt.Y2("high:Q"))
    )


def _score(
    heard: Heard, view_s: tuple[float, float], threshold: float, time: alt.X
) -> tuple[alt.Chart, alt.Chart]:
    axis = _upright(
        title="score",
        values=[float(logit(tick)) for tick in SCORE_TICKS],
        labelExpr="format(1 / (1 + exp(-datum.value)), '.3~f')",
    )
    line = (
        alt.Chart(score_line(heard, *view_s))
        .mark_line(color=SCORE, strokeWidth=1.8, clip=True)
        .encode(time, _height(axis), tooltip=TOOLTIP)
    )
    level = (
        alt.Chart(pd.DataFrame({"logit": [float(logit(threshold))]}))
        .mark_rule(color=MARK, strokeDash=[6, 4], strokeWidth=1.5, clip=True)
        .encode(_height(axis))
    )
    return line, level


def _height(axis: alt.Axis) -> alt.Y:
    scale = alt.Scale(domain=[float(logit(LOWEST)), float(logit(HIGHEST))], nice=False)
    return alt.Y("logit:Q", scale=scale, axis=axis)


def _rules(marks: pd.DataFrame, time: alt.X) -> alt.Chart:
    rule = alt.Chart(marks).mark_rule(color=MARK, strokeWidth=2, opacity=0.8, clip=True)
    return rule.encode(time, tooltip=TOOLTIP)


def _points(marks: pd.DataFrame, time: alt.X) -> alt.Chart:
    point = alt.Chart(marks).mark_point(color=MARK, filled=True, size=90, opacity=1)
    return point.encode(time, alt.Y("logit:Q"), tooltip=TOOLTIP)


def _shade(stretch_s: tuple[float, float], time: alt.X) -> alt.Chart:
    frame = pd.DataFrame([{"time_s": stretch_s[0], "end_s": stretch_s[1]}])
    return (
        alt.Chart(frame)
        .mark_rect(color=MISS, opacity=0.25, clip=True)
        .encode(time, alt.X2("end_s:Q"))
    )
