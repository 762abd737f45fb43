"""The database comes in, a connection for one run of the page goes out, or a message in words."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from db import job_claims
from db.connection import (
    DatabaseFullError,
    DatabaseOpenError,
    DatabaseVersionError,
    open_database,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

WORKER_ALIVE_S = 30.0
"""A worker that was heard of within so many seconds is taken to be alive."""


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """Open the database for a block; when it cannot be used, say why and end the page there."""
    try:
        with closing(open_database()) as connection:
            yield connection
    except (DatabaseOpenError, DatabaseVersionError, DatabaseFullError) as error:
        st.error(str(error), icon=":material/storage:")
        st.stop()


def warn_without_worker(connection: sqlite3.Connection) -> None:
    """Say how to start a worker when none lives: without one, jobs only wait."""
    if not job_claims.live_workers(connection, WORKER_ALIVE_S).empty:
        return
    st.warning(
        "No worker is running, so jobs wait in the queue. `watchword app` starts one together with "
        "this page; to start one by itself, run `watchword worker` in a terminal.",
        icon=":material/pause_circle:",
    )
