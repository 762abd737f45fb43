"""Somebody records the phrase on the page (the microphone plays beeps) and uploads files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from tests.browser.steps import see

if TYPE_CHECKING:
    import sqlite3

    from playwright.sync_api import Page

    from tests.browser.conftest import Site


def said(seed: int) -> bytes:
    time_s = np.arange(32_000) / 16_000
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * time_s), 0, 1)
    noise = np.random.default_rng(seed).normal(size=len(time_s)) * 0.001
    target = io.BytesIO()
    soundfile.write(target, 0.4 * np.sin(1500 * time_s) * syllables + noise, 16_000, format="WAV")
    return target.getvalue()


def test_own_recordings_reach_the_database(
    page: Page, site: Site, connection: sqlite3.Connection
) -> None:
    page.goto(site.url)
    page.get_by_role("textbox", name="Phrase").fill("smart mirror")
    page.get_by_role("textbox", name="Phrase").press("Enter")
    page.get_by_text("Your own voice").click()
    page.get_by_role("textbox", name="Whose voice").fill("Anna")
    page.get_by_role("textbox", name="Whose voice").press("Enter")
    page.locator("input[type=file]").set_input_files(
        [{"name": f"{seed}.wav", "mimeType": "audio/wav", "buffer": said(seed)} for seed in (1, 2)]
    )
    see(page, "2.wav")
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2_500)
    page.get_by_role("button", name="Stop recording").click()
    page.get_by_role("button", name="Play").wait_for()
    page.get_by_role("button", name="Keep the recordings").click()
    see(page, "is kept as number 3.")
    rows = connection.execute("SELECT speaker, source, text, seconds FROM clip").fetchall()
    assert {row["speaker"] for row in rows} == {"own-voice:anna"}
    assert {(row["source"], row["text"]) for row in rows} == {("own-voice", "smart mirror")}
    assert [row["seconds"] > 1 for row in rows] == [True] * 3
