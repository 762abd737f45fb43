"""Jobs in the database in, finished bundles out: the process that works for the page."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

from db import jobs
from db.clips import CLIP_FOLDER, ClipStore
from db.connection import home, open_database
from watchword.failures import explain
from watchword.pipeline import VOICES_FOLDER, Library, Request, run

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path
    from types import FrameType

    from trainer.progress import Progress

logger = logging.getLogger(__name__)

POLL_S = 1.0
HEARTBEAT_S = 5.0
REPORT_EVERY_S = 0.5
NICENESS = 10
"""The page and everything else on the machine go first."""


class _JobReport:
    """Writes a pipeline's progress to the job's row; raises when the job was cancelled or lost."""

    def __init__(self, connection: sqlite3.Connection, job: jobs.Job, worker: str) -> None:
        self._connection = connection
        self._job = job
        self._worker = worker
        self._last_s = 0.0
        self._stage = ""

    def __call__(self, progress: Progress) -> None:
        now_s = time.monotonic()
        new_stage = progress.stage != self._stage
        if "miss_rate" in progress.metrics:
            jobs.log(self._connection, self._job.id, "metric", progress.metrics)
        elif not new_stage and progress.fraction < 1 and now_s - self._last_s < REPORT_EVERY_S:
            return
        if new_stage:
            if self._stage:
                jobs.stage_done(self._connection, self._job.id, self._stage, {})
            message = f"{progress.stage}: {progress.detail}"
            jobs.log(self._connection, self._job.id, "log", {"message": message})
        self._stage, self._last_s = progress.stage, now_s
        jobs.report(
            self._connection,
            self._job.id,
            self._worker,
            progress.stage,
            progress.fraction,
            progress.eta_s,
            progress.detail,
        )


def work_folder(job_id: int) -> Path:
    """Return where a job keeps what a resumed run needs."""
    return home() / "jobs" / str(job_id)


def do_job(connection: sqlite3.Connection, job: jobs.Job, worker: str) -> None:
    """Run one claimed job to its end and write the outcome; never raises for a failed job."""
    folder = work_folder(job.id)
    out = home() / "detectors" / str(job.id) / "bundle"
    report = _JobReport(connection, job, worker)
    try:
        if job.attempts > 1:
            message = "An earlier worker stopped in the middle: going on from what it finished."
            jobs.log(connection, job.id, "log", {"message": message})
        result = run(
            Request(job.phrase, job.preset, job.seed),
            out,
            folder,
            Library(ClipStore(connection, home() / CLIP_FOLDER), home() / VOICES_FOLDER),
            report,
        )
        jobs.log(connection, job.id, "log", {"message": "Done."})
        jobs.finish(connection, job.id, worker, result.to_dict())
    except jobs.JobLostError as lost:  # cancelled counts as lost
        logger.info("%s", lost)
    except Exception as error:  # the job fails, the worker goes on with the next
        message = explain(error)
        logger.exception("Job %d failed", job.id)
        jobs.log(connection, job.id, "log", {"message": message})
        jobs.fail(connection, job.id, worker, message)


def work(*, once: bool = False) -> None:
    """Claim jobs one after the other until the process is told to stop.

    Args:
        once: end when the queue is empty.
    """
    os.nice(NICENESS)
    name = f"{socket.gethostname()}:{os.getpid()}"
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, ask_to_stop)
    heartbeat = threading.Thread(target=_beat, args=(name, stop), daemon=True)
    heartbeat.start()
    try:
        with closing(open_database()) as connection:
            logger.info("Worker %s is ready.", name)
            while not stop.is_set():
                job = jobs.claim(connection, name)
                if job is not None:
                    logger.info("Job %d: %s", job.id, job.phrase)
                    do_job(connection, job, name)
                elif once:
                    return
                else:
                    stop.wait(POLL_S)
    finally:
        stop.set()
        heartbeat.join(timeout=HEARTBEAT_S)


def _beat(name: str, stop: threading.Event) -> None:
    """Tell the database that this process lives, also while a converter says nothing for long."""
    with closing(open_database()) as connection:
        while True:
            jobs.worker_heartbeat(connection, name, os.getpid())
            if stop.wait(HEARTBEAT_S):
                return
