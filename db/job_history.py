"""Jobs that were done here come in, how long the next one takes goes out.

Only jobs that one worker did from start to end count: what a second worker did again or skipped
says nothing about a usual run.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from db.jobs import Job

LAST_RUNS = 8
"""Older runs were of an older program, or of an emptier clip database."""
STAGES = ("phrase", "speech", "features", "training", "validation", "export")
"""What a job goes through, in order; held against the pipeline by a test."""


@dataclass(frozen=True)
class PastRuns:
    """How long the last runs of one preset took on this machine."""

    totals_s: tuple[float, ...] = ()
    """The work of each finished job, waiting left out, the newest first."""


def past_runs(connection: sqlite3.Connection) -> dict[str, PastRuns]:
    """Return the last runs of each preset that was ever finished here."""
    rows = connection.execute(
        "SELECT preset, sum(seconds) AS seconds FROM job JOIN job_stage ON job_id = id"
        " WHERE state = 'done' AND attempts = 1"
        " GROUP BY id HAVING count(seconds) = ? ORDER BY id DESC",
        (len(STAGES),),
    )
    totals: dict[str, list[float]] = {}
    for row in rows:
        totals.setdefault(str(row["preset"]), []).append(float(row["seconds"]))
    return {preset: PastRuns(tuple(seconds[:LAST_RUNS])) for preset, seconds in totals.items()}


def usual_stages(connection: sqlite3.Connection, preset: str) -> dict[str, float]:
    """Return the median seconds of each stage over the last runs of a preset."""
    rows = connection.execute(
        "SELECT job_stage.stage, job_stage.seconds FROM job_stage JOIN job ON job.id = job_id"
        " WHERE preset = ? AND attempts = 1 AND job_stage.seconds IS NOT NULL"
        " ORDER BY job_id DESC",
        (preset,),
    )
    seconds: dict[str, list[float]] = {}
    for row in rows:
        seconds.setdefault(str(row["stage"]), []).append(float(row["seconds"]))
    return {stage: statistics.median(past[:LAST_RUNS]) for stage, past in seconds.items()}


def time_left(job: Job, usual: Mapping[str, float]) -> float | None:
    """Return the seconds until a running job ends, or None while nobody can know.

    The current stage counts with its own pace, or its usual length before it has one; the stages
    after it with their usual length.

    Args:
        job: a running job.
        usual: from `usual_stages` of its preset.
    """
    if job.stage not in STAGES:
        return None
    here_s = job.eta_s
    if here_s is None and job.stage in usual:
        here_s = usual[job.stage] * (1 - job.fraction)
    later = STAGES[STAGES.index(job.stage) + 1 :]
    if here_s is None or any(stage not in usual for stage in later):
        return None
    return here_s + sum(usual[stage] for stage in later)
