"""From a typed phrase to a device: page, worker, voices, download, a new environment, a detection.

WATCHWORD_SLOW_TESTS=1 trains the preset quick, which takes as long as that takes and a minute more.
WATCHWORD_SLOW_TESTS=tiny trains for seconds: it goes the same way and cannot hear at its end.
With WATCHWORD_STORY_CLIPS=1 it begins with this machine's clips and sounds instead of none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import venv
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from db.clips import CLIP_FOLDER
from db.connection import DATABASE_FILE, home
from tests.browser.conftest import free_port, running_site
from tests.browser.steps import download, see
from trainer.sounds import sounds_folder
from trainer.tts.engines import available_engines
from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Site

ROOT = Path(__file__).parents[2]
PHRASE = "smart mirror"
WANTED = os.environ.get("WATCHWORD_SLOW_TESTS", "")
TRAINING_TIMEOUT_S = 3600.0
SAYINGS = 3
LATE_S = 1.0
TINY_WORKER = [str(ROOT / "tests" / "watchword" / "tiny_worker.py")]
REAL_WORKER = ["-m", "watchword", "worker"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        WANTED not in {"1", "tiny"}, reason="trains a detector: set WATCHWORD_SLOW_TESTS=1"
    ),
]


@pytest.fixture
def site(tmp_path: Path, chromium: Browser) -> Iterator[Site]:
    """A page, with this machine's clips and sounds if they are wanted."""
    if os.environ.get("WATCHWORD_STORY_CLIPS"):
        (tmp_path / "home").mkdir()
        with (
            sqlite3.connect(home() / DATABASE_FILE) as ours,
            sqlite3.connect(tmp_path / "home" / DATABASE_FILE) as theirs,
        ):
            ours.backup(theirs)
        for folder in (home() / CLIP_FOLDER, sounds_folder()):
            shutil.copytree(folder, tmp_path / "home" / folder.relative_to(home()))
    with running_site(tmp_path, free_port()) as running:
        yield running


@pytest.fixture
def voices() -> Path:
    """The voices that were fetched on this machine."""
    folder = home() / "voices"
    if not folder.is_dir():
        pytest.skip("no voices on this machine: run `watchword voices`")
    return folder


@pytest.fixture
def worker(site: Site, voices: Path, tmp_path: Path) -> Iterator[Path]:
    """Start a worker on the page's home, with voices; give its log."""
    site.home.mkdir(exist_ok=True)
    (site.home / "voices").symlink_to(voices, target_is_directory=True)
    environment = os.environ | {
        "WATCHWORD_HOME": str(site.home),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'runtime'}",
    }
    log = tmp_path / "worker.log"
    program = [*TINY_WORKER, "--wait"] if WANTED == "tiny" else REAL_WORKER
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *program],
            cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    yield log
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)


@pytest.fixture
def said(voices: Path, tmp_path: Path) -> tuple[Path, list[tuple[float, float]]]:
    """A WAV file in which three voices say the phrase, and from when to when (s)."""
    engines, missing = available_engines(voices)
    parts, spans, now_s = [np.zeros(SAMPLE_RATE_HZ, np.int16)], [], 1.0
    try:
        names = [name for name in ("kokoro", "piper", "flite", "nanotts") if name in engines]
        assert names, missing
        cast = [voice for name in names for voice in engines[name].voices()]
        chosen = [voice for voice in cast if voice.language.startswith("en-")][:SAYINGS]
        for voice in chosen:
            speech = engines[voice.engine].synthesize("Smart mirror.", voice, seed=1)
            pcm = to_int16(resampled(speech.waveform, speech.rate_hz))
            spans.append((now_s, now_s + len(pcm) / SAMPLE_RATE_HZ))
            parts += [pcm, np.zeros(3 * SAMPLE_RATE_HZ, np.int16)]
            now_s += len(pcm) / SAMPLE_RATE_HZ + 3.0
    finally:
        for engine in engines.values():
            engine.close()
    path = tmp_path / "said.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(np.concatenate(parts).tobytes())
    return path, spans


def resampled(waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    import soxr

    return soxr.resample(waveform, rate_hz, SAMPLE_RATE_HZ).astype(np.float32)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A new environment that holds the runtime from its wheel and one engine; gives its bin."""
    folder = tmp_path / "device"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT / "runtime")])
    (wheel,) = tmp_path.glob("watchword_runtime-*.whl")
    venv.create(folder, with_pip=True)
    run(
        [
            str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet",
            "install", "-c", str(ROOT / "constraints.txt"), f"{wheel}[onnx]",
        ]
    )  # fmt: skip
    return folder / "bin"


def run(command: list[str]) -> str:
    """Run a program outside this project's environment and return its standard output."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def train_on_the_page(page: Page, site: Site, folder: Path) -> Path:
    """Type the phrase, wait for the detector, download the zip."""
    page.goto(site.url)
    page.get_by_role("textbox", name="Phrase").fill(PHRASE)
    page.get_by_role("textbox", name="Phrase").press("Enter")
    see(page, "Said as")
    page.get_by_text("Quick", exact=True).click()
    page.get_by_role("button", name="Create detector").click()
    page.get_by_text(re.compile(r"Job \d+ · preset quick")).wait_for()
    ended = page.get_by_text("The detector is ready").or_(page.get_by_role("button", name="again"))
    ended.first.wait_for(timeout=1000 * TRAINING_TIMEOUT_S)
    page.get_by_role("button", name="See the result and download").click()
    see(page, "Near-misses accepted")
    download(page, "Everything as one zip", folder)
    (archive,) = folder.glob("*.zip")
    return archive


def test_a_phrase_becomes_a_detector_that_hears_it_on_a_device(
    page: Page, site: Site, worker: Path, device: Path, said: tuple[Path, list[tuple[float, float]]]
) -> None:
    downloads = worker.with_name("downloads")
    downloads.mkdir()
    try:
        archive = train_on_the_page(page, site, downloads)
    except Exception as error:
        error.add_note(worker.read_text()[-4000:])
        raise

    python, listen = str(device / "python"), str(device / "watchword-listen")
    specs = "import importlib.util as u; print([n for n in ('torch', 'db') if u.find_spec(n)])"
    assert run([python, "-c", specs]).strip() == "[]"
    run([listen, str(archive), "--self-test"])
    wav, spans = said
    lines = run([listen, str(archive), "--wav", str(wav), "--json"]).splitlines()
    heard = [json.loads(line) for line in lines]
    if WANTED == "tiny":
        return
    assert all(detection["phrase"] == PHRASE for detection in heard)
    times_s = [detection["time_s"] for detection in heard]
    hits = [any(start <= t <= end + LATE_S for t in times_s) for start, end in spans]
    assert sum(hits) >= 2, (spans, heard)
    assert len(heard) == sum(hits), f"fires where nobody spoke: {spans} {heard}"
