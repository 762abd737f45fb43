"""The worker's process with real jobs: done, refused, cancelled, and killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from db import job_claims, job_events, jobs
from db.clips import CLIP_FOLDER, ClipStore
from db.connection import DatabaseFullError, open_database
from tests.watchword.tiny_preset import GROWTH, TARGET
from trainer.dataset_file import DATASET_FILE
from trainer.progress import Progress
from watchword import worker as worker_module
from watchword_runtime import Detector

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("tiny_worker.py")
PATIENCE_S = 900.0
"""A stage takes seconds on a free machine, and took minutes where eight processes shared a core."""

linux_only = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"
)


def wait_until(what: Callable[[], bool], why: str, patience_s: float = PATIENCE_S) -> None:
    deadline_s = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < deadline_s, f"waited {patience_s:.0f} s until {why}"
        time.sleep(0.05)


def living_children(pid: int) -> set[int]:
    """Return all descendants of a process that are not mere zombies."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # ended while we looked
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    found, before = {pid}, set()
    while found != before:
        before = set(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def spawned(pid: int) -> list[Path]:
    """Return the processes that a process's pools spawned.

    One that is about to start a program is another process of the same name for a moment: its
    parent has that name, too.
    """
    named: dict[int, int] = {}
    for child in living_children(pid):
        folder = Path(f"/proc/{child}")
        with suppress(OSError):  # ended while we looked
            if "spawn_main" in (folder / "cmdline").read_text():
                named[child] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return [Path(f"/proc/{child}") for child, parent in named.items() if parent not in named]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class House:
    home: Path

    @contextmanager
    def worker(self, hold: str = "", *more: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a worker; whatever the test does, it and its children are gone afterwards."""
        environment = os.environ | {
            "WATCHWORD_HOME": str(self.home),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'runtime'}",
        }
        with (self.home / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(SCRIPT), "--hold", hold, *more],
                cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def log(self) -> str:
        return (self.home / "worker.log").read_text()

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        with closing(open_database(f"sqlite:///{self.home}/watchword.sqlite3")) as connection:
            yield connection

    def submit(self, phrase: str) -> int:
        with self.database() as connection:
            return jobs.submit(connection, phrase, "quick", 0, {})

    def job(self, job_id: int) -> jobs.Job:
        with self.database() as connection:
            return jobs.get(connection, job_id)

    def clips(self) -> set[str]:
        with self.database() as connection:
            return {row[0] for row in connection.execute("SELECT sha256 FROM clip")}

    def killed_in(self, stage: str) -> None:
        """Start a worker, kill it in a stage, and let the time pass until its job is free."""
        held = self.log().count("holding") if (self.home / "worker.log").exists() else 0
        with self.worker(hold=stage) as process:
            wait_until(
                lambda: self.log().count("holding") > held or process.poll() is not None, stage
            )
            assert process.poll() is None, self.log()
            children = living_children(process.pid)
            if stage == "speech":
                assert len(children) >= 2, "no process speaks"
            process.kill()
            process.wait()
            wait_until(lambda: not any(map(alive, children)), "the children end too", 15)
        with self.database() as connection:
            connection.execute(
                "UPDATE job SET heartbeat = heartbeat - 2 * ?", (job_claims.STALE_S,)
            )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@linux_only
def test_a_job_survives_two_killed_workers(house: House) -> None:
    job_id = house.submit("smart mirror")
    house.killed_in("speech")
    spoken = house.clips()
    assert 0 < len(spoken) < TARGET
    assert house.job(job_id).stage == "speech"

    house.killed_in("training")
    after = house.clips()
    assert spoken < after, "the second worker went on from the first one's clips"
    assert len(after) <= TARGET + GROWTH
    assert (house.home / "jobs" / str(job_id) / DATASET_FILE).is_file()
    assert house.job(job_id).stage == "training"

    with house.worker() as process:
        wait_until(lambda: process.poll() is not None, "the worker ends")
        assert process.returncode == 0, house.log()
    job = house.job(job_id)
    assert (job.state, job.attempts, job.error) == ("done", 3, None)
    assert house.clips() == after, "no clip was made twice, and none to grow by"

    assert job.result is not None
    assert Detector.load(job.result["bundle"]).manifest.phrase == "smart mirror"
    assert Path(job.result["zip"]).is_file()
    assert job.result["verification"]
    assert job.result["metrics"]["validation"]["positives"] > 0
    with house.database() as connection:
        stages = list(job_events.stages_done(connection, job_id))
        messages = [p["message"] for p in job_events.events(connection, job_id, "log")["payload"]]
        metrics = job_events.events(connection, job_id, "metric")
        checked = ClipStore(connection, house.home / CLIP_FOLDER).verify(hashes=True)
    assert set(stages) == {"phrase", "speech", "features", "training", "validation", "export"}
    assert messages[-1] == "Done."
    assert sum("An earlier worker stopped" in message for message in messages) == 2
    assert sum(message.startswith("features:") for message in messages) == 1, "rendered once"
    assert len(metrics) >= 2
    assert checked.healthy
    assert not checked.leftovers
    assert not list((house.home / "detectors").rglob("*.part*"))
    # A child that runs the script's body would start a worker of its own.
    assert house.log().count("is ready") == 3


@linux_only
def test_a_cancelled_job_stops_and_the_worker_goes_on(house: House) -> None:
    first, refused = house.submit("smart mirror"), house.submit("xkcd")
    with house.worker() as process:
        wait_until(lambda: len(house.clips()) > 0, "clips are made")
        children = living_children(process.pid)
        with house.database() as connection:
            assert jobs.cancel(connection, first)
        wait_until(lambda: process.poll() is not None, "the worker ends")
        assert process.returncode == 0, house.log()
    assert house.job(first).state == "cancelled"
    assert house.job(first).result is None
    job = house.job(refused)
    assert job.state == "failed"
    assert "cannot be pronounced" in (job.error or "")
    wait_until(lambda: not any(map(alive, children)), "the children end too", 15)
    assert not list((house.home / "detectors").rglob("*"))


@linux_only
def test_a_worker_that_is_asked_to_stop_ends_with_its_children(house: House) -> None:
    house.submit("smart mirror")
    with house.worker(hold="speech") as process:
        wait_until(lambda: "holding" in house.log(), "the voices speak")
        children = living_children(process.pid)
        process.terminate()
        process.wait(timeout=20)
        assert process.returncode == 0
        wait_until(lambda: not any(map(alive, children)), "the children end too", 15)
        assert "Traceback" not in house.log()


@linux_only
def test_a_worker_keeps_to_its_share_of_the_cores(house: House) -> None:
    cores = os.cpu_count() + 1  # no machine has so many by accident
    house.submit("smart mirror")
    with house.worker("speech", "--cores", str(cores)) as process:
        wait_until(lambda: "holding" in house.log(), "the voices speak")
        speakers = spawned(process.pid)
        assert len(speakers) == cores
        for speaker in speakers:
            assert f"\0OMP_NUM_THREADS={cores}\0" in (speaker / "environ").read_text()


def test_torch_and_pools_count_the_share() -> None:
    program = """
import os, torch
from watchword.cores import keep_to
keep_to(1)
print(torch.get_num_threads(), os.cpu_count())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "1"]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple]:
    """A claimed job, with a worker's function to run in this process."""
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path))
    with closing(open_database()) as connection:
        jobs.submit(connection, "smart mirror", "quick", 0, {})
        job = job_claims.claim(connection, "tester")
        assert job is not None
        yield connection, job


