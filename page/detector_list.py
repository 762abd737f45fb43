"""Finished jobs come in; a card for each detector, and two that are to be compared, go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from page.detector_charts import det_chart, frame_of
from page.detector_curve import of_hundred, rate, read_curve
from page.detector_files import (
    Detector,
    DetectorDamagedError,
    DetectorMissingError,
    open_detector,
)
from page.wording import moment, share, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from db.jobs import Job

COMPARE = "compare"
"""The parameter of the address that holds the numbers of two jobs."""


def show_cards(finished: Sequence[Job]) -> None:
    """Show all detectors."""
    if len(finished) > 1:
        newest = f"{finished[0].id},{finished[1].id}"
        st.button(
            "Compare two",
            icon=":material/compare_arrows:",
            key="compare",
            on_click=_go,
            args=(COMPARE, newest),
        )
    for first in range(0, len(finished), 2):  # row by row: a phone shows them newest first too
        for place, job in zip(st.columns(2), finished[first : first + 2], strict=False):
            with place, st.container(border=True):
                _show_card(job)


def _show_card(job: Job) -> None:
    st.button(
        f"**{job.phrase}**",
        icon=":material/arrow_forward:",
        icon_position="right",
        key=f"open {job.id}",
        on_click=_go,
        args=("job", str(job.id)),
        width="stretch",
    )
    about = f"{job.preset.capitalize()} · {_made(job)}"
    try:
        detector = open_detector(job.result or {})
    except DetectorMissingError:
        st.caption(f"{about}  \n:red[Its files are gone from the disk.]")
        return
    except DetectorDamagedError:
        st.caption(f"{about}  \n:red[Its result cannot be read.]")
        return
    curve = read_curve(detector)
    if curve is not None:
        st.markdown(curve.points[curve.shipped].words())
    real = detector.real_miss_rate
    people = "" if real is None else f", {of_hundred(real)} of 100 on recordings of people"
    measured = f"Measured on synthetic voices{people}"
    devices = " · ESPHome" if detector.micro else ""
    st.caption(f"{about}  \n{measured} · from {size(detector.smallest_bytes)}{devices}")


def _go(name: str, value: str) -> None:
    st.query_params.from_dict({name: value})


def compared() -> tuple[int, int] | None:
    """Return the numbers of the two jobs in the address, None when there are none."""
    parts = st.query_params.get(COMPARE, "").split(",")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) < 19 for p in parts):
        return None
    return int(parts[0]), int(parts[1])


def show_comparison(finished: Sequence[Job], pair: tuple[int, int]) -> None:
    """Show two detectors side by side."""
    st.title("Compare", anchor=False)
    by_id = {job.id: job for job in finished}
    labels = {
        job.id: f"{job.phrase} · {job.preset} · {_made(job)} · job {job.id}" for job in finished
    }
    if len(by_id) < 2:
        st.info("There is only one detector. Teach another phrase, or this one again.")
        return
    ids = list(by_id)
    left = pair[0] if pair[0] in by_id else ids[0]
    right = pair[1] if pair[1] in by_id else next(one for one in ids if one != left)
    # The address is the truth: the widgets take their values from there and write them back.
    st.session_state["left"], st.session_state["right"] = left, right
    for place, key, label in zip(
        st.columns(2), ("left", "right"), ("First", "Second"), strict=True
    ):
        place.selectbox(label, ids, format_func=labels.__getitem__, key=key, on_change=_follow)
    if left == right:
        st.info("This is the same detector twice. Choose another one.")
        return
    opened: list[tuple[str, Detector]] = []
    for number in (left, right):
        try:
            opened.append(
                (_name(by_id, number, (left, right)), open_detector(by_id[number].result or {}))
            )
        except (DetectorMissingError, DetectorDamagedError) as error:
            st.error(str(error), icon=":material/folder_off:")
            return
    _show_pair(opened)


def _follow() -> None:
    st.query_params[COMPARE] = f"{st.session_state['left']},{st.session_state['right']}"


def _made(job: Job) -> str:
    return moment(job.finished or job.created)


def _name(by_id: dict[int, Job], number: int, pair: tuple[int, int]) -> str:
    same = len({by_id[one].phrase for one in pair}) == 1
    return f"{by_id[number].phrase}, job {number}" if same else by_id[number].phrase


def _show_pair(opened: Sequence[tuple[str, Detector]]) -> None:
    curves = {name: read_curve(detector) for name, detector in opened}
    frames = {name: frame_of(curve) for name, curve in curves.items() if curve is not None}
    frames = {name: frame for name, frame in frames.items() if not frame.empty}
    chosen = [curve.points[curve.shipped] for curve in curves.values() if curve is not None]
    if frames:
        with st.container(border=True):
            st.markdown("**What they miss at each rate of false wakes**")
            st.altair_chart(
                det_chart(frames, chosen),
                alt="Line chart: share missed over false wakes per hour, a line a detector.",
            )
            st.caption(
                "The dots: as shipped. Each was measured on its own phrase, on synthetic voices: "
                "where the shaded bounds overlap, the difference may be chance."
            )
    table = pd.DataFrame({name: _figures(detector) for name, detector in opened})
    st.dataframe(table.rename_axis("").reset_index(), hide_index=True)


def _figures(detector: Detector) -> dict[str, str]:
    curve = read_curve(detector)
    found = {"Missed, as shipped": share(detector.miss_rate)}
    if curve is not None:
        point = curve.points[curve.shipped]
        found["False wakes, as shipped"] = rate(point.per_hour)
        found["False wakes, at most"] = rate(point.per_hour_high)
    found["Similar phrases accepted"] = share(detector.near_miss_accepted)
    found["Missed of real recordings"] = share(detector.real_miss_rate)
    found["Smallest file"] = size(detector.smallest_bytes)
    steps = [row["step_us"] for row in detector.verification if row.get("step_us") is not None]
    found["Fastest, µs a step"] = f"{min(steps):.0f}" if steps else "not measured"
    found["For ESPHome"] = "yes" if detector.micro else "no"
    found["Made in"] = f"{sum(detector.minutes.values()):.0f} min"
    voices = detector.manifest.provenance.get("people")
    learnt = voices.get("train") if isinstance(voices, dict) else None
    found["Voices learnt from"] = "not recorded" if learnt is None else str(learnt)
    return found
