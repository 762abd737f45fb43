"""The second page: the list, one job while it runs, and every way it ends."""

from __future__ import annotations

import pandas as pd
import pytest

from db import job_claims, job_events, jobs
from db.job_history import STAGES
from page.job_charts import NO_RUN, newest


def texts(elements):
    return " | ".join(element.value for element in elements)


@pytest.fixture
def job_id(connection):
    job_claims.worker_heartbeat(connection, "w", 1)
    return jobs.submit(connection, "smart mirror", "quick", 3, {"language": "en"})


@pytest.fixture
def running(connection, job_id):
    job_claims.claim(connection, "w")
    job_events.stage_done(connection, job_id, "texts", {})
    job_claims.report(connection, job_id, "w", "make_clips", 0.4, 130, "400 of 1000 clips")
    return job_id


def test_an_empty_list_says_what_to_do(open_page):
    app = open_page("jobs")
    assert "Nothing here yet" in texts(app.markdown)
    assert not app.exception


def test_the_list_shows_newest_first(open_page, connection, running):
    jobs.submit(connection, "magic mirror", "best", 0, {})
    captions = [caption.value for caption in open_page("jobs").caption]
    assert captions[0].startswith("Job 2 · best")
    assert captions[1].startswith("Job 1 · quick")
    assert "running for" in captions[1]


def test_the_list_says_who_is_next_among_jobs_of_every_state(open_page, connection, running):
    job_claims.finish(connection, running, "w", {})
    ended = jobs.submit(connection, "never begun", "quick", 0, {})
    jobs.cancel(connection, ended)
    waits = [jobs.submit(connection, "b", "quick", 0, {}, submitter=who) for who in "aab"]
    app = open_page("jobs")
    captions = {caption.value.split(" · ")[0]: caption.value for caption in app.caption}
    assert captions[f"Job {waits[0]}"].endswith("next in the queue")
    assert captions[f"Job {waits[1]}"].endswith("number 3 in the queue")
    assert captions[f"Job {waits[2]}"].endswith("number 2 in the queue")
    assert "took" in captions[f"Job {running}"]
    assert "took" not in captions[f"Job {ended}"]
    assert not app.exception


def test_the_list_cancels_a_job_and_tries_it_again(open_page, connection, running):
    done = jobs.submit(connection, "done", "quick", 0, {})
    connection.execute("UPDATE job SET state = 'done' WHERE id = ?", (done,))
    app = open_page("jobs")
    assert {button.key for button in app.button} == {
        f"open {running}", f"open {done}", f"cancel {running}",
    }  # fmt: skip
    app.button(key=f"cancel {running}").click().run()
    assert jobs.get(connection, running).state == "cancelled"
    app = open_page("jobs")  # nothing lives: the list no longer asks by itself
    app.button(key=f"again {running}").click().run()
    assert jobs.get(connection, running).state == "queued"
    assert app.button(key=f"cancel {running}")
    assert not app.exception


def test_a_waiting_job_says_what_is_before_it(open_page, connection, job_id):
    second = jobs.submit(connection, "b", "quick", 0, {})
    assert "It is next." in texts(open_page("jobs", job=str(job_id)).markdown)
    assert "1 before it." in texts(open_page("jobs", job=str(second)).markdown)


def test_a_waiting_job_without_a_worker_says_how_to_start_one(open_page, connection, job_id):
    connection.execute("UPDATE worker SET heartbeat = 0")
    assert "`watchword worker`" in texts(open_page("jobs", job=str(job_id)).warning)


def test_a_running_job_shows_its_stages_and_what_is_left(open_page, running):
    app = open_page("jobs", job=str(running))
    assert texts(app.title) == "smart mirror"
    assert "Texts" in texts(app.markdown)
    progress = app.get("progress")[0].proto
    assert progress.value == 40
    assert progress.text == "**Make clips** · 40 % · about 2 min left in this stage"
    assert "400 of 1000 clips" in texts(app.caption)
    assert not app.exception


def test_charts_appear_with_the_metrics_that_there_are(open_page, connection, running):
    for step in range(3):
        job_events.log(connection, running, "metric", {"step": step, "loss": 1 / (step + 1)})
    app = open_page("jobs", job=str(running))
    assert "**Training loss** · 0.333" in texts(app.markdown)
    assert "**Missed in validation**" not in texts(app.markdown)
    judged = {"step": 3, "loss": 0.2, "miss_rate": 0.5, "false_accepts_per_hour": 2.25}
    job_events.log(connection, running, "metric", judged)
    app = open_page("jobs", job=str(running))
    assert "**Missed in validation** · 50.0%" in texts(app.markdown)
    assert "**False accepts in validation** · 2.25 per hour" in texts(app.markdown)
    assert not app.exception


