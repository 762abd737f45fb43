"""Phrases to train come in; jobs and frames of them go out: what somebody who asks for one needs.

Workers take jobs with `db.job_claims` and say what happens with `db.job_events`.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from db.connection import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping


class JobNotFoundError(LookupError):
    """There is no job of this number."""


@dataclass(frozen=True)
class Job:
    """One row of the job table; times in Unix seconds, None where it has not happened."""

    id: int
    phrase: str
    preset: str
    seed: int
    options: dict[str, Any]
    state: str
    """queued, running, done, failed or cancelled."""
    stage: str
    fraction: float
    """Of the stage, 0 to 1."""
    eta_s: float | None
    """Seconds until the stage ends, as last reported."""
    detail: str
    worker: str | None
    attempts: int
    """How many times it was claimed."""
    heartbeat: float | None
    created: float
    started: float | None
    finished: float | None
    result: dict[str, Any] | None
    error: str | None
    submitter: str = ""
    """An opaque name of who asked for it; "" for nobody in particular."""

    @property
    def ended(self) -> bool:
        """True when nothing will happen to it any more."""
        return self.state in {"done", "failed", "cancelled"}


def submit(
    connection: sqlite3.Connection,
    phrase: str,
    preset: str,
    seed: int,
    options: Mapping[str, object],
    *,
    submitter: str = "",
) -> int:
    """Queue a phrase and return the job's id; submitters take turns (`db.job_queue`)."""
    with transaction(connection):
        row = connection.execute(
            "INSERT INTO job (phrase, preset, seed, options, created, submitter)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            (phrase, preset, seed, json.dumps(dict(options)), time.time(), submitter),
        ).fetchone()
    return int(row["id"])


def get(connection: sqlite3.Connection, job_id: int) -> Job:
    """Return a job.

    Raises:
        JobNotFoundError: There is none of this number.
    """
    row = connection.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise JobNotFoundError(f"There is no job {job_id}. The list of jobs shows those there are.")
    return from_row(row)


def list_jobs(connection: sqlite3.Connection) -> pd.DataFrame:
    """Return all jobs, newest first, with the fields of `Job` (options and result as JSON)."""
    return pd.read_sql_query("SELECT * FROM job ORDER BY id DESC", connection)


def cancel(connection: sqlite3.Connection, job_id: int) -> bool:
    """Cancel a job that waits or runs; return whether there was anything to cancel.

    Its worker learns of it at its next `report` (`db.job_claims`).
    """
    with transaction(connection):
        changed = connection.execute(
            "UPDATE job SET state = 'cancelled', eta_s = NULL, finished = ?"
            " WHERE id = ? AND state IN ('queued', 'running')",
            (time.time(), job_id),
        ).rowcount
    return changed > 0


def retry(connection: sqlite3.Connection, job_id: int) -> bool:
    """Queue a failed or cancelled job again; return whether it was one.

    It keeps its number and what its stages left, so that a finished training is not repeated, and
    waits its turn like any other.
    """
    with transaction(connection):
        changed = connection.execute(
            "UPDATE job SET state = 'queued', worker = NULL, attempts = 0, started = NULL,"
            " finished = NULL, error = NULL"
            " WHERE id = ? AND state IN ('failed', 'cancelled')",
            (job_id,),
        ).rowcount
    return changed > 0


def from_row(row: sqlite3.Row) -> Job:
    """Return a row of the table as a job."""
    fields: dict[str, Any] = dict(row)
    fields["options"] = json.loads(fields["options"])
    fields["result"] = None if fields["result"] is None else json.loads(fields["result"])
    return Job(**fields)
