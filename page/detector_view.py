"""A detector's curve comes in; the choice of a threshold, what it means and the chart go out."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from page.detector_charts import LEAST_PER_HOUR, det_chart, frame_of
from page.detector_curve import of_hundred, rate
from page.wording import share

if TYPE_CHECKING:
    from page.detector_curve import Curve, Point
    from page.detector_files import Detector

AT = "at"
"""The parameter of the address that holds the threshold."""
SYNTHETIC, RECORDINGS = "synthetic voices", "real recordings"


def choose_point(curve: Curve, job_id: int) -> int:
    """Let a person choose how sensitive the detector is; return the point's number."""
    key = f"sensitivity {job_id}"
    if key not in st.session_state:
        st.session_state[key] = _asked(curve)
    st.subheader("How sensitive should it be?", anchor=False)
    chosen = st.select_slider(
        "Sensitivity, as false wakes per hour: from hardly ever wakes by mistake to hears most",
        options=range(len(curve.points) - 1, -1, -1),  # as the chart: false wakes grow to the right
        format_func=lambda number: rate(curve.points[number].per_hour),
        key=key,
        label_visibility="collapsed",
        on_change=_follow,
        args=(curve, key),
    )
    number = int(chosen)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.caption("← wakes less by mistake", width="content")
        st.caption("hears more →", width="content")
    return number


def _asked(curve: Curve) -> int:
    """Return the point that the address asks for, or the one that ships."""
    try:
        threshold = float(st.query_params.get(AT, ""))
    except ValueError:
        return curve.shipped
    return curve.nearest(threshold) if math.isfinite(threshold) else curve.shipped


def _follow(curve: Curve, key: str) -> None:
    number = st.session_state[key]
    if number == curve.shipped:
        st.query_params.pop(AT, None)
    else:
        st.query_params[AT] = f"{curve.points[number].threshold:.6g}"


def show_words(curve: Curve, point: Point, detector: Detector) -> None:
    """Say what the chosen threshold means, and what that stands on."""
    st.markdown(f"#### {point.words()}")
    real = recorded_at(detector.evaluation, point.threshold)
    if real is not None:
        st.markdown(f"**{real}**")
    facts = ["As shipped." if point.shipped else f"Threshold {point.threshold:.4g}."]
    report = curve.report
    if report is not None and report["near_misses"]:
        facts.append(
            f"Takes {point.near_accepted} of {report['near_misses']} phrases that sound similar "
            "for its own."
        )
    if point.missed_low is not None and point.missed_high is not None:
        low, high = 100 * point.missed_low, 100 * point.missed_high
        facts.append(f"Misses between {low:.0f} and {high:.0f} of 100, with 95 % confidence.")
    how = "extrapolated from the loudest sounds, since that is too rare to count in "
    counted = f"counted in {_hours(curve.hours)} of other speech and noise"
    wakes = f"{how}{_hours(curve.hours)}" if point.extrapolated else counted
    facts.append(
        f"False wakes are {wakes}; certain is only that there are fewer than "
        f"{_few(point.per_hour_high)} an hour. A quiet room gives far less to mistake."
    )
    st.markdown(" ".join(facts))
    scale = ""
    if report is not None:
        scale = f" ({report['scenes']} scenes with {report['people']} voices)"
    st.info(
        f"Misses are measured on synthetic voices that training never heard{scale}, not on people. "
        "Real voices and rooms differ; a measurement on recordings of people counts more.",
        icon=":material/science:",
    )


def show_det(curve: Curve, point: Point, detector: Detector) -> None:
    """Show miss rate over false wakes, with what was measured on recordings, if it was."""
    curves = {SYNTHETIC: frame_of(curve)}
    recordings = frame_of_evaluation(detector.evaluation)
    if recordings is not None:
        curves[RECORDINGS] = recordings
    if all(len(frame) < 2 for frame in curves.values()):
        return
    with st.container(border=True):
        st.markdown("**What it misses at each rate of false wakes**")
        st.altair_chart(
            det_chart({name: frame for name, frame in curves.items() if len(frame)}, [point]),
            alt=(
                "Line chart: share of phrases missed over false wakes per hour. "
                f"Chosen: {point.words()}"
            ),
        )
        if curve.report is None:
            st.caption(
                "Only the thresholds of its manifest are known: this detector was trained before "
                "Watchword wrote down the whole curve. Teach the phrase again to see it."
            )
        else:
            st.caption(
                "The dot is the sensitivity chosen above, with the bounds of its rate. Shaded: "
                "95 % bounds of the share missed, as if all scenes were independent."
            )
        if recordings is not None:
            st.caption("The line of real recordings counts false wakes in its own hours.")


