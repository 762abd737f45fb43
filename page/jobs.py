"""The second page: the queue, or one job live; the number of the job is in the address."""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st

from db import job_queue, jobs
from page.database import database, warn_without_worker
from page.job_buttons import show_again, show_cancel
from page.job_view import job_number, show_job
from page.wording import STATES, duration, moment, stage_name

NEWEST = 20
LIST_EVERY_S = 2.0


def show_row(row: pd.Series, place: int | None) -> None:
    """Show one job of the list; its phrase opens it, a button ends it or begins it again.

    Args:
        row: of the table of jobs.
        place: in the queue, 1 for the next; None for a job that does not wait.
    """
    word, colour, icon = STATES[row.state]
    with st.container(border=True):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            if st.button(f"**{row.phrase}**", type="tertiary", key=f"open {row.id}"):
                st.query_params["job"] = str(row.id)
                st.rerun()
            st.badge(word, color=colour, icon=icon)
        parts = [f"Job {row.id}", row.preset, moment(row.created)]
        if place is not None:
            parts.append("next in the queue" if place == 1 else f"number {place} in the queue")
        if row.state == "running":
            parts.append(f"running for {duration(time.time() - row.started)}")
            text = stage_name(row.stage) or "Starting"
            st.progress(float(row.fraction), text=text)
        elif pd.notna(row.finished) and pd.notna(row.started):
            parts.append(f"took {duration(row.finished - row.started)}")
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.caption(" · ".join(parts), width="content")
            if row.state in {"queued", "running"}:
                show_cancel(row.id, key=f"cancel {row.id}", kind="tertiary")
            elif row.state in {"failed", "cancelled"}:
                show_again(row.id, key=f"again {row.id}", kind="tertiary")


def any_live() -> bool:
    """Return whether the list can still change by itself."""
    with database() as connection:
        return bool(jobs.list_jobs(connection).state.isin(["queued", "running"]).any())


def show_list(live: bool) -> None:
    """Show the newest jobs, or how to make the first."""
    with database() as connection:
        frame = jobs.list_jobs(connection)
        if live and not frame.state.isin(["queued", "running"]).any():
            st.rerun()
        if frame.empty:
            with st.container(border=True):
                st.markdown("**Nothing here yet.** A job appears when you teach a phrase.")
                st.page_link(
                    "page/new_phrase.py", label="Teach a new phrase", icon=":material/add:"
                )
            return
        order = job_queue.waiting(connection)
        if order:
            warn_without_worker(connection)
    places = {job_id: number for number, job_id in enumerate(order, 1)}
    if len(order) > 1:
        st.caption("People take turns in the queue, each with their oldest job.")
    show_all = len(frame) > NEWEST and st.toggle(f"Show all {len(frame)} jobs", key="show_all")
    for _, row in (frame if show_all else frame.head(NEWEST)).iterrows():
        show_row(row, places.get(row.id))


number = job_number()
if number is None:
    st.title("Jobs")
    live = any_live()
    st.fragment(show_list, run_every=LIST_EVERY_S if live else None)(live)
else:
    show_job(number)
