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
    """Return a function that puts a program in the command's place, which answers each line."""
    monkeypatch.setattr(check, "checker", check.Checker())

    def set_program(program):
        monkeypatch.setattr(check, "COMMAND", (sys.executable, "-c", program))

    yield set_program
    check.checker.stop()


def printing(text):
    return f"import sys\nfor line in sys.stdin: print({text!r}, flush=True)"


def test_a_good_answer_is_read(answer):
    answer(printing(
        '{"ok": true, "phrase": "smart mirror", "phonemes": ["smɑɹt", "mɪɹɚ"],'
        ' "syllables": 3, "seconds": 0.9, "warnings": ["common"],'
        ' "strength": {"score": 75, "word": "strong", "per_hour": 0.2, "reasons": ["It is long."],'
        ' "parts": [{"name": "length", "points": 118.9, "text": "10 sounds"}],'
        ' "neighbours": [{"text": "smarter", "distance": 2.0, "per_hour": 0.1, "inside": false}]}}'
    ))  # fmt: skip
    result = REAL_CHECK("--smart mirror")
    strength = check.Strength(
        75, "strong", (("length", 118.9, "10 sounds"),), ("smarter",), ("It is long.",)
    )
    assert result == check.PhraseCheck(
        "smart mirror", "", ("smɑɹt", "mɪɹɚ"), 3, 0.9, ("common",), strength
    )
    assert result.ok


def test_a_refusal_is_read(answer):
    answer(printing('{"ok": false, "reason": "Too long."}'))
    assert REAL_CHECK("x") == check.PhraseCheck("", reason="Too long.")
    assert not REAL_CHECK("x").ok


@pytest.mark.parametrize("line", ["{}", "[1]", '{"ok": true}', "Traceback", BARE])
def test_any_other_answer_is_an_error(answer, line):
    answer(printing(line))
    with pytest.raises(check.CheckError, match="it answered"):
        REAL_CHECK("x")


def test_a_check_that_ends_says_its_last_words_and_the_next_question_starts_another(answer):
    answer("import sys; sys.exit(\"ModuleNotFoundError: No module named 'hibari'\")")
    with pytest.raises(check.CheckError, match=r"hibari.*watchword doctor"):
        REAL_CHECK("x")
    answer(printing('{"ok": false, "reason": "Too long."}'))
    assert REAL_CHECK("x").reason == "Too long."


def test_a_check_that_takes_too_long_is_an_error(answer, monkeypatch):
    monkeypatch.setattr(check, "TIMEOUT_S", 0.2)
    answer("import time; time.sleep(60)")
    with pytest.raises(check.CheckError, match="no answer in"):
        REAL_CHECK("x")


def test_one_process_answers_all_questions(answer):
    answer(
        "import json, os, sys\n"
        "for line in sys.stdin:\n"
        "    reason = f'{os.getpid()} {json.loads(line)}'\n"
        "    print(json.dumps({'ok': False, 'reason': reason}), flush=True)"
    )
    phrases = ["smart mirror", '"quoted"\nand split', "ünder"]
    reasons = [REAL_CHECK(phrase).reason for phrase in phrases]
    assert [reason.split(" ", 1)[1] for reason in reasons] == phrases
    assert len({reason.split()[0] for reason in reasons}) == 1


def test_the_pages_load_neither_torch_nor_the_trainer(tmp_path):
    script = f"""
import os, sys
os.environ["WATCHWORD_HOME"] = {str(tmp_path)!r}
from pathlib import Path
from streamlit.testing.v1 import AppTest
from db import job_claims, jobs
from db.connection import open_database
from tests.page.small_bundle import write_bundle
connection = open_database()
job_id = jobs.submit(connection, "smart mirror", "quick", 0, {{}})
job_claims.claim(connection, "w")
job_claims.finish(connection, job_id, "w", write_bundle(Path({str(tmp_path)!r}) / "detectors"))
app = AppTest.from_file("streamlit_app.py", default_timeout=30).run()
assert not app.exception
for page in ("jobs", "detectors"):
    app.switch_page(f"page/{{page}}.py").run()
    assert not app.exception
assert "smart mirror" in repr(app.main), "the detector was not shown"
print(sorted({{"torch", "trainer", "exporters", "watchword"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'runtime'}", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
