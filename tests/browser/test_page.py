"""A person goes from a phrase to a downloaded file in a real browser; the test is the worker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from db import job_claims, job_events, jobs
from tests.browser.steps import download, see
from tests.page.small_bundle import FILES, write_bundle

if TYPE_CHECKING:
    import sqlite3

    from playwright.sync_api import Page

    from tests.browser.conftest import Site


def test_from_a_phrase_to_a_file(
    page: Page, site: Site, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sent: list[int] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(len(data))))
    job_claims.worker_heartbeat(connection, "tester", 1)

    page.goto(site.url)
    page.get_by_role("textbox", name="Phrase").press_sequentially("smart mirror", delay=30)
    see(page, "Said as")  # nobody pressed Enter
    assert page.get_by_role("textbox", name="Phrase").input_value() == "smart mirror"
    page.get_by_role("button", name="Create detector").click()
    see(page, "Waiting for a worker.")
    assert page.url.endswith("/jobs?job=1")

    job = job_claims.claim(connection, "tester")
    assert job is not None
    assert job.phrase == "smart mirror"
    job_events.stage_done(connection, job.id, "texts", {})
    job_claims.report(connection, job.id, "tester", "speech", 0.4, 90, "360 of 900 clips")
    see(page, "360 of 900 clips")
    for step in range(5):
        metrics = {"step": 100 * step, "loss": 0.7 / (step + 1), "miss_rate": 0.9 / (step + 1)}
        job_events.log(connection, job.id, "metric", metrics)
    job_claims.report(connection, job.id, "tester", "training", 0.75, 20, "step 400")
    see(page, "Missed in validation")
    job_events.log(connection, job.id, "log", {"message": "Speaking with kokoro"})
    page.get_by_text("Log", exact=True).click()
    see(page, "Speaking with kokoro")
    job_events.log(connection, job.id, "log", {"message": "Speaking with flite"})
    see(page, "Speaking with flite")  # an open log stays open while the page follows the job

    page.reload()
    see(page, "smart mirror")
    see(page, "75 %")
    job_claims.report(connection, job.id, "tester", "training", 0.8, 15, "step 500")
    see(page, "step 500")

    result = write_bundle(site.home / "detectors")
    job_claims.finish(connection, job.id, "tester", result)
    see(page, "The detector is ready")
    page.wait_for_timeout(1000)
    before = len(sent)
    assert before > 5, "the page did not follow the job"
    page.wait_for_timeout(3000)
    assert len(sent) == before, "the page still asks after the job's end"
    page.get_by_role("button", name="See the result and download").click()
    see(page, "Near-misses accepted")
    assert page.url.endswith("/detectors?job=1")

    page.get_by_role("tab", name="Files").click()
    name, _, _, _ = FILES[0]
    single = download(page, "60 KiB", tmp_path)
    assert single == (Path(result["bundle"]) / name).read_bytes()
    assert (tmp_path / name).is_file()
    whole = download(page, "Everything as one zip", tmp_path)
    assert whole == Path(result["zip"]).read_bytes()

    elsewhere = [url for url in asked if not re.match(r"(https?://127\.0\.0\.1:|data:|blob:)", url)]
    assert elsewhere == []


def test_a_phrase_that_cannot_work_is_refused_on_the_page(
    page: Page, site: Site, connection: sqlite3.Connection
) -> None:
    page.goto(site.url)
    page.get_by_role("textbox", name="Phrase").fill("xkcd")
    page.get_by_role("button", name="Create detector").click()
    page.get_by_test_id("stAlertContentError").wait_for()
    assert jobs.list_jobs(connection).empty


def test_cancel_stops_a_running_job(page: Page, site: Site, connection: sqlite3.Connection) -> None:
    job_id = jobs.submit(connection, "smart mirror", "quick", 0, {})
    job_claims.claim(connection, "tester")
    job_claims.report(connection, job_id, "tester", "speech", 0.1, None, "")
    page.goto(f"{site.url}/jobs")
    page.get_by_role("button", name="smart mirror").click()
    page.locator(".st-key-cancel button").click()  # not the list's, which fades away meanwhile
    see(page, "Try again")
    with pytest.raises(job_claims.JobCancelledError):
        job_claims.report(connection, job_id, "tester", "speech", 0.2, None, "")
    page.get_by_role("button", name="Try again").click()
    see(page, "Waiting for a worker.")
    assert page.url.endswith(f"job={job_id}")
