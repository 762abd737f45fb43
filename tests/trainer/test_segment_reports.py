"""The commands that print the tables of docs/segmentation.md, on a little of everything."""

import os
import re
from pathlib import Path

import pytest

from trainer.corpora.folder_tsv import TableSource
from trainer.segment_report import segment_report
from trainer.spoken_report import spoken_report

DATA = os.environ.get("WATCHWORD_TEST_DATA", "")


@pytest.fixture(autouse=True)
def _needs_the_extra():
    pytest.importorskip("hama", reason="the extra ctc is not installed")
    pytest.importorskip("ctc_segmentation", reason="the extra ctc is not installed")


def test_clips_that_say_their_text_are_told_from_others():
    from trainer.tts.hibari import HibariEngine

    table = spoken_report({"hibari": HibariEngine()}, clips=6, seed=0)
    header, _, engine, everything, _, last, *_ = table.splitlines()
    cells = [cell.strip() for cell in engine.strip("|").split("|")]
    assert len(cells) == len(header.strip("|").split("|"))
    assert cells[:2] == ["hibari", "6"]
    assert everything.startswith("| all | 6 |")
    right, wrong = float(cells[2]), float(cells[4])
    assert wrong < right
    assert "ms of one core" in last


@pytest.mark.skipif(not DATA, reason="WATCHWORD_TEST_DATA names no folder")
def test_cuts_of_real_sentences_hold_the_phrase(tmp_path):
    source = TableSource(
        "report", Path(DATA) / "manifest.tsv", where={"kind": "speech"}, use="train"
    )
    table = segment_report(source, ["nothing", "going to"], 4, tmp_path)
    total = next(line for line in table.splitlines() if line.startswith("| all"))
    cells = [cell.strip() for cell in total.strip("|").split("|")]
    sentences, cuts = int(cells[1]), int(cells[2])
    assert sentences == 8
    assert 5 <= cuts <= 8
    held, judged = map(int, re.match(r"(\d+)/(\d+)", cells[3]).groups())
    assert judged >= 4
    assert held >= judged - 1
