"""What a detector does at each threshold comes in, Altair charts go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from page.detector_curve import Curve, Point

Chart = alt.LayerChart | alt.FacetChart
LEAST_PER_HOUR = 0.01
"""A logarithmic axis has no zero."""
MISS_TICKS = [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1]
"""The axis is the square root's: what a good detector misses would lie on the floor else."""
TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
COLOURS = ["#0d9488", "#d97706", "#6366f1", "#db2777"]
"""Told apart by most eyes, on light and on dark."""
DET_HEIGHT, ROW_HEIGHT = 300, 34
X_TITLE = "false wakes per hour"
Y_TITLE = "phrases missed"


def det_chart(curves: Mapping[str, pd.DataFrame], chosen: Sequence[Point] = ()) -> Chart:
    """Return miss rate over false wakes: a line a curve, its 95 % band, and the chosen points.

    Args:
        curves: by name, as `frame_of` or `frame_of_evaluation` gives them.
        chosen: points to mark, with the bounds of their rates.
    """
    names = list(curves)
    table = pd.concat([frame.assign(curve=name) for name, frame in curves.items()])
    low, high = _rate_range(table)
    x = alt.X(
        "per_hour:Q",
        title=X_TITLE,
        scale=alt.Scale(type="log", domain=[low, high], clamp=True),
        axis=alt.Axis(values=[tick for tick in TICKS if low <= tick <= high], format="~g"),
    )
    top = min(1.0, max(0.1, 1.15 * float(table["missed"].max())))
    y = alt.Y(
        "missed:Q",
        title=Y_TITLE,
        scale=alt.Scale(type="sqrt", domain=[0, top], clamp=True, nice=False),
        axis=alt.Axis(format="%", values=[tick for tick in MISS_TICKS if tick <= top]),
    )
    colour = alt.Color(
        "curve:N",
        sort=names,
        title=None,
        scale=alt.Scale(domain=names, range=COLOURS[: len(names)]),
        legend=alt.Legend(
            orient="top", labelLimit=400, symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=3
        )
        if len(names) > 1
        else None,
    )
    tooltip = [
        alt.Tooltip("per_hour:Q", title=X_TITLE, format=".2g"),
        alt.Tooltip("missed:Q", title="missed", format=".1%"),
        alt.Tooltip("threshold:Q", format=".4g"),
    ]
    base = alt.Chart(table)
    layers = [
        base.mark_area(opacity=0.16).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour),
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, order="per_hour:Q"),
        base.mark_circle(size=60, opacity=0).encode(x=x, y=y, tooltip=tooltip),
    ]
    if chosen:
        layers += _marks(chosen, x, y, low, high)
    return alt.layer(*layers).properties(height=DET_HEIGHT)


def _rate_range(table: pd.DataFrame) -> tuple[float, float]:
    rates = table["per_hour"].clip(lower=LEAST_PER_HOUR)
    return float(rates.min()), max(float(rates.max()), 2 * float(rates.min()))


def _marks(chosen: Sequence[Point], x: alt.X, y: alt.Y, low: float, high: float) -> list[alt.Chart]:
    rows = pd.DataFrame(
        {
            "per_hour": [max(point.per_hour, low) for point in chosen],
            "from": [max(point.per_hour_low, low) for point in chosen],
            "to": [min(point.per_hour_high, high) for point in chosen],
            "missed": [point.missed for point in chosen],
        }
    ).dropna()
    marks = alt.Chart(rows)
    return [
        marks.mark_rule(strokeWidth=1.5, color="#888888").encode(x=alt.X("from:Q"), x2="to:Q", y=y),
        marks.mark_point(
            filled=True, size=150, color="#dc2626", stroke="white", strokeWidth=1.5, opacity=1
        ).encode(x=x, y=y),
    ]


def frame_of(curve: Curve) -> pd.DataFrame:
    """Return a curve as per_hour, missed, low, high, threshold; without what was not measured."""
    frame = pd.DataFrame(
        [
            (p.per_hour, p.missed, p.missed_low, p.missed_high, p.threshold)
            for p in curve.points
            if p.missed is not None and p.per_hour >= LEAST_PER_HOUR
        ],
        columns=["per_hour", "missed", "low", "high", "threshold"],
    )
    return frame.astype(float)


def group_chart(groups: Sequence[Mapping[str, Any]], number: int, title: str) -> Chart:
    """Return a row a group: the share of its phrases that are missed, with its 95 % bounds.

    Args:
        groups: of the training's report.
        number: of the threshold.
        title: what the rows are.
    """
    rows = pd.DataFrame(
        [
            {
                "name": f"{group['name']} ({group['of']})",
                "missed": group["missed"][number] / group["of"],
                "low": group["low_95"][number],
                "high": group["high_95"][number],
                "count": f"{group['missed'][number]} of {group['of']}",
            }
            for group in groups
        ]
    )
    y = alt.Y(
        "name:N", sort=None, title=None, axis=alt.Axis(labelLimit=220, ticks=False, domain=False)
    )
    base = alt.Chart(rows)
    tooltip = [
        alt.Tooltip("name:N", title=title),
        alt.Tooltip("count:N", title="missed"),
        alt.Tooltip("low:Q", title="95 %, from", format=".0%"),
        alt.Tooltip("high:Q", title="95 %, to", format=".0%"),
    ]
    x = alt.X(
        "low:Q",
        title=Y_TITLE,
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], labelFlush=True),
    )
    return alt.layer(
        base.mark_rule(strokeWidth=6, opacity=0.25, color=COLOURS[0]).encode(
            x=x, x2="high:Q", y=y, tooltip=tooltip
        ),
        base.mark_point(filled=True, size=110, color=COLOURS[0], opacity=1).encode(
            x=alt.X("missed:Q"), y=y, tooltip=tooltip
        ),
    ).properties(height=ROW_HEIGHT * len(rows) + 40)
