"""A home with something in it comes in, a picture of every page goes out, for docs/ and for eyes.

    WATCHWORD_HOME=… python -m tests.browser.screenshots docs/screenshots

Wide, as wide as a phone, and dark. It shows what the home holds: a database with clips, jobs and a
detector makes the best pictures. Pillow, which Streamlit brings, makes the files small.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from PIL import Image

from db import jobs
from db.clip_search import ClipSearch
from db.clips import CLIP_FOLDER
from db.connection import home, open_database
from page.benchmark import IDLE, PATIENCE_MS, running_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

COLOURS = 256
"""Of a picture: the commonest, as they are, so that no page changes its background."""
SETTLE_MS = 1500
"""Charts draw after the script has ended."""
LOOKS = {
    "wide": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--looks", nargs="+", choices=LOOKS, default=list(LOOKS))
    parser.add_argument("--pages", nargs="+", choices=SCENES, default=list(SCENES))
    parser.add_argument("--tall", action="store_true", help="all of each page, for looking at")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("There is no Chromium here: install Debian's package `chromium`.")
    with running_page() as (url, _pid), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for look in options.looks:
            context = browser.new_context(**LOOKS[look])
            context.set_default_timeout(PATIENCE_MS)
            for name in options.pages:
                tab = context.new_page()
                path, act = SCENES[name]
                tab.goto(url + path)
                settle(tab)
                act(tab)
                settle(tab)
                if options.tall:
                    show_all(tab)
                save(tab.screenshot(), options.folder / f"{name}-{look}.png")
                tab.close()
            context.close()
        browser.close()
    return 0


def settle(tab: Page) -> None:
    """Wait until nothing moves."""
    tab.wait_for_function(IDLE)
    tab.wait_for_timeout(SETTLE_MS)
    tab.wait_for_function(IDLE)


def show_all(tab: Page) -> None:
    """Make the window as high as what is in it: Streamlit scrolls in a part of its own."""
    height = tab.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
    size = tab.viewport_size
    assert size is not None
    tab.set_viewport_size({"width": size["width"], "height": min(int(height) + 20, 6000)})
    tab.wait_for_timeout(SETTLE_MS)


def save(png: bytes, path: Path) -> None:
    """Write a picture small."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    dots = np.asarray(picture).reshape(-1, 3).astype(np.int32)
    found, place, count = np.unique(dots, axis=0, return_inverse=True, return_counts=True)
    kept = found[np.argsort(-count)[:COLOURS]]
    nearest = np.concatenate(
        [
            ((part[:, None] - kept[None]) ** 2).sum(axis=2).argmin(axis=1)
            for part in np.array_split(found, -(-len(found) // 1000))
        ]
    )
    shape = picture.height, picture.width
    few = Image.fromarray(nearest[place.ravel()].reshape(shape).astype(np.uint8), mode="P")
    few.putpalette(kept.astype(np.uint8).tobytes())
    few.save(path, optimize=True)
    sys.stdout.write(f"{path} {path.stat().st_size / 1024:.0f} KiB\n")


def nothing(_tab: Page) -> None:
    """Leave the page as it opens."""


def type_a_phrase(tab: Page) -> None:
    """Type a phrase and wait for what is said of it."""
    phrase = tab.get_by_role("textbox", name="Phrase").first
    phrase.fill("smart mirror")
    phrase.press("Enter")
    tab.get_by_text("Said as").first.wait_for()


def hear_a_clip(tab: Page) -> None:
    """Choose the first clip of a phrase."""
    words = tab.get_by_role("textbox", name="Phrase or words")
    words.fill("smart mirror")
    words.press("Enter")
    settle(tab)
    box = tab.locator('[data-testid="stDataFrame"]').first.bounding_box()
    assert box is not None
    tab.mouse.click(box["x"] + 16, box["y"] + 52)
    tab.locator("audio").first.wait_for()
    settle(tab)


def hear_with_a_detector(tab: Page) -> None:
    """Let the newest detector hear a clip of its phrase."""
    with closing(open_database()) as connection:
        phrase = jobs.list_jobs(connection).query("state == 'done'").phrase.iloc[0]
        clip = ClipSearch(connection).find(texts=[phrase.lower()], limit=1).path.iloc[0]
    tab.get_by_text("File", exact=True).click()
    settle(tab)
    samples, rate_hz = soundfile.read(home() / CLIP_FOLDER / clip)
    quiet = np.random.default_rng(0).normal(0, 1e-3, 2 * rate_hz)  # a room before and after
    wav = io.BytesIO()
    soundfile.write(wav, np.concatenate([quiet, samples, quiet]), rate_hz, format="WAV")
    tab.locator("input[type=file]").set_input_files(
        {"name": "recording.wav", "mimeType": "audio/wav", "buffer": wav.getvalue()}
    )
    tab.locator("canvas").first.wait_for()
    settle(tab)
    bring_to_top(tab, "Threshold")


def open_newest_detector(tab: Page) -> None:
    """Open the first detector of the list."""
    cards = tab.locator('[data-testid="stMain"] button').filter(has_text="arrow_forward")
    cards.first.click()


def show_curve(tab: Page) -> None:
    """Scroll the first detector to what it does at each sensitivity."""
    open_newest_detector(tab)
    settle(tab)
    bring_to_top(tab, "How sensitive should it be?")


def bring_to_top(tab: Page, text: str) -> None:
    """Scroll until a text stands at the top."""
    tab.get_by_text(text).first.evaluate("node => node.scrollIntoView({block: 'start'})")


def open_newest_job(tab: Page) -> None:
    """Open the first job of the list."""
    tab.locator('[class*="st-key-open-"] button').first.click()
    tab.get_by_text("seed").first.wait_for()


def show_amounts(tab: Page) -> None:
    """Open the charts of the clips."""
    tab.get_by_role("tab", name="Amounts").click()


SCENES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "new-phrase": ("/", type_a_phrase),
    "jobs": ("/jobs", nothing),
    "job": ("/jobs", open_newest_job),
    "detectors": ("/detectors", nothing),
    "detector": ("/detectors", open_newest_detector),
    "curve": ("/detectors", show_curve),
    "try-it": ("/try", hear_with_a_detector),
    "clips": ("/clips", hear_a_clip),
    "amounts": ("/clips", show_amounts),
    "settings": ("/settings", nothing),
}
"""The address of each picture and what is done there first."""


if __name__ == "__main__":
    sys.exit(main())
