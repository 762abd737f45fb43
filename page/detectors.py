"""The third page: finished jobs come in; all detectors, one of them or two side by side go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from db import jobs
from db.detectors import DELETED, list_detectors
from page import (
    detector_card,
    detector_delete,
    detector_groups,
    detector_list,
    detector_use,
    detector_view,
)
from page.database import database
from page.detector_curve import read_curve
from page.detector_files import (
    Detector,
    DetectorDamagedError,
    DetectorMissingError,
    open_detector,
)
from page.job_view import job_number
from page.wording import duration, moment, share, size

if TYPE_CHECKING:
    from db.jobs import Job

TABS = ("How good it is", "Use it", "Files", "Model card")


def show_all(finished: list[Job]) -> None:
    """Show the list, or how to make the first."""
    st.title("Detectors", anchor=False)
    if finished:
        detector_list.show_cards(finished)
        return
    with st.container(border=True):
        st.markdown("**No detector yet.** It appears here when its job is done.")
        st.page_link("page/new_phrase.py", label="Teach a new phrase", icon=":material/add:")


def go_back() -> None:
    """Show the button that leads to the list."""
    st.button(
        "All detectors",
        type="tertiary",
        icon=":material/arrow_back:",
        key="back",
        on_click=st.query_params.clear,
    )


def show_one(job_id: int, finished: list[Job]) -> None:
    """Show one detector, or why there is none of that number."""
    job = next((job for job in finished if job.id == job_id), None)
    if job is None:
        explain_missing(job_id)
        return
    try:
        found = open_detector(job.result or {})
    except (DetectorMissingError, DetectorDamagedError) as error:
        st.title(job.phrase, anchor=False)
        st.error(str(error), icon=":material/folder_off:")
        detector_delete.offer_delete(job_id, job.phrase, job.result or {})
        return
    show_head(job, found)
    curve = read_curve(found)
    point = None
    good, use, files, card = st.tabs(TABS)
    with good:
        if curve is None:
            st.info("Nothing was measured for this detector, so its sensitivity cannot be chosen.")
        else:
            number = detector_view.choose_point(curve, job_id)
            point = curve.points[number]
            detector_view.show_words(curve, point, found)
            detector_view.show_det(curve, point, found)
            detector_view.show_recordings(found)
            detector_groups.show_groups(curve, number)
            detector_groups.show_near_misses(curve, point)
    with use:
        detector_use.show_use(found, point)
    with files:
        detector_use.show_downloads(found)
        detector_card.show_verification(found)
    with card:
        detector_card.show_card(found)
    st.divider()
    with st.container(horizontal=True):
        if len(finished) > 1:
            other = next(other.id for other in finished if other.id != job_id)
            st.button(
                "Compare with another",
                icon=":material/compare_arrows:",
                key="compare",
                on_click=st.query_params.from_dict,
                args=({detector_list.COMPARE: f"{job_id},{other}"},),
            )
        detector_delete.offer_delete(job_id, job.phrase, job.result or {})


def explain_missing(job_id: int) -> None:
    """Say why a number has no detector."""
    st.title("No such detector", anchor=False)
    with database() as connection:
        try:
            job = jobs.get(connection, job_id)
        except jobs.JobNotFoundError as error:
            st.info(str(error))
            return
    if job.result is not None and DELETED in job.result:
        when = moment(float(job.result[DELETED]))
        st.info(f"The detector of “{job.phrase}” was deleted on {when}. Teach the phrase again.")
    else:
        st.info(f"Job {job_id} has no detector: it is {job.state}.")
        st.page_link(
            "page/jobs.py", label="See the job", icon=":material/list:",
            query_params={"job": str(job_id)},
        )  # fmt: skip


def show_head(job: Job, detector: Detector) -> None:
    """Show what a person wants to know first, and the zip."""
    st.title(job.phrase, anchor=False)
    made = f"made in {duration(60 * sum(detector.minutes.values()))}"
    st.caption(
        f"{job.preset.capitalize()} · seed {job.seed} · "
        f"{moment(job.finished or job.created)} · {made} · job {job.id}"
    )
    with st.container(horizontal=True):
        real = detector.real_miss_rate
        st.metric(
            "Missed" if real is None else "Missed, synthetic",
            share(detector.miss_rate),
            border=True,
            help="Of the phrase said by synthetic voices that training never heard, as shipped.",
        )
        if real is not None:
            st.metric(
                "Missed, real people",
                share(real),
                border=True,
                help="Of recordings of people, clean, as shipped: `watchword evaluate`.",
            )
        st.metric(
            "Near-misses accepted",
            share(detector.near_miss_accepted),
            border=True,
            help="Of phrases that sound similar and are not it, as shipped.",
        )
        st.metric("Smallest file", size(detector.smallest_bytes), border=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        detector_use.show_zip(detector)
        st.page_link(
            "page/try_it.py", label="Try it", icon=":material/mic:",
            query_params={"job": str(job.id)},
        )  # fmt: skip


with database() as connection:
    every = list_detectors(connection)
detector_delete.show_note()
pair, asked = detector_list.compared(), job_number()
if pair is not None:
    go_back()
    detector_list.show_comparison(every, pair)
elif asked is not None:
    go_back()
    show_one(asked, every)
else:
    show_all(every)
