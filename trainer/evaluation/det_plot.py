"""An evaluation in, a detection error trade-off (DET) plot out: HTML, SVG or PNG.

Both axes are logarithmic, as the field draws miss rate over false accepts per hour. What the hours
of negatives cannot show is shaded, and a miss rate there is a lower bound, drawn dashed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from trainer.evaluation.surroundings import count
from trainer.rates import poisson_per_hour, wilson

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.evaluate import Evaluation
    from trainer.evaluation.operating_rows import OperatingRow

SUFFIXES = (".html", ".svg", ".png")
WIDTH, HEIGHT = 720, 440
PIXELS_PER_INCH = 144
LEAST_PER_HOUR = 0.05
MOST_PER_HOUR = 20.0
"""Where the plot ends, unless a shipped threshold or the first event lies further right."""
PER_HOUR_TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
MISS_TICKS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]
GREY = "#666666"
SET_HERE = "set on these recordings"
SHIPPED = "as shipped"
BANDS_AT_MOST = 3
"""With more conditions than this the bands would hide each other: the first alone has one."""
COLOURS_AT_MOST = 8
"""What the scheme "dark2" has."""

Rows = list[dict[str, Any]]


def save_det_plot(measured: Evaluation, path: Path) -> None:
    """Write the plot aside, then rename; the suffix decides the format, and HTML needs no network.

    Raises:
        ValueError: the suffix is none of SUFFIXES.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ValueError(f"{path} must end in {', '.join(SUFFIXES)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part" + kind)
    more: dict[str, Any] = {"inline": True} if kind == ".html" else {}
    if kind == ".png":
        more["ppi"] = PIXELS_PER_INCH
    det_plot(measured).save(str(aside), **more)
    aside.replace(path)


def det_plot(measured: Evaluation) -> alt.LayerChart:
    """Return the plot: a line a condition with its band, operating points, what is unsupported."""
    floor = 0.5 / measured.curve.positives  # stands for none, which no logarithmic axis has
    end = _end_per_hour(measured)
    x, y = _axes(floor, end)
    names = [condition.name for condition in measured.conditions]
    colour = alt.Color(
        "condition:N",
        sort=names,
        title="heard",
        scale=alt.Scale(scheme="dark2" if len(names) <= COLOURS_AT_MOST else "category20"),
        legend=alt.Legend(symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=3),
    )
    shape = alt.Shape(
        "threshold:N",
        title="threshold",
        scale=alt.Scale(domain=[SET_HERE, SHIPPED], range=["circle", "diamond"]),
    )
    curve = alt.Chart(alt.Data(values=_curve(measured, floor, end)))
    bounds = alt.Chart(alt.Data(values=_bounds(measured, floor)))
    points = alt.Chart(alt.Data(values=_points(measured, floor)))
    band = curve.transform_filter("datum.band").mark_area(opacity=0.15, interpolate="step-after")
    return (
        alt.layer(
            *_unsupported(measured, x),
            *_shipped(measured, x),
            band.encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour),
            curve.mark_line(interpolate="step-after").encode(x=x, y=y, color=colour),
            bounds.mark_line(strokeDash=[4, 3]).encode(x=x, y=y, color=colour),
            points.mark_point(filled=True, size=70, opacity=1).encode(
                x=x, y=y, color=colour, shape=shape
            ),
        )
        .properties(
            width=WIDTH,
            height=HEIGHT,
            background="white",
            title=alt.TitleParams(
                f"{measured.phrase}: {measured.file}",
                subtitle=f"{count(measured.curve.positives, 'recording')} of the phrase, "
                f"{measured.negatives.hours:.2f} h without it. With 95 % bounds: band, miss rate; "
                "bar at the top, false accepts as shipped.",
                subtitleColor=GREY,
                anchor="start",
            ),
        )
        .configure_axis(gridOpacity=0.4)
        .configure_view(stroke=None)
    )


def _first_per_hour(measured: Evaluation) -> float:
    """Return the rate of a single event: the hours say nothing of lower ones."""
    return 1 / measured.negatives.hours


def _end_per_hour(measured: Evaluation) -> float:
    ends = [MOST_PER_HOUR, 3 * _first_per_hour(measured)]
    ends += [1.3 * row.per_hour.value for row in (measured.shipped, *measured.shipped_points)]
    return max(ends)


def _axes(floor: float, end: float) -> tuple[alt.X, alt.Y]:
    x = alt.X(
        "per_hour:Q",
        title="false accepts per hour",
        scale=alt.Scale(type="log", domain=[LEAST_PER_HOUR, end], nice=False, clamp=True),
        axis=alt.Axis(
            values=[tick for tick in PER_HOUR_TICKS if tick <= end],
            format="~g",
            labelOverlap=False,
        ),
    )
    y = alt.Y(
        "miss:Q",
        title="miss rate",
        scale=alt.Scale(type="log", domain=[floor, 1], nice=False, clamp=True),
        axis=alt.Axis(
            values=[floor, *(tick for tick in MISS_TICKS if tick > 1.2 * floor)],
            labelExpr=f"datum.value <= {floor} ? 'none' : format(datum.value, '~%')",
            labelOverlap=False,
        ),
    )
    return x, y


