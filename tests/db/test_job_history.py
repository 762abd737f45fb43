"""Past runs become the time that the next one takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from db import job_claims, job_events, jobs
from db.job_history import LAST_RUNS, STAGES, past_runs, time_left, usual_stages

ROOT = Path(__file__).parents[2]


def done(connection, seconds, preset="quick", stages=STAGES):
    """A finished job whose stages took so long each."""
    job_id = jobs.submit(connection, "smart mirror", preset, 0, {})
    job_claims.claim(connection, "w")
    for stage in stages:
        job_claims.report(connection, job_id, "w", stage, 1, 0, "")
        job_events.stage_done(connection, job_id, stage, {}, seconds)
    job_claims.finish(connection, job_id, "w", {})
    return job_id


def running(connection, stage, fraction, eta_s):
    job_id = jobs.submit(connection, "smart mirror", "quick", 0, {})
    job_claims.claim(connection, "w")
    job_claims.report(connection, job_id, "w", stage, fraction, eta_s, "")
    return jobs.get(connection, job_id)


def test_nothing_is_known_before_any_run(fresh_db):
    assert past_runs(fresh_db) == {}
    assert usual_stages(fresh_db, "quick") == {}
    assert time_left(running(fresh_db, "speech", 0.5, 60.0), {}) is None


def test_runs_are_told_apart_by_preset_and_the_newest_count(fresh_db):
    for seconds in range(1, LAST_RUNS + 3):
        done(fresh_db, seconds)
    done(fresh_db, 100, "best")
    runs = past_runs(fresh_db)
    newest = [6.0 * seconds for seconds in range(LAST_RUNS + 2, 2, -1)]
    assert runs["quick"].totals_s == tuple(newest)
    assert runs["best"].totals_s == (600.0,)
    assert usual_stages(fresh_db, "quick")["training"] == pytest.approx(6.5)


def test_what_was_resumed_or_skipped_is_no_usual_run(fresh_db):
    done(fresh_db, 5, stages=("phrase", "export"))  # had its checkpoint already
    twice = done(fresh_db, 5)
    fresh_db.execute("UPDATE job SET attempts = 2 WHERE id = ?", (twice,))
    assert past_runs(fresh_db) == {}
    assert set(usual_stages(fresh_db, "quick")) == {"phrase", "export"}


def test_time_left_is_this_stage_s_own_pace_and_the_usual_rest(fresh_db):
    done(fresh_db, 40)
    usual = usual_stages(fresh_db, "quick")
    assert time_left(running(fresh_db, "features", 0.5, 30.0), usual) == 30 + 3 * 40
    jobs.cancel(fresh_db, 2)
    assert time_left(running(fresh_db, "features", 0.25, None), usual) == 30 + 3 * 40
    jobs.cancel(fresh_db, 3)
    assert time_left(running(fresh_db, "cooking", 0.25, 3.0), usual) is None


def test_the_stages_are_the_pipeline_s():
    named = set()
    for file in (
        "watchword/pipeline.py",
        "watchword/exporting.py",
        "trainer/corpus.py",
        "trainer/dataset.py",
        "trainer/train.py",
    ):
        source = (ROOT / file).read_text()
        named |= set(re.findall(r'(?:Progress\(|Stage\(report, )"(\w+)"', source))
    assert named == set(STAGES)
