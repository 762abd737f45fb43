"""Workers come in; each gets a job of its own, and says how far it is and how it ended."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pandas as pd

from db.connection import transaction
from db.job_queue import waiting
from db.jobs import Job, from_row, get

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

STALE_S = 60.0
"""A running job that was silent for so long has lost its worker."""
MAX_ATTEMPTS = 3
"""A job that has stopped so many workers is at fault itself: it fails instead of going round."""


class JobLostError(RuntimeError):
    """The job is no longer this worker's: stop working on it and throw the result away."""


class JobCancelledError(JobLostError):
    """The job was cancelled: stop working on it."""


def claim(
    connection: sqlite3.Connection,
    worker: str,
    *,
    stale_s: float = STALE_S,
    max_attempts: int = MAX_ATTEMPTS,
) -> Job | None:
    """Take a job whose worker fell silent, else the next that waits; None when there is none.

    Of several workers that ask at once, one gets the job. Who waits takes turns, see
    `db.job_queue`. A job that `max_attempts` workers
    have left unfinished fails with a message instead.

    Args:
        connection: From `open_database`.
        worker: The asking worker's name, unique among all processes.
        stale_s: How many seconds without a heartbeat make a running job free.
        max_attempts: How often one job may be claimed.
    """
    now = time.time()
    with transaction(connection):
        connection.execute(
            "UPDATE job SET state = 'failed', finished = :now, error ="
            " 'The worker stopped ' || attempts || ' times during this job, the last time in the"
            " stage \"' || stage || '\". The machine may be short of memory or disk: free some,"
            " look at the log, and start the job again.'"
            " WHERE state = 'running' AND heartbeat < :silent AND attempts >= :most",
            {"now": now, "silent": now - stale_s, "most": max_attempts},
        )
        left = connection.execute(
            "SELECT id FROM job WHERE state = 'running' AND heartbeat < ? ORDER BY id LIMIT 1",
            (now - stale_s,),
        ).fetchone()
        free = waiting(connection) if left is None else [int(left["id"])]
        row = connection.execute(
            "UPDATE job SET state = 'running', worker = ?1, heartbeat = ?2,"
            " started = coalesce(started, ?2), attempts = attempts + 1, eta_s = NULL"
            " WHERE id = ?3 RETURNING *",
            (worker, now, free[0] if free else None),
        ).fetchone()
    return None if row is None else from_row(row)


def report(  # noqa: PLR0917 (a row's worth of fields, in its order)
    connection: sqlite3.Connection,
    job_id: int,
    worker: str,
    stage: str,
    fraction: float,
    eta_s: float | None,
    detail: str,
) -> None:
    """Say how far the job is; this is also its heartbeat.

    Raises:
        JobLostError: Another worker has it now.
        JobCancelledError: It was cancelled.
    """
    _update_own(
        connection,
        job_id,
        worker,
        "stage = ?, fraction = ?, eta_s = ?, detail = ?, heartbeat = ?",
        (stage, min(max(fraction, 0.0), 1.0), eta_s, detail, time.time()),
    )


def finish(
    connection: sqlite3.Connection, job_id: int, worker: str, result: Mapping[str, object]
) -> None:
    """End a job well, with what the page shows of it.

    Raises:
        JobLostError, JobCancelledError: As `report`.
    """
    well = "state = 'done', result = ?, fraction = 1, eta_s = 0"
    _end(connection, job_id, worker, well, json.dumps(dict(result)))


def fail(connection: sqlite3.Connection, job_id: int, worker: str, error: str) -> None:
    """End a job badly; `error` is for the person who asked for it, with what to do next.

    Raises:
        JobLostError, JobCancelledError: As `report`.
    """
    _end(connection, job_id, worker, "state = 'failed', error = ?, eta_s = NULL", error)


def _end(
    connection: sqlite3.Connection, job_id: int, worker: str, assignments: str, value: str
) -> None:
    """Write how a job ended, the one value among it, and when."""
    now = time.time()
    changes = f"{assignments}, heartbeat = ?, finished = ?"
    _update_own(connection, job_id, worker, changes, (value, now, now))


def release(connection: sqlite3.Connection, job_id: int, worker: str) -> None:
    """Hand a job back that its worker was asked to leave: the next worker goes on at once.

    Unlike a worker that fell silent, this is no fault of the job and counts as no attempt.

    Raises:
        JobLostError, JobCancelledError: As `report`.
    """
    _update_own(
        connection,
        job_id,
        worker,
        "state = 'queued', worker = NULL, eta_s = NULL, attempts = attempts - 1",
        (),
    )


def worker_heartbeat(connection: sqlite3.Connection, name: str, pid: int) -> None:
    """Say that a worker lives; its running jobs stay its own through long silent work."""
    now = time.time()
    with transaction(connection):
        connection.execute(
            "INSERT INTO worker (name, pid, started, heartbeat) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET pid = excluded.pid, heartbeat = excluded.heartbeat",
            (name, pid, now, now),
        )
        connection.execute(
            "UPDATE job SET heartbeat = ? WHERE worker = ? AND state = 'running'", (now, name)
        )


def live_workers(connection: sqlite3.Connection, within_s: float) -> pd.DataFrame:
    """Return the workers heard of within so many seconds: name, pid, started, heartbeat."""
    return pd.read_sql_query(
        "SELECT * FROM worker WHERE heartbeat >= ? ORDER BY started",
        connection,
        params=(time.time() - within_s,),
    )


def _update_own(
    connection: sqlite3.Connection,
    job_id: int,
    worker: str,
    assignments: str,
    values: tuple[object, ...],
) -> None:
    with transaction(connection):
        changed = connection.execute(
            f"UPDATE job SET {assignments} WHERE id = ? AND worker = ? AND state = 'running'",  # noqa: S608 (the assignments are those above)
            (*values, job_id, worker),
        ).rowcount
    if changed:
        return
    job = get(connection, job_id)
    if job.state == "cancelled":
        raise JobCancelledError(f"Job {job_id} was cancelled: stop working on it.")
    raise JobLostError(
        f"Job {job_id} is {job.state} and belongs to {job.worker or 'nobody'}, not to {worker}: "
        "stop working on it and throw the result away."
    )