def test_runs_that_learn_at_the_same_time_keep_their_own_steps():
    told = [(0, 20), (1, 2420), (0, 40), (1, 2440), (1, 2420), (1, 2440), (0, 60), (None, 4820)]
    frame = pd.DataFrame(
        [{"run": run, "step": step, "loss": at} for at, (run, step) in enumerate(told)]
    )
    kept = newest(frame)
    assert kept.sort_values("step").loss.tolist() == [0, 2, 6, 4, 5, 7]
    assert kept.run.tolist() == [0, 0, 1, 1, 0, NO_RUN]
    assert newest(frame.drop(columns="run")).loss.tolist() == [0, 2, 6, 7]


def test_the_log_shows_its_lines(open_page, connection, running):
    job_events.log(connection, running, "log", {"message": "Speaking with kokoro"})
    assert "Speaking with kokoro" in texts(open_page("jobs", job=str(running)).code)


def test_a_silent_worker_is_noticed(open_page, connection, running):
    connection.execute("UPDATE job SET heartbeat = heartbeat - 43")
    assert "The worker has been silent for 4" in texts(open_page("jobs", job=str(running)).warning)


def test_cancel_ends_the_job_and_try_again_queues_it_with_what_it_had(
    open_page, connection, running
):
    app = open_page("jobs", job=str(running))
    app.button(key="cancel").click().run()
    assert jobs.get(connection, running).state == "cancelled"
    assert "Cancelled" in texts(app.info)
    app.button(key="again").click().run()
    again = jobs.get(connection, running)
    assert (again.state, again.attempts, again.error) == ("queued", 0, None)
    assert list(job_events.stages_done(connection, running)) == ["texts"]
    assert dict(app.query_params) == {"job": str(running)}
    with pytest.raises(job_claims.JobLostError):  # the worker that had it stops
        job_claims.report(connection, running, "w", "make_clips", 0.5, None, "")


def test_the_time_left_of_the_whole_job_is_said_when_past_runs_tell(open_page, connection):
    for _ in range(2):
        job_id = jobs.submit(connection, "x", "quick", 0, {})
        job_claims.claim(connection, "w")
        job_claims.report(connection, job_id, "w", "features", 0.5, 120, "")
        app = open_page("jobs", job=str(job_id))
        if job_id == 1:
            assert "never finished on this machine" in texts(app.caption)
        for stage in STAGES:
            job_events.stage_done(connection, job_id, stage, {}, 60)
        job_claims.finish(connection, job_id, "w", {})
    assert "About **5 min** until it is done" in texts(app.markdown)
    assert "Speech :gray[1 min]" in texts(open_page("jobs", job="1").markdown)


def test_a_failed_job_shows_the_reason_and_where_it_stopped(open_page, connection, running):
    job_claims.fail(connection, running, "w", "No voice is installed. Run `watchword voices`.")
    app = open_page("jobs", job=str(running))
    assert texts(app.error) == "No voice is installed. Run `watchword voices`."
    assert "Make clips (not finished)" in texts(app.markdown)
    assert app.button(key="again")
    assert "cancel" not in [button.key for button in app.button]


def test_a_finished_job_points_to_its_detector_and_stops_asking(open_page, connection, running):
    job_claims.finish(connection, running, "w", {})
    app = open_page("jobs", job=str(running))
    assert "ready" in texts(app.success)
    app.button(key="result").click().run()
    assert dict(app.query_params) == {"job": str(running)}
    assert "cancel" not in [button.key for button in app.button]
    assert "ready" not in texts(app.success)


def test_the_list_opens_a_job_and_the_job_leads_back(open_page, running):
    app = open_page("jobs")
    app.button(key=f"open {running}").click().run()
    assert dict(app.query_params) == {"job": str(running)}
    assert texts(app.title) == "smart mirror"
    app.button(key="back").click().run()
    assert texts(app.title) == "Jobs"


@pytest.mark.parametrize("number", ["99", "x", "-1", "9" * 30])
def test_an_address_of_no_job_is_no_crash(open_page, number):
    app = open_page("jobs", job=number)
    assert not app.exception
    assert texts(app.title) in {"No such job", "Jobs"}
