"""What `watchword check` answers, in each way it can, and what the page imports to ask."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from page import check

ROOT = Path(__file__).parents[2]
REAL_CHECK = check.check_phrase
BARE = '{"ok": true, "phrase": "x", "phonemes": [], "syllables": 1, "seconds": 1, "warnings": []}'
"""No strength: another version's answer."""


@pytest.fixture
def answer(monkeypatch):
    """Return a function that makes the command print this and exit so."""
    commands = []

    def set_answer(stdout, stderr="", code=0):
        def run(command, **_options):
            commands.append(command)
            return subprocess.CompletedProcess(command, code, stdout, stderr)

        monkeypatch.setattr(subprocess, "run", run)
        return commands

    return set_answer


def test_a_good_answer_is_read(answer):
    commands = answer(
        '{"ok": true, "phrase": "smart mirror", "phonemes": ["smɑɹt", "mɪɹɚ"],'
        ' "syllables": 3, "seconds": 0.9, "warnings": ["common"],'
        ' "strength": {"score": 75, "word": "strong", "per_hour": 0.2, "reasons": ["It is long."],'
        ' "parts": [{"name": "length", "points": 118.9, "text": "10 sounds"}],'
        ' "neighbours": [{"text": "smarter", "distance": 2.0, "per_hour": 0.1, "inside": false}]}}'
    )
    result = REAL_CHECK("--smart mirror")
    strength = check.Strength(
        75, "strong", (("length", 118.9, "10 sounds"),), ("smarter",), ("It is long.",)
    )
    assert result == check.PhraseCheck(
        "smart mirror", "", ("smɑɹt", "mɪɹɚ"), 3, 0.9, ("common",), strength
    )
    assert result.ok
    assert commands[0][-3:] == ["--json", "--", "--smart mirror"]


def test_a_refusal_is_read(answer):
    answer('{"ok": false, "reason": "Too long."}', code=2)
    assert REAL_CHECK("x") == check.PhraseCheck("", reason="Too long.")
    assert not REAL_CHECK("x").ok


@pytest.mark.parametrize("stdout", ["", "{}", "[1]", '{"ok": true}', "Traceback", BARE])
def test_any_other_answer_is_an_error_with_the_last_line(answer, stdout):
    answer(stdout, "Traceback\nModuleNotFoundError: No module named 'hibari'\n", 1)
    with pytest.raises(check.CheckError, match=r"hibari.*watchword doctor"):
        REAL_CHECK("x")


def test_a_check_that_takes_too_long_is_an_error(monkeypatch):
    def run(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(check.CheckError, match="timed out"):
        REAL_CHECK("x")


def test_the_pages_load_neither_torch_nor_the_trainer(tmp_path):
    script = f"""
import os, sys
os.environ["WATCHWORD_HOME"] = {str(tmp_path)!r}
from pathlib import Path
from streamlit.testing.v1 import AppTest
from db import jobs
from db.connection import open_database
from tests.page.small_bundle import write_bundle
connection = open_database()
job_id = jobs.submit(connection, "smart mirror", "quick", 0, {{}})
jobs.claim(connection, "w")
jobs.finish(connection, job_id, "w", write_bundle(Path({str(tmp_path)!r}) / "detectors"))
app = AppTest.from_file("streamlit_app.py", default_timeout=30).run()
assert not app.exception
for page in ("jobs", "detectors"):
    app.switch_page(f"page/{{page}}.py").run()
    assert not app.exception
assert app.metric, "the detector was not shown"
print(sorted({{"torch", "trainer", "exporters", "watchword"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'runtime'}", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
