"""One job's row and events come in; its stages, chart, log and what can be done go out, live."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from db import job_claims, job_events, job_history, job_queue, jobs
from page.database import database, warn_without_worker
from page.job_buttons import show_again, show_cancel
from page.job_charts import show_charts
from page.wording import STATES, duration, moment, stage_name

if TYPE_CHECKING:
    import sqlite3

LIVE_EVERY_S = 1.0
SILENT_S = 20.0
LOG_LINES = 200


def job_number() -> int | None:
    """Return the number of the job in the page's address, None when there is none."""
    text = st.query_params.get("job", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def show_job(job_id: int) -> None:
    """Show a job and keep showing it until it ends."""
    st.button(
        "All jobs",
        type="tertiary",
        icon=":material/arrow_back:",
        key="back",
        on_click=st.query_params.clear,
    )
    with database() as connection:
        try:
            job = jobs.get(connection, job_id)
        except jobs.JobNotFoundError:
            st.title("No such job")
            st.info(f"There is no job {job_id}. It may be from another database.")
            return
    # Switched off with the job's end: a page left open then asks for nothing.
    st.fragment(_body, run_every=None if job.ended else LIVE_EVERY_S)(job_id, not job.ended)


def _body(job_id: int, live: bool) -> None:
    with database() as connection:
        job = jobs.get(connection, job_id)
        if live and job.ended:
            st.rerun()
        _show_head(job)
        _show_outcome(job)
        if job.state == "queued":
            _show_place(connection, job)
            warn_without_worker(connection)
        _show_stages(connection, job)
        if job.state == "running":
            _warn_of_silence(job)
        if not job.ended:
            show_cancel(job_id, key="cancel")
        show_charts(connection, job_id)
        _show_log(connection, job_id)


def _show_head(job: jobs.Job) -> None:
    word, colour, icon = STATES[job.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(job.phrase, width="content", anchor=False)
        st.badge(word, color=colour, icon=icon)
    parts = [f"Job {job.id}", f"preset {job.preset}", f"seed {job.seed}", moment(job.created)]
    if job.started is not None:
        end = job.finished or time.time()
        parts.append(f"{'took' if job.ended else 'running for'} {duration(end - job.started)}")
    st.caption(" · ".join(parts))


def _show_outcome(job: jobs.Job) -> None:
    if job.state == "done":
        st.success("The detector is ready and its files are verified.", icon=":material/check:")
        if st.button(
            "See the result and download", type="primary", icon=":material/download:", key="result"
        ):
            st.switch_page("page/detectors.py", query_params={"job": str(job.id)})
    elif job.state == "failed":
        st.error(job.error or "The worker gave no reason.", icon=":material/error:")
    elif job.state == "cancelled":
        st.info(
            "Cancelled. What was finished is kept: another try goes on from there.",
            icon=":material/block:",
        )
    if job.state in {"failed", "cancelled"}:
        show_again(job.id, key="again")


def _show_place(connection: sqlite3.Connection, job: jobs.Job) -> None:
    order = job_queue.waiting(connection)
    ahead = order.index(job.id) if job.id in order else 0
    place = "It is next." if ahead == 0 else f"{ahead} before it."
    st.markdown(f"Waiting for a worker. {place}")


def _show_stages(connection: sqlite3.Connection, job: jobs.Job) -> None:
    finished = list(job_events.stages_done(connection, job.id))
    if job.state == "running" and job.stage in finished:
        finished.remove(job.stage)  # a second worker does it again
    if not finished and not job.stage:
        return
    seconds = job_events.stage_seconds(connection, job.id)
    with st.container(border=True):
        for stage in finished:
            took = f" :gray[{duration(seconds[stage])}]" if stage in seconds else ""
            st.markdown(f":green[:material/check_circle:] {stage_name(stage)}{took}")
        if job.state == "running" and job.stage:
            _show_running(connection, job)
        elif job.stage and job.stage not in finished:
            st.markdown(f":gray[:material/stop_circle:] {stage_name(job.stage)} (not finished)")
        if job.state == "running":
            later = job_history.STAGES[_place(job.stage) :]
            for stage in later:
                st.markdown(f":gray[:material/radio_button_unchecked: {stage_name(stage)}]")


def _warn_of_silence(job: jobs.Job) -> None:
    silent_s = time.time() - (job.heartbeat or time.time())
    if silent_s > SILENT_S:
        st.warning(
            f"The worker has been silent for {duration(silent_s)}. After "
            f"{duration(job_claims.STALE_S)} another worker goes on from the last finished stage; "
            "`watchword worker` in a terminal starts one.",
            icon=":material/hourglass_top:",
        )


def _place(stage: str) -> int:
    """Return how many of the usual stages have begun."""
    stages = job_history.STAGES
    return stages.index(stage) + 1 if stage in stages else len(stages) if stage else 0


def _show_running(connection: sqlite3.Connection, job: jobs.Job) -> None:
    parts = [f"**{stage_name(job.stage)}**", f"{100 * job.fraction:.0f} %"]
    if job.eta_s is not None:
        parts.append(f"about {duration(job.eta_s)} left in this stage")
    st.progress(job.fraction, text=" · ".join(parts))
    if job.detail:
        st.caption(job.detail)
    usual = job_history.usual_stages(connection, job.preset)
    left_s = job_history.time_left(job, usual)
    if left_s is not None:
        st.markdown(
            f":material/timer: About **{duration(left_s)}** until it is done, by past runs here."
        )
    else:
        st.caption(
            f"How long the whole job takes is not known: preset {job.preset} was never finished "
            "on this machine."
        )


def _show_log(connection: sqlite3.Connection, job_id: int) -> None:
    lines = job_events.events(connection, job_id, "log", last=LOG_LINES)
    if lines.empty:
        return
    with st.expander("Log", icon=":material/notes:"):
        text = "\n".join(
            f"{datetime.fromtimestamp(unix_s).astimezone():%H:%M:%S}  {payload['message']}"
            for unix_s, payload in zip(lines.time.tolist(), lines.payload.tolist(), strict=True)
        )
        st.code(text, language=None, height=280, wrap_lines=True)
