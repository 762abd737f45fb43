"""Jobs in the database in, finished bundles out: the process that works for the page."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sqlite3
import threading
import time
import uuid
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from db import job_claims, job_events, jobs
from db.clips import CLIP_FOLDER, ClipStore
from db.connection import DatabaseFullError, home, open_database
from exporters.recipes import slug
from trainer.sounds import sounds_folder
from watchword.cores import keep_to
from watchword.failures import explain, is_foreseen
from watchword.pipeline import VOICES_FOLDER, Library, Request, run

if TYPE_CHECKING:
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
        self._since_s = 0.0

    def __call__(self, progress: Progress) -> None:
        now_s = time.monotonic()
        new_stage = progress.stage != self._stage
        matters = new_stage or progress.fraction >= 1 or "miss_rate" in progress.metrics
        if not matters and now_s - self._last_s < REPORT_EVERY_S:
            return
        if "loss" in progress.metrics:
            job_events.log(self._connection, self._job.id, "metric", progress.metrics)
        if new_stage:
            self.stage_done()
            self._since_s = now_s
            message = f"{progress.stage}: {progress.detail}"
            job_events.log(self._connection, self._job.id, "log", {"message": message})
        self._stage, self._last_s = progress.stage, now_s
        job_claims.report(
            self._connection,
            self._job.id,
            self._worker,
            progress.stage,
            progress.fraction,
            progress.eta_s,
            progress.detail,
        )

    def stage_done(self) -> None:
        """Remember that the current stage is finished, if there is one."""
        if self._stage:
            seconds = time.monotonic() - self._since_s
            job_events.stage_done(self._connection, self._job.id, self._stage, {}, seconds)


def work_folder(job_id: int) -> Path:
    """Return where a job keeps what a resumed run needs."""
    return home() / "jobs" / str(job_id)


def request_of(job: jobs.Job) -> Request:
    """Return what a job asks of the pipeline.

    Consent to engines that charge is never in a job: anybody who reaches the page could give it.
    """
    engines = job.options.get("engines")
    return Request(
        job.phrase,
        job.preset,
        job.seed,
        language=str(job.options.get("language", "en")),
        engines=None if engines is None else tuple(str(name) for name in engines),
    )


def do_job(connection: sqlite3.Connection, job: jobs.Job, worker: str) -> None:
    """Run one claimed job to its end and write the outcome; never raises for a failed job."""
    folder = work_folder(job.id)
    out = home() / "detectors" / str(job.id) / slug(job.phrase)
    report = _JobReport(connection, job, worker)
    try:
        if job.stage:
            message = "An earlier worker stopped in the middle: going on from what it finished."
            job_events.log(connection, job.id, "log", {"message": message})
        result = run(
            request_of(job),
            out,
            folder,
            Library(
                ClipStore(connection, home() / CLIP_FOLDER), home() / VOICES_FOLDER, sounds_folder()
            ),
            report,
        )
        report.stage_done()
        job_events.log(connection, job.id, "log", {"message": "Done."})
        job_claims.finish(connection, job.id, worker, result.to_dict())
        logger.info("Job %d is done: %s", job.id, result.bundle)
    except job_claims.JobLostError as lost:  # cancelled counts as lost
        logger.info("%s", lost)
    except (SystemExit, KeyboardInterrupt):  # the server stops: whoever starts next goes on
        with suppress(job_claims.JobLostError):
            job_claims.release(connection, job.id, worker)
        raise
    except Exception as error:  # the job fails, the worker goes on with the next
        message = explain(error)
        foreseen = is_foreseen(error)  # then a trace says nothing more
        logger.exception("Job %d failed: %s", job.id, message, exc_info=not foreseen)
        _tell_failure(connection, job.id, worker, message)


def _tell_failure(connection: sqlite3.Connection, job_id: int, worker: str, message: str) -> None:
    """Write a failure to the job's row, unless the job is no longer ours.

    Where the disk is too full even for that, the process ends: only then does the row fall silent,
    so that a worker takes it up again.
    """
    try:
        job_events.log(connection, job_id, "log", {"message": message})
        job_claims.fail(connection, job_id, worker, message)
    except job_claims.JobLostError as lost:  # cancelled while it failed
        logger.info("%s", lost)


def work(*, once: bool = False, cores: int | None = None) -> None:
    """Claim jobs one after the other until the process is told to stop.

    Args:
        once: end when the queue is empty.
        cores: how many of the machine's a job may use at a time; all by default.
    """
    os.nice(NICENESS)
    if cores is not None:
        keep_to(cores)
    # A container that is started again has the same host name and often the same process ids: a
    # job of its last life must not look like one of this life.
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
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
                job = job_claims.claim(connection, name)
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
            try:
                job_claims.worker_heartbeat(connection, name, os.getpid())
            except (DatabaseFullError, sqlite3.OperationalError) as error:
                logger.warning("No heartbeat this time: %s", error)
            if stop.wait(HEARTBEAT_S):
                return
