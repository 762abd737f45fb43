"""Totals of the clip database come in, charts of how much there is and of what go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import altair as alt
import pandas as pd

from page.buckets import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from page.buckets import Stock

Measure: TypeAlias = Literal["clips", "hours"]
BAR_HEIGHT = 28
"""Of a bar with its gap, in dots."""
LONGEST_LABEL_PX = 160


def bars(totals: pd.DataFrame, column: str, measure: Measure, *, colour: str = "") -> alt.Chart:
    """Draw how much there is of each kind, most first.

    Args:
        totals: as `ClipSearch.totals` gives them.
        column: whose values are compared.
        measure: of what.
        colour: a column that the bars are divided by.
    """
    kinds = totals[column].nunique()
    encoding = {
        "x": alt.X(f"sum({measure}):Q", title=measure, axis=alt.Axis(tickCount=4, format=",~r")),
        "y": alt.Y(
            f"{column}:N",
            title=None,
            sort=alt.EncodingSortField(measure, op="sum", order="descending"),
            axis=alt.Axis(labelLimit=LONGEST_LABEL_PX, ticks=False, domain=False),
        ),
        "tooltip": [
            alt.Tooltip(f"{column}:N"),
            alt.Tooltip("sum(clips):Q", title="clips", format=",d"),
            alt.Tooltip("sum(hours):Q", title="hours", format=".2f"),
            alt.Tooltip("sum(speakers):Q", title="speakers", format=",d"),
        ],
    }
    if colour and len(totals[colour].unique()) > 1:
        encoding["color"] = alt.Color(
            f"{colour}:N", title=None, legend=alt.Legend(orient="bottom", columns=2)
        )
    chart = alt.Chart(totals, height=alt.Step(BAR_HEIGHT) if kinds else 0)
    return chart.mark_bar(cornerRadiusEnd=2).encode(**encoding)


def bucket_chart(stock: Sequence[Stock]) -> alt.LayerChart | alt.FacetChart:
    """Draw how many clips each bucket has, and how many a standard training wants."""
    frame = pd.DataFrame(
        {
            "bucket": [name_of(one) for one in stock],
            "clips": [one.clips for one in stock],
            "hours": [one.hours for one in stock],
            "wanted": [one.target for one in stock],
        }
    )
    axis = alt.Axis(labelLimit=LONGEST_LABEL_PX, ticks=False, domain=False)
    y = alt.Y("bucket:N", title=None, sort=None, axis=axis)
    tooltip = [
        alt.Tooltip("bucket:N"),
        alt.Tooltip("clips:Q", format=",d"),
        alt.Tooltip("hours:Q", format=".2f"),
        alt.Tooltip("wanted:Q", format=",d"),
    ]
    base = alt.Chart(frame, height=alt.Step(BAR_HEIGHT)).encode(y=y, tooltip=tooltip)
    have = base.mark_bar(cornerRadiusEnd=2).encode(
        x=alt.X("clips:Q", title="clips", axis=alt.Axis(tickCount=4, format=",d"))
    )
    wanted = (
        base.transform_filter("datum.wanted != null")
        .mark_tick(thickness=3, size=BAR_HEIGHT - 8, color="#d9480f")
        .encode(x="wanted:Q")
    )
    return alt.layer(have, wanted)


def name_of(stock: Stock) -> str:
    """Return what a person calls a bucket; recordings of people stand apart from voices."""
    name = BUCKETS[stock.bucket]
    return f"{name}, by people" if stock.target is None else name
