"""A job's life: queued, claimed once, reported, resumed, lost, cancelled, ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from db import job_claims, job_events, jobs
from db.connection import open_database
from db.job_queue import waiting

ROOT = Path(__file__).parents[2]


@pytest.fixture
def job_id(fresh_db):
    return jobs.submit(fresh_db, "smart mirror", "quick", 7, {"language": "en"})


def silence(connection, job_id, seconds):
    connection.execute("UPDATE job SET heartbeat = heartbeat - ? WHERE id = ?", (seconds, job_id))


def test_a_submitted_job_waits(fresh_db, job_id):
    job = jobs.get(fresh_db, job_id)
    assert (job.phrase, job.preset, job.seed, job.options) == (
        "smart mirror", "quick", 7, {"language": "en"},
    )  # fmt: skip
    assert (job.state, job.worker, job.attempts, job.result) == ("queued", None, 0, None)
    assert not job.ended


def test_a_job_that_is_not_there_is_named(fresh_db):
    with pytest.raises(jobs.JobNotFoundError, match="no job 5"):
        jobs.get(fresh_db, 5)


def test_jobs_are_claimed_in_order_and_once(fresh_db, job_id):
    later = jobs.submit(fresh_db, "magic mirror", "best", 0, {})
    first = job_claims.claim(fresh_db, "a")
    assert (first.id, first.state, first.worker, first.attempts) == (job_id, "running", "a", 1)
    assert first.started is not None
    assert job_claims.claim(fresh_db, "b").id == later
    assert job_claims.claim(fresh_db, "c") is None
    assert jobs.list_jobs(fresh_db).id.tolist() == [later, job_id]


def test_of_workers_that_ask_at_once_one_gets_each_job(tmp_path):
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    connection = open_database(url)
    for number in range(40):
        jobs.submit(connection, f"phrase {number}", "quick", 0, {})
    script = (
        "import sys; from db import job_claims; from db.connection import open_database\n"
        "connection = open_database(sys.argv[1])\n"
        "while job := job_claims.claim(connection, sys.argv[2]): print(job.id)"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, url, name], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for name in "ab"
    ]
    claimed = [int(line) for child in children for line in child.communicate()[0].split()]
    assert sorted(claimed) == list(range(1, 41))


def test_report_is_seen_and_is_a_heartbeat(fresh_db, job_id):
    job_claims.claim(fresh_db, "a")
    silence(fresh_db, job_id, 1000)
    job_claims.report(fresh_db, job_id, "a", "speak", 0.25, 90.0, "250 of 1000 clips")
    job = jobs.get(fresh_db, job_id)
    assert (job.stage, job.fraction, job.eta_s, job.detail) == (
        "speak", 0.25, 90.0, "250 of 1000 clips",
    )  # fmt: skip
    assert job_claims.claim(fresh_db, "b") is None
    job_claims.report(fresh_db, job_id, "a", "speak", 1.0000001, None, "")
    assert jobs.get(fresh_db, job_id).fraction == 1


def test_a_job_whose_worker_fell_silent_goes_to_another_and_the_first_learns_it(fresh_db, job_id):
    job_claims.claim(fresh_db, "a")
    silence(fresh_db, job_id, 59)
    assert job_claims.claim(fresh_db, "b", stale_s=60) is None
    silence(fresh_db, job_id, 2)
    job = job_claims.claim(fresh_db, "b", stale_s=60)
    assert (job.id, job.worker, job.attempts) == (job_id, "b", 2)
    for lost in (
        lambda: job_claims.report(fresh_db, job_id, "a", "train", 0.5, None, ""),
        lambda: job_claims.finish(fresh_db, job_id, "a", {}),
        lambda: job_claims.fail(fresh_db, job_id, "a", "no"),
    ):
        with pytest.raises(job_claims.JobLostError, match="belongs to b"):
            lost()
    assert jobs.get(fresh_db, job_id).stage == ""
    job_claims.finish(fresh_db, job_id, "b", {"zip": "x"})


def test_a_worker_s_heartbeat_keeps_its_job(fresh_db, job_id):
    job_claims.claim(fresh_db, "a")
    silence(fresh_db, job_id, 1000)
    job_claims.worker_heartbeat(fresh_db, "a", 12)
    assert job_claims.claim(fresh_db, "b") is None
    assert job_claims.live_workers(fresh_db, 10)[["name", "pid"]].values.tolist() == [["a", 12]]
    fresh_db.execute("UPDATE worker SET heartbeat = heartbeat - 11")
    assert job_claims.live_workers(fresh_db, 10).empty


def test_a_job_that_stops_every_worker_fails_with_what_to_do(fresh_db, job_id):
    for name in "abc":
        assert job_claims.claim(fresh_db, name).id == job_id
        job_claims.report(fresh_db, job_id, name, "train", 0.5, None, "")
        silence(fresh_db, job_id, 1000)
    assert job_claims.claim(fresh_db, "d") is None
    job = jobs.get(fresh_db, job_id)
    assert job.state == "failed"
    assert 'stopped 3 times during this job, the last time in the stage "train"' in job.error
    assert "start the job again" in job.error


def test_finish_and_fail_end_a_job(fresh_db, job_id):
    other = jobs.submit(fresh_db, "b", "quick", 0, {})
    job_claims.claim(fresh_db, "a")
    job_claims.claim(fresh_db, "a")
    job_claims.finish(fresh_db, job_id, "a", {"bundle": "x", "metrics": {"miss": 0.02}})
    job_claims.fail(fresh_db, other, "a", "No voice is installed. Run `watchword doctor`.")
    done, failed = jobs.get(fresh_db, job_id), jobs.get(fresh_db, other)
    assert (done.state, done.result["metrics"]) == ("done", {"miss": 0.02})
    assert (failed.state, failed.error) == (
        "failed", "No voice is installed. Run `watchword doctor`.",
    )  # fmt: skip
    assert done.ended
    assert failed.ended
    with pytest.raises(job_claims.JobLostError, match="is done"):
        job_claims.finish(fresh_db, job_id, "a", {})


def test_cancel_stops_a_waiting_job_and_tells_the_worker_of_a_running_one(fresh_db, job_id):
    waiting = jobs.submit(fresh_db, "b", "quick", 0, {})
    job_claims.claim(fresh_db, "a")
    assert jobs.cancel(fresh_db, waiting)
    assert jobs.get(fresh_db, job_id).state == "running"
    assert jobs.cancel(fresh_db, job_id)
    assert jobs.get(fresh_db, job_id).state == "cancelled"
    assert not jobs.cancel(fresh_db, job_id)
    with pytest.raises(job_claims.JobCancelledError):
        job_claims.report(fresh_db, job_id, "a", "train", 0.5, None, "")
    silence(fresh_db, job_id, 1000)
    assert job_claims.claim(fresh_db, "b") is None
    assert not jobs.cancel(fresh_db, 99)


def test_finished_stages_are_there_for_the_next_worker(fresh_db, job_id):
    job_claims.claim(fresh_db, "a")
    assert job_events.stages_done(fresh_db, job_id) == {}
    job_events.stage_done(fresh_db, job_id, "texts", {"count": 5})
    job_events.stage_done(fresh_db, job_id, "speak", {"clips": [1, 2]})
    job_events.stage_done(fresh_db, job_id, "texts", {"count": 6})
    silence(fresh_db, job_id, 1000)
    job_claims.claim(fresh_db, "b")
    assert job_events.stages_done(fresh_db, job_id) == {
        "speak": {"clips": [1, 2]},
        "texts": {"count": 6},
    }


def test_events_come_back_in_order_by_kind_and_from_the_end(fresh_db, job_id):
    job_events.log(fresh_db, job_id, "log", {"message": "one"})
    job_events.log(fresh_db, job_id, "metric", {"step": 10, "loss": 0.5})
    job_events.log(fresh_db, job_id, "log", {"message": "two"})
    frame = job_events.events(fresh_db, job_id)
    assert frame.kind.tolist() == ["log", "metric", "log"]
    assert frame.payload[1] == {"step": 10, "loss": 0.5}
    assert job_events.events(fresh_db, job_id, "log").payload.tolist() == [
        {"message": "one"}, {"message": "two"},
    ]  # fmt: skip
    assert job_events.events(fresh_db, job_id, "log", last=1).payload[0] == {"message": "two"}
    assert job_events.events(fresh_db, 99).empty


def served(connection):
    """Claim and finish everything, one after the other, as one worker does; return the ids."""
    order = []
    while job := job_claims.claim(connection, "w"):
        order.append(job.id)
        job_claims.finish(connection, job.id, "w", {})
    return order


def test_submitters_take_turns_and_the_queue_says_so_before(fresh_db):
    many = [jobs.submit(fresh_db, str(n), "quick", 0, {}, submitter="anna") for n in range(3)]
    running = job_claims.claim(fresh_db, "w")
    one = jobs.submit(fresh_db, "x", "quick", 0, {}, submitter="ben")
    two = [jobs.submit(fresh_db, "y", "quick", 0, {}, submitter="cora") for _ in range(2)]
    assert running.id == many[0]
    foreseen = waiting(fresh_db)
    assert foreseen == [one, two[0], many[1], two[1], many[2]]
    job_claims.finish(fresh_db, running.id, "w", {})
    assert served(fresh_db) == foreseen


def test_a_job_that_is_handed_back_goes_on_first_and_loses_no_attempt(fresh_db):
    first, second = (jobs.submit(fresh_db, "x", "quick", 0, {}) for _ in range(2))
    other = jobs.submit(fresh_db, "x", "quick", 0, {}, submitter="ben")
    for _ in range(2 * job_claims.MAX_ATTEMPTS):
        job = job_claims.claim(fresh_db, "w")
        assert (job.id, job.attempts) == (first, 1)
        job_claims.report(fresh_db, first, "w", "training", 0.5, 9.0, "")
        job_claims.release(fresh_db, first, "w")
        assert waiting(fresh_db) == [first, other, second]
    assert jobs.get(fresh_db, first).stage == "training"
    with pytest.raises(job_claims.JobLostError, match="belongs to nobody"):
        job_claims.release(fresh_db, first, "w")
