"""Recordings of people are brought in on the page: progress, what was left out and why, amounts."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from db.clip_search import ClipFilter
from db.clips import CLIP_FOLDER, ClipStore
from tests.browser.steps import see

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Site

SLOW_S = 90.0
"""An import is a process that loads the trainer first."""
RECORDINGS = 400
"""Enough to be seen half done."""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A table of recordings by two people, with one broken file and one without words."""
    folder = tmp_path / "talks"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = ["path\ttext\tspeaker\tlicence"]
    for number in range(RECORDINGS):
        file = folder / f"{number}.flac"
        soundfile.write(file, rng.normal(0, 0.1, 24_000), 16_000)
        rows.append(f"{file.name}\tsentence {number}\tanna\tCC0-1.0")
    shutil.copy(folder / "0.flac", folder / "other.flac")
    (folder / "broken.flac").write_bytes(b"no sound")
    rows += ["other.flac\tthe same again\tben\tCC0-1.0", "broken.flac\thello\tben\tCC0-1.0"]
    rows.append("silent.flac\t\tben\tCC0-1.0")
    (folder / "list.tsv").write_text("\n".join(rows) + "\n")
    return folder / "list.tsv"


def bring_in(page: Page, path: str) -> None:
    page.get_by_role("textbox", name="Folder or table").fill(path)
    page.get_by_role("button", name="Import").click()


def test_a_table_is_imported_and_what_was_left_out_is_said(
    page: Page, site: Site, connection: sqlite3.Connection, corpus: Path
) -> None:
    page.goto(f"{site.url}/clips")
    see(page, "Nothing here yet")
    bring_in(page, str(corpus.with_name("lost.tsv")))
    see(page, "There is no table or folder", SLOW_S)

    bring_in(page, str(corpus))
    see(page, f"{RECORDINGS} new recordings", SLOW_S)
    see(page, f"{RECORDINGS} clips, 0.2 hours: recordings of 1 person.")
    see(page, "1 with audio that is in the database under another name")
    see(page, "2 left out")
    see(page, "the audio cannot be read")
    see(page, "the transcript has no words")
    assert ClipStore(connection, site.home / CLIP_FOLDER).count(ClipFilter()) == RECORDINGS

    page.get_by_role("tab", name="Amounts").click()
    see(page, "By licence")
    page.get_by_role("tab", name="Listen").click()
    page.get_by_role("textbox", name="Phrase or words").fill("sentence 7")
    page.get_by_role("textbox", name="Phrase or words").press("Enter")
    see(page, "1 to 1 of 1 clips")