def test_a_job_that_is_cancelled_while_it_fails_does_not_end_the_worker(
    running: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, job = running

    def fail_late(*_: object) -> None:
        jobs.cancel(connection, job.id)
        raise RuntimeError("too late")

    monkeypatch.setattr(worker_module, "run", fail_late)
    worker_module.do_job(connection, job, "tester")
    assert jobs.get(connection, job.id).state == "cancelled"


def test_a_failure_is_written_for_the_person_who_asked(
    running: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, job = running

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(worker_module, "run", full)
    worker_module.do_job(connection, job, "tester")
    failed = jobs.get(connection, job.id)
    assert failed.state == "failed"
    assert (failed.error or "").startswith("The disk is full.")


def test_the_heart_beats_on_after_a_full_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path))
    beats = []

    def beat(connection: sqlite3.Connection, name: str, pid: int) -> None:
        beats.append(name)
        if len(beats) == 1:
            raise DatabaseFullError("The disk is full.")

    class Stop:
        def wait(self, _seconds: float) -> bool:
            return len(beats) == 3

    monkeypatch.setattr(job_claims, "worker_heartbeat", beat)
    worker_module._beat("tester", Stop())
    assert len(beats) == 3


def test_a_worker_that_is_asked_to_stop_hands_its_job_back(
    running: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, job = running
    job_claims.report(connection, job.id, "tester", "features", 0.5, None, "")

    def stop(*_: object) -> None:
        raise SystemExit(0)

    monkeypatch.setattr(worker_module, "run", stop)
    with pytest.raises(SystemExit):
        worker_module.do_job(connection, job, "tester")
    waiting = jobs.get(connection, job.id)
    assert (waiting.state, waiting.worker, waiting.attempts) == ("queued", None, 0)


def test_a_job_s_options_reach_the_pipeline_and_never_a_consent(running: tuple) -> None:
    connection, job = running
    plain = worker_module.request_of(job)
    assert (plain.phrase, plain.preset, plain.seed) == ("smart mirror", "quick", 0)
    assert (plain.language, plain.engines) == ("en", None)
    options = {"engines": ["flite", "piper"], "allow_paid": ["elevenlabs"]}
    chosen = jobs.get(connection, jobs.submit(connection, "x", "quick", 0, options))
    request = worker_module.request_of(chosen)
    assert request.engines == ("flite", "piper")
    assert request.allow_paid == ()


def test_the_loss_is_kept_from_the_first_steps_on(house: House) -> None:
    with house.database() as connection:
        jobs.submit(connection, "smart mirror", "quick", 0, {})
        job = job_claims.claim(connection, "w")
        assert job is not None
        report = worker_module._JobReport(connection, job, "w")
        report(Progress("training", 0.1, None, "", {"step": 20, "loss": 0.7}))
        report(Progress("training", 0.2, None, "", {"step": 40, "loss": 0.6}))  # too soon
        report(Progress("training", 0.3, None, "", {"step": 60, "loss": 0.5, "miss_rate": 0.1}))
        kept = [event["step"] for event in job_events.events(connection, job.id, "metric").payload]
    assert kept == [20, 60]
