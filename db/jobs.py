"""Phrases to train come in; workers claim, report and finish them; jobs and frames go out."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from db.connection import transaction
from db.job_queue import waiting

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

STALE_S = 60.0
"""A running job that was silent for so long has lost its worker."""
MAX_ATTEMPTS = 3
"""A job that has stopped so many workers is at fault itself: it fails instead of going round."""


class JobNotFoundError(LookupError):
    """There is no job of this number."""


class JobLostError(RuntimeError):
    """The job is no longer this worker's: stop working on it and throw the result away."""


class JobCancelledError(JobLostError):
    """The job was cancelled: stop working on it."""


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
    return _job(row)


def list_jobs(connection: sqlite3.Connection) -> pd.DataFrame:
    """Return all jobs, newest first, with the fields of `Job` (options and result as JSON)."""
    return pd.read_sql_query("SELECT * FROM job ORDER BY id DESC", connection)


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
    return None if row is None else _job(row)


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
    now = time.time()
    _update_own(
        connection,
        job_id,
        worker,
        "state = 'done', result = ?, fraction = 1, eta_s = 0, heartbeat = ?, finished = ?",
        (json.dumps(dict(result)), now, now),
    )


def fail(connection: sqlite3.Connection, job_id: int, worker: str, error: str) -> None:
    """End a job badly; `error` is for the person who asked for it, with what to do next.

    Raises:
        JobLostError, JobCancelledError: As `report`.
    """
    now = time.time()
    _update_own(
        connection,
        job_id,
        worker,
        "state = 'failed', error = ?, eta_s = NULL, heartbeat = ?, finished = ?",
        (error, now, now),
    )


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


def cancel(connection: sqlite3.Connection, job_id: int) -> bool:
    """Cancel a job that waits or runs; return whether there was anything to cancel.

    Its worker learns of it at its next `report` or `is_cancelled`.
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


def is_cancelled(connection: sqlite3.Connection, job_id: int) -> bool:
    """Return whether the job was cancelled."""
    row = connection.execute("SELECT state FROM job WHERE id = ?", (job_id,)).fetchone()
    return row is not None and row["state"] == "cancelled"


def log(
    connection: sqlite3.Connection, job_id: int, kind: str, payload: Mapping[str, object]
) -> None:
    """Add an event: "log" with a message, or "metric" with numbers of a training step."""
    with transaction(connection):
        connection.execute(
            "INSERT INTO job_event (job_id, time, kind, payload) VALUES (?, ?, ?, ?)",
            (job_id, time.time(), kind, json.dumps(dict(payload))),
        )


def events(
    connection: sqlite3.Connection,
    job_id: int,
    kind: str | None = None,
    *,
    last: int | None = None,
) -> pd.DataFrame:
    """Return a job's events, oldest first: id, time, kind, and payload as a dict.

    Args:
        connection: From `open_database`.
        job_id: The job.
        kind: Only events of this kind.
        last: Only the last so many.
    """
    frame = pd.read_sql_query(
        "SELECT id, time, kind, payload FROM job_event"
        " WHERE job_id = ? AND kind = coalesce(?, kind) ORDER BY id DESC LIMIT ?",
        connection,
        params=(job_id, kind, -1 if last is None else last),
    )
    frame = frame.iloc[::-1].reset_index(drop=True)
    frame["payload"] = [json.loads(payload) for payload in frame["payload"]]
    return frame


def stage_done(
    connection: sqlite3.Connection,
    job_id: int,
    stage: str,
    payload: Mapping[str, object],
    seconds: float | None = None,
) -> None:
    """Remember that a stage is finished, what the next needs of it, and how long it took.

    Again overwrites.
    """
    with transaction(connection):
        connection.execute(
            "INSERT INTO job_stage (job_id, stage, payload, finished, seconds)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (job_id, stage) DO UPDATE SET payload ="
            " excluded.payload, finished = excluded.finished, seconds = excluded.seconds",
            (job_id, stage, json.dumps(dict(payload)), time.time(), seconds),
        )


def stages_done(connection: sqlite3.Connection, job_id: int) -> dict[str, dict[str, Any]]:
    """Return the payload of each finished stage, in the order they were finished."""
    rows = connection.execute(
        "SELECT stage, payload FROM job_stage WHERE job_id = ? ORDER BY finished, rowid", (job_id,)
    )
    return {str(row["stage"]): json.loads(row["payload"]) for row in rows}


def stage_seconds(connection: sqlite3.Connection, job_id: int) -> dict[str, float]:
    """Return how long each finished stage took, where that is known, in the order of their ends."""
    rows = connection.execute(
        "SELECT stage, seconds FROM job_stage WHERE job_id = ? AND seconds IS NOT NULL"
        " ORDER BY finished, rowid",
        (job_id,),
    )
    return {str(row["stage"]): float(row["seconds"]) for row in rows}


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


def _job(row: sqlite3.Row) -> Job:
    fields: dict[str, Any] = dict(row)
    fields["options"] = json.loads(fields["options"])
    fields["result"] = None if fields["result"] is None else json.loads(fields["result"])
    return Job(**fields)