def frame_of_evaluation(evaluation: dict[str, Any] | None) -> pd.DataFrame | None:
    """Return the curve of clean recordings as `frame_of` does; None where there is none."""
    if evaluation is None:
        return None
    try:
        curve = evaluation["curve"]
        frame = pd.DataFrame(
            {
                "per_hour": curve["false_accepts_per_hour"],
                "missed": next(iter(curve["miss_rate"].values())),
                "threshold": curve["threshold"],
            }
        ).astype(float)
    except (KeyError, TypeError, ValueError, StopIteration):
        return None
    return frame[frame["per_hour"] >= LEAST_PER_HOUR]


def recorded_at(evaluation: dict[str, Any] | None, threshold: float) -> str | None:
    """Return what recordings of people gave at a threshold, if it was measured there."""
    if evaluation is None:
        return None
    try:
        rows = [evaluation["shipped_threshold"], *evaluation["shipped_operating_points"]]
        row = next(row for row in rows if math.isclose(row["threshold"], threshold, rel_tol=1e-4))
        condition = str(evaluation["conditions"][0]["name"])
        heard = of_hundred(row["miss_rate"][condition]["value"])
        hours = _hours(float(evaluation["negative_hours"]))
    except (KeyError, TypeError, IndexError, StopIteration):
        return None
    count = int(row["false_accepts"])
    wakes = f"{count or 'no'} false wake{'' if count < 2 else 's'}"
    return f"On recordings of people ({condition}): hears {heard} of 100, {wakes} in {hours}."


def show_recordings(detector: Detector) -> None:
    """Show what was measured on recordings of people, or how to measure it."""
    evaluation = detector.evaluation
    if evaluation is None:
        with st.expander("Measure it on recordings of people", icon=":material/record_voice_over:"):
            st.markdown(
                "With recordings of the phrase in one folder and hours of anything else in "
                "another, this measures what ships, and the result appears here:"
            )
            st.code(
                f"watchword evaluate {shlex.quote(str(detector.bundle))} --positives said/ "
                f"--negatives radio/ --json {shlex.quote(str(detector.evaluation_file))}",
                language="bash",
                wrap_lines=True,
            )
        return
    try:
        rows = [_recorded(row, evaluation) for row in evaluation["shipped_operating_points"]]
        shipped = evaluation["shipped_threshold"]
        rows = rows or [_recorded(shipped, evaluation)]
        text = (
            f"**On recordings of people**: {evaluation['positives']} of the phrase, "
            f"{_hours(float(evaluation['negative_hours']))} of others, `{evaluation['file']}`."
        )
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        st.warning(f"{detector.evaluation_file} cannot be read: {error}. Run the evaluation again.")
        return
    with st.container(border=True):
        st.markdown(text)
        st.dataframe(pd.DataFrame(rows), hide_index=True)
        st.caption("Where no false accept was heard, the hours bound the rate from above.")


def _recorded(row: dict[str, Any], evaluation: dict[str, Any]) -> dict[str, str]:
    per_hour = row["measured_per_hour"]
    value = per_hour["value"]
    meant = row["false_accepts_per_hour"]
    heard = {
        f"Missed, {condition['name']}": share(row["miss_rate"][condition["name"]]["value"])
        for condition in evaluation["conditions"]
    }
    return {
        "Meant for": "as shipped" if meant is None else rate(float(meant)),
        "False wakes": f"below {per_hour['high_95']:.2g}/h" if value is None else rate(value),
        **heard,
        "Threshold": f"{row['threshold']:.4g}",
    }


def _hours(hours: float) -> str:
    return f"{60 * hours:.0f} minutes" if hours < 2 else f"{hours:.1f} hours"


def _few(per_hour: float) -> str:
    return f"{per_hour:.0f}" if per_hour >= 10 else f"{per_hour:.2g}"
