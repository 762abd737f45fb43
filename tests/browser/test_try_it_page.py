"""Somebody speaks to a detector: Chromium's microphone plays a file, the page hears it live."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from db import job_claims, jobs
from tests.browser.conftest import CHROMIUM_ARGUMENTS, PATIENCE_MS
from tests.browser.steps import see
from tests.page.loud_detector import bursts, write_loud_bundle

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Site

SLOW_S = 90.0
"""Two processes and a browser on a machine that may be training."""


@pytest.fixture
def speaking(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of a browser whose microphone plays noise, over and over."""
    said = tmp_path / "said.wav"
    said.write_bytes(bursts())
    browser = chromium.browser_type.launch(
        executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
        args=[*CHROMIUM_ARGUMENTS, f"--use-file-for-fake-audio-capture={said}"],
    )
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(3 * PATIENCE_MS)
    yield page
    browser.close()


def test_live_sound_is_heard_and_a_false_wake_goes_back(
    speaking: Page, site: Site, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    job = jobs.submit(connection, "smart mirror", "quick", 0, {})
    job_claims.claim(connection, "test")
    job_claims.finish(connection, job, "test", write_loud_bundle(tmp_path / "smart_mirror"))
    asked: list[str] = []
    speaking.on("request", lambda request: asked.append(request.url))

    speaking.goto(f"{site.url}/try?job={job}")
    speaking.get_by_role("button", name="Start listening").click()
    see(speaking, "Heard “smart mirror”", SLOW_S)
    speaking.get_by_role("button", name="Stop", exact=True).click()
    see(speaking, "The highest score is", SLOW_S)
    speaking.get_by_role("button", name="This was a false wake").first.click()
    see(speaking, "Sent back, clip 1", SLOW_S)
    see(speaking, "1 false wake, 0 misses.", SLOW_S)
    rows = connection.execute("SELECT source, text, seconds FROM clip").fetchall()
    assert [(row["source"], row["text"]) for row in rows] == [("feedback", "(not smart mirror)")]
    assert 1 < rows[0]["seconds"] <= 4.1
    speaking.get_by_role("button", name="Retrain with these").click()
    see(speaking, f"Job {job + 1}", SLOW_S)
    assert jobs.get(connection, job + 1).phrase == "smart mirror"
    assert {url.split("/")[2].split(":")[0] for url in asked if url.startswith("http")} == {
        "127.0.0.1"
    }
