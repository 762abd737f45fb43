"""The number of a job comes in; buttons that cancel it or queue it again go out."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from db import jobs
from page.database import database

Kind = Literal["secondary", "tertiary"]


def show_cancel(job_id: int, *, key: str, kind: Kind = "secondary") -> None:
    """Show a button that cancels a job that waits or runs."""
    st.button(
        "Cancel", icon=":material/close:", key=key, type=kind, on_click=_cancel, args=(job_id,)
    )


def show_again(job_id: int, *, key: str, kind: Kind = "secondary") -> None:
    """Show a button that queues a failed or cancelled job again."""
    if st.button(
        "Try again",
        icon=":material/replay:",
        key=key,
        type=kind,
        help="The same job again; stages that left their result are not repeated.",
    ):
        with database() as connection:
            jobs.retry(connection, job_id)
        st.rerun()  # the whole page: it may have stopped asking


def _cancel(job_id: int) -> None:
    with database() as connection:
        jobs.cancel(connection, job_id)
