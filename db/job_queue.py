"""The job table comes in, who is next goes out: submitters take turns, each with their oldest job.

With one worker this is plain round robin: somebody who queues ten phrases does not hold up
somebody else's one. Among people who wait equally long, and for one alone, it is the oldest first.
A job that was begun and handed back goes on before any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_IN_TURN = """
    SELECT id FROM (
        SELECT waiting.id, waiting.started IS NULL AS new,
            row_number() OVER (PARTITION BY submitter ORDER BY waiting.id) AS turn,
            min(waiting.id) OVER (PARTITION BY submitter) AS first,
            (SELECT coalesce(max(served.started), 0) FROM job AS served
             WHERE served.submitter = waiting.submitter) AS last_served
        FROM job AS waiting WHERE waiting.state = 'queued'
    ) ORDER BY new, turn, last_served, first
"""


def waiting(connection: sqlite3.Connection) -> list[int]:
    """Return the jobs that wait, in the order in which they are claimed if nobody adds any."""
    return [int(row["id"]) for row in connection.execute(_IN_TURN)]
