"""Sample clips before a training, and a check that answers line by line."""

from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from db.clips import CLIP_FOLDER, ClipStore
from db.connection import open_database
from trainer import casting
from trainer.phrases import parse_phrase
from trainer.tts.base import Speech, SynthesisError, Voice
from watchword.phrase_answer import answer_lines, phrase_answer
from watchword.speak import samples

PHRASE = parse_phrase("smart mirror")


class Humming:
    """Says everything as a hum of its own; "piper" is broken."""

    licence = "CC0-1.0"
    speaks_phonemes = False
    said: ClassVar[list[str]] = []

    def __init__(self, name: str) -> None:
        self.name = name

    def voices(self) -> list[Voice]:
        return [Voice(self.name, f"{self.name}-1", "en-us", f"{self.name}-ann", "CC0-1.0")]

    def synthesize(self, text, voice, *, speed=1.0, phonemes=None, seed=0) -> Speech:
        if self.name == "piper":
            raise SynthesisError("piper has lost its voice.")
        Humming.said.append(f"{self.name}: {text}")
        time_s = np.arange(16_000) / 16_000
        wave = np.sin(2 * np.pi * (100 + len(self.name) * 30) * time_s)
        return Speech(0.3 * wave.astype(np.float32), 16_000, text, voice, {"seed": seed})

    def close(self) -> None:
        pass


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def available(_folder, names=None):
        known = ("espeak", "kokoro", "piper", "flite", "elevenlabs")
        return {name: Humming(name) for name in known if names is None or name in names}, {}

    monkeypatch.setattr(casting, "available_engines", available)
    monkeypatch.setattr(casting, "_has_gpu", lambda: False)
    monkeypatch.setattr("trainer.synthesis.listen", lambda *_: {})
    Humming.said = []
    with closing(open_database(f"sqlite:///{tmp_path}/w.sqlite3")) as connection:
        yield ClipStore(connection, tmp_path / CLIP_FOLDER)


def test_engines_that_trainings_use_most_speak_once_and_their_clips_are_kept(store, tmp_path):
    first = list(samples(PHRASE, store, tmp_path, count=3))
    assert [clip["engine"] for clip in first] == ["kokoro", "piper", "flite"]
    assert first[1]["reason"] == "piper has lost its voice."
    assert not first[1]["path"]
    assert all(Path(clip["path"]).is_file() for clip in (first[0], first[2]))
    assert Humming.said == ["kokoro: smart mirror", "flite: smart mirror"]
    again = list(samples(PHRASE, store, tmp_path, count=2))
    assert [(clip["engine"], clip["new"]) for clip in again] == [
        ("kokoro", False),
        ("flite", False),
    ]
    assert len(Humming.said) == 2, "what was said before is not said again"


def test_only_chosen_engines_speak_and_none_that_charges(store, tmp_path):
    said = list(samples(PHRASE, store, tmp_path, count=2, engines=("flite", "elevenlabs")))
    assert {clip["engine"] for clip in said} == {"flite"}
    assert not list(samples(PHRASE, store, tmp_path, count=2, engines=("elevenlabs",)))


def test_lines_are_answered_one_by_one():
    answers = io.StringIO()
    answer_lines(io.StringIO('"smart mirror"\n"xkcd"\n'), answers, "en")
    good, bad = map(json.loads, answers.getvalue().splitlines())
    assert good == json.loads(json.dumps(phrase_answer("smart mirror", "en")))
    assert good["ok"]
    assert good["strength"]["word"] == "strong"
    assert not bad["ok"]
    assert "cannot be pronounced" in bad["reason"]
