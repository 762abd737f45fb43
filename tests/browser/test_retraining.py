"""What a detector got wrong goes back on the page, and a worker trains one that learnt from it.

WATCHWORD_SLOW_TESTS=tiny (or 1) trains for seconds: how well it then hears is not looked at.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from db import job_claims, job_events, jobs
from db.clip_search import FEEDBACK
from db.connection import home
from page.feedback import wav
from tests.browser.conftest import ROOT
from tests.browser.steps import see
from tests.page.loud_detector import BURSTS_S, bursts, write_loud_bundle
from watchword_runtime import Detector
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Site

SLOW_S = 90.0
TRAINING_TIMEOUT_S = 1800.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("WATCHWORD_SLOW_TESTS", "") not in {"1", "tiny"},
        reason="trains a detector: set WATCHWORD_SLOW_TESTS=tiny",
    ),
]


@pytest.fixture
def worker(site: Site, tmp_path: Path) -> Iterator[Path]:
    """A worker with a tiny preset and this machine's voices; give its log."""
    if not (home() / "voices").is_dir():
        pytest.skip("no voices on this machine: run `watchword voices`")
    site.home.mkdir(exist_ok=True)
    (site.home / "voices").symlink_to(home() / "voices", target_is_directory=True)
    environment = os.environ | {
        "WATCHWORD_HOME": str(site.home),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'runtime'}",
    }
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "watchword" / "tiny_worker.py"), "--wait"],
            cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    yield log
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)


def bursts_and_a_phrase() -> bytes:
    """Return a WAV of bursts, the last of which is as long as somebody who says a phrase."""
    pcm = np.frombuffer(bursts()[44:], "<i2").astype(np.int16)
    start = round(BURSTS_S[-1] * SAMPLE_RATE_HZ)
    long = np.random.default_rng(1).normal(0, 6000, SAMPLE_RATE_HZ)
    pcm[start : start + len(long)] = np.clip(long, -32768, 32767).astype(np.int16)
    return wav(pcm)


def test_what_was_wrong_goes_back_and_the_next_detector_knows_it(
    page: Page, site: Site, connection: sqlite3.Connection, worker: Path, tmp_path: Path
) -> None:
    job = jobs.submit(connection, "smart mirror", "quick", 0, {})
    job_claims.claim(connection, "test")
    job_claims.finish(connection, job, "test", write_loud_bundle(tmp_path / "smart_mirror"))

    page.goto(f"{site.url}/try?job={job}")
    page.get_by_text("File", exact=True).click()
    page.locator("input[type=file]").set_input_files(
        {"name": "noise.wav", "mimeType": "audio/wav", "buffer": bursts_and_a_phrase()}
    )
    page.get_by_role("button", name="This was a false wake").first.click()
    see(page, "1 false wake, 0 misses.", SLOW_S)
    page.get_by_text("it did not hear me").click()
    page.get_by_role("button", name="It missed me here").click()
    see(page, "1 false wake, 1 miss.", SLOW_S)
    see(page, "This detector was trained before 2 of them.")
    page.get_by_role("button", name="Retrain with these").click()
    see(page, f"Job {job + 1}", SLOW_S)
    ended = page.get_by_text("The detector is ready").or_(page.get_by_role("button", name="again"))
    ended.first.wait_for(timeout=1000 * TRAINING_TIMEOUT_S)
    again = jobs.get(connection, job + 1)
    assert again.state == "done", worker.read_text()[-4000:]
    assert again.submitter, "whoever presses the button takes their turn"
    assert not job_events.events(connection, job + 1, "metric").empty

    page.get_by_role("button", name="See the result and download").click()
    see(page, "smart mirror")
    assert again.result is not None
    learnt = Detector.load(again.result["bundle"]).manifest.provenance
    assert FEEDBACK in str(learnt), learnt
    page.goto(f"{site.url}/try?job={job + 1}")
    see(page, "It knows them all.", SLOW_S)
    page.goto(f"{site.url}/try?job={job}")
    see(page, "This detector was trained before 2 of them.", SLOW_S)
