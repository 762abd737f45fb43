"""What happens in a job comes in: words, numbers, finished stages; frames of it go out."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pandas as pd

from db.connection import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping


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
