"""Finished jobs in, those whose detector is still there, and the clips that it names, out."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from db import jobs
from db.connection import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

DELETED = "deleted"
"""Key of a job's result: when its detector was deleted, Unix seconds."""


class DetectorNotFoundError(LookupError):
    """A job is not finished, or there is none of this number."""


def list_detectors(connection: sqlite3.Connection) -> list[jobs.Job]:
    """Return the finished jobs whose detector was not deleted, newest first."""
    rows = connection.execute(
        "SELECT id FROM job WHERE state = 'done' AND json_extract(result, '$.deleted') IS NULL"
        " ORDER BY id DESC"
    ).fetchall()
    return [jobs.get(connection, int(row["id"])) for row in rows]


def mark_deleted(connection: sqlite3.Connection, job_id: int) -> None:
    """Note that a detector's files are gone; the job and what it measured stay.

    Raises:
        DetectorNotFoundError: The job has no detector.
    """
    with transaction(connection):
        row = connection.execute(
            "SELECT result FROM job WHERE id = ? AND state = 'done'", (job_id,)
        ).fetchone()
        if row is None:
            raise DetectorNotFoundError(f"Job {job_id} has no detector that could be deleted.")
        result: dict[str, Any] = json.loads(row["result"])
        result.setdefault(DELETED, time.time())
        connection.execute("UPDATE job SET result = ? WHERE id = ?", (json.dumps(result), job_id))


def clip_paths(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return path below the clip folder and text, by number, of the clips that are still there."""
    rows = connection.execute(
        "SELECT id, path, text FROM clip WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    return {int(row["id"]): (str(row["path"]), str(row["text"])) for row in rows}
