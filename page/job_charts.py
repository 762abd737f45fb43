"""A training's figures come in, curves of loss, misses and false accepts go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import streamlit as st

from db import job_events

if TYPE_CHECKING:
    import sqlite3

POINTS = 2000
HEIGHT = 210
NO_RUN = -1
"""The run of figures that belong to none: of a job before there were several, or of their mean."""
LOSS = ("loss", "Training loss", "", ".3f")
JUDGED = (
    ("miss_rate", "Missed in validation", "of the phrases", ".1%"),
    ("false_accepts_per_hour", "False accepts in validation", "per hour", ".2f"),
)
ABOUT = (
    "Validation is on voices that the training does not hear. Misses are counted at two false "
    "accepts per hour, false accepts at a threshold of one half; the threshold that ships is "
    "chosen at the end."
)


def show_charts(connection: sqlite3.Connection, job_id: int) -> None:
    """Show the curves for which there are figures yet."""
    metrics = job_events.events(connection, job_id, "metric", last=POINTS)
    if len(metrics) < 2:
        return
    frame = pd.DataFrame(metrics.payload.tolist())
    if "step" not in frame:
        return
    frame = newest(frame)
    if "loss" in frame:
        _show(frame, *LOSS, points=False)
    shown = [chart for chart in JUDGED if chart[0] in frame and frame[chart[0]].notna().any()]
    if shown:
        for column, chart in zip(st.columns(len(shown)), shown, strict=True):
            with column:
                _show(frame, *chart, points=True)
        st.caption(ABOUT)


def newest(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row a step, with the column `run`.

    Args:
        frame: figures as they were reported, with the column `step` and perhaps `run`.
    """
    # Runs may learn at the same time, each in steps of its own; what learns their mean is no run.
    run = frame["run"].fillna(NO_RUN) if "run" in frame else NO_RUN
    frame = frame.assign(run=run)
    # A second worker trains from the first step again: the newest figure of a step counts.
    last = frame.groupby("run").step.transform(lambda steps: steps[::-1].cummin()[::-1])
    return frame[frame.step <= last].drop_duplicates("step", keep="last")


def _show(
    frame: pd.DataFrame, name: str, title: str, unit: str, form: str, *, points: bool
) -> None:
    figures = frame[["step", "run", name]].dropna()
    latest = figures[name].iloc[-1]
    st.markdown(
        f"**{title}** · {latest:{form}}" + ("" if form.endswith("%") else f" {unit}").rstrip()
    )
    axis = alt.Axis(format=form if form.endswith("%") else "~g", tickCount=4)
    chart = (
        alt.Chart(figures)
        .mark_line(point=points)
        .encode(
            x=alt.X("step:Q", title="step", axis=alt.Axis(tickCount=4, format=",d")),
            detail="run:N",
            y=alt.Y(f"{name}:Q", title=unit or None, scale=alt.Scale(zero=True), axis=axis),
            tooltip=[alt.Tooltip("step:Q"), alt.Tooltip(f"{name}:Q", title=title, format=form)],
        )
        .properties(height=HEIGHT)
    )
    st.altair_chart(chart, alt=f"{title} by step; the latest is {latest:{form}}", key=name)