def _curve(measured: Evaluation, floor: float, end: float) -> Rows:
    curve, rows = measured.curve, []
    banded = list(curve.missed)[: None if len(curve.missed) <= BANDS_AT_MOST else 1]
    shown = (curve.per_hour > 0) & (curve.per_hour <= end)  # no event is for _bounds to draw
    for name, counts in curve.missed.items():
        places, missed = curve.per_hour[shown].tolist(), counts[shown].tolist()
        for per_hour, number in zip([*places, end], [*missed, *missed[-1:]], strict=False):
            bounds = wilson(number, curve.positives)
            rows.append(
                {
                    "condition": name,
                    "per_hour": per_hour,
                    "miss": max(bounds.value, floor),
                    "low": max(bounds.low, floor),
                    "high": max(bounds.high, floor),
                    "band": name in banded,
                }
            )
    return rows


def _bounds(measured: Evaluation, floor: float) -> Rows:
    """Return what is missed without a false accept: at lower rates it is at least that."""
    curve = measured.curve
    return [
        {"condition": name, "per_hour": x, "miss": max(counts[0] / curve.positives, floor)}
        for name, counts in curve.missed.items()
        for x in (LEAST_PER_HOUR, _first_per_hour(measured))
    ]


def _standing(measured: Evaluation) -> list[tuple[float, OperatingRow]]:
    """Return the shipped rows and where to draw them.

    Those that gave no false accept stand side by side where nothing is known.
    """
    rows = measured.shipped_points
    if measured.shipped.threshold not in [row.threshold for row in rows]:
        rows = (measured.shipped, *rows)
    unheard = [row for row in rows if not row.false_accepts]
    end = max(_first_per_hour(measured), 2 * LEAST_PER_HOUR)
    places = np.geomspace(LEAST_PER_HOUR, end, len(unheard) + 2)[1:-1].tolist()
    return list(zip(places, unheard, strict=True)) + [
        (row.per_hour.value, row) for row in rows if row.false_accepts
    ]


def _points(measured: Evaluation, floor: float) -> Rows:
    marked = [(SHIPPED, place, row) for place, row in _standing(measured)]
    marked += [
        (SET_HERE, row.per_hour.value, row)
        for row in measured.rows
        if row.supported and row.false_accepts
    ]
    return [
        {
            "condition": name,
            "per_hour": place,
            "miss": max(miss.value, floor),
            "threshold": kind,
        }
        for kind, place, row in marked
        for name, miss in row.miss.items()
    ]


def _unsupported(measured: Evaluation, x: alt.X) -> list[alt.Chart]:
    first = _first_per_hour(measured)
    if first <= LEAST_PER_HOUR:
        return []
    area = alt.Chart(alt.Data(values=[{"per_hour": LEAST_PER_HOUR, "end": first}]))
    upper = poisson_per_hour(0, measured.negatives.hours).high
    note = f"no event in {measured.negatives.hours:.2f} h: < {upper:.2g}/h"
    return [
        area.mark_rect(color="#dddddd", opacity=0.6).encode(x=x, x2="end:Q"),
        area.mark_text(
            align="left", baseline="bottom", dx=6, dy=-6, color=GREY, fontSize=11
        ).encode(x=x, y=alt.value(HEIGHT), text=alt.value(note)),
    ]


def _shipped(measured: Evaluation, x: alt.X) -> list[alt.Chart]:
    """Mark where the manifest's thresholds really stand, and how sure that of the default is."""
    meant: dict[float, list[str]] = {}
    for place, row in _standing(measured):
        rate = "no rate" if row.rate_per_hour is None else f"{row.rate_per_hour:g}/h"
        default = "(default)" if row.threshold == measured.shipped.threshold else ""
        meant.setdefault(place, []).append(f"{rate} {default}".strip())
    labels = [
        {"per_hour": place, "label": f"shipped for {', '.join(rates)}"}
        for place, rates in meant.items()
    ]
    rules = alt.Chart(alt.Data(values=labels))
    sure = measured.shipped.per_hour
    span = [{"per_hour": max(sure.low, LEAST_PER_HOUR), "end": sure.high}]
    return [
        rules.mark_rule(color=GREY, strokeDash=[1, 3]).encode(x=x),
        rules.mark_text(
            angle=270, align="left", baseline="bottom", dx=30, dy=-3, color=GREY, fontSize=10
        ).encode(x=x, y=alt.value(HEIGHT - 20), text="label:N"),
        alt.Chart(alt.Data(values=span))
        .mark_rule(color=GREY, strokeWidth=4, opacity=0.6)
        .encode(x=x, x2="end:Q", y=alt.value(0)),
    ]
