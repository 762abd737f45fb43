"""A user's own recordings of a phrase: what is taken, numbered, recognised, refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from tests.trainer.corpora.conftest import audio_bytes, tone
from trainer.corpora.base import CorpusError
from trainer.corpora.own_voice import LONGEST_S, add_own_recordings, speech_s, unusable
from trainer.phrases import parse_phrase

PHRASE = parse_phrase("Smart mirror")


@pytest.fixture
def add(connection, store):
    def add(files, phrase=PHRASE, name="Anna B."):
        return add_own_recordings(phrase, files, connection, store, name=name)

    return add


@pytest.fixture
def said(record, tmp_path):
    """Three recordings of 2 s each, in three formats."""
    names = ("one.wav", "two.flac", "three.opus")
    return [record(tmp_path / name, n, seconds=2, rate_hz=48_000) for n, name in enumerate(names)]


def test_recordings_are_numbered_clips_of_the_phrase(add, said, store):
    added = add(said)
    assert [(r.number, r.new, r.reason) for r in added] == [(n, True, "") for n in (1, 2, 3)]
    clips = store.find()
    assert set(clips["speaker"]) == {"own-voice:anna-b"}
    assert set(clips["source"]) == {"own-voice"}
    assert set(clips["engine"]) == {"recording"}
    assert set(clips["text"]) == {PHRASE.text}
    assert set(clips["phonemes"]) == {" ".join(PHRASE.phonemes)}
    assert [json.loads(s) for s in clips["settings"]] == [
        {"file": path.name, "recording": n} for n, path in enumerate(said, start=1)
    ]
    assert store.counts(["smart mirror"]) == {"smart mirror": 3}, "found as a positive"


def test_more_recordings_are_numbered_on(add, said, store, record, tmp_path):
    add(said[:1])
    (second,) = add(said[1:2])
    assert second.number == 2
    (other,) = add([record(tmp_path / "b.wav", 7)], name="Bert")
    assert other.number == 1
    (phrase,) = add([record(tmp_path / "c.wav", 8)], phrase=parse_phrase("view glass"))
    assert phrase.number == 1
    assert len(store.find()) == 4


def test_the_same_recording_is_recognised_by_its_sound(add, said, store, tmp_path):
    add(said)
    copy = said[1].rename(tmp_path / "copy.flac")
    (again,) = add([copy])
    assert (again.number, again.new, again.reason) == (2, False, "")
    assert len(store.find()) == 3


def test_the_same_recording_of_another_phrase_is_refused(add, said, store):
    add(said[:1])
    (wrong,) = add(said[:1], phrase=parse_phrase("view glass"))
    assert (wrong.number, wrong.new) == (None, False)
    assert "is in the database as" in wrong.reason
    assert PHRASE.text in wrong.reason
    assert len(store.find()) == 1


def quiet(path):
    soundfile.write(path, tone(1, 2) * 0.003, 16_000)


def steady_noise(path):
    soundfile.write(path, np.random.default_rng(0).normal(size=32_000) * 0.1, 16_000)


def overdriven(path):
    soundfile.write(path, np.clip(tone(1, 2) * 20, -1, 1), 16_000)


@pytest.mark.parametrize(
    ("write", "said_of_it"),
    [
        (lambda path: path.write_text("no audio"), "cannot be read"),
        (lambda path: path.write_bytes(audio_bytes(1, ".wav", seconds=0.3)), "too short"),
        (lambda path: path.write_bytes(audio_bytes(1, ".wav", seconds=LONGEST_S + 1)), "once"),
        (lambda path: soundfile.write(path, np.zeros(32_000), 16_000), "stand out"),
        (quiet, "stand out"),
        (steady_noise, "stand out"),
        (overdriven, "overdriven"),
    ],
)
def test_a_recording_that_cannot_be_meant_is_refused_and_the_others_are_taken(  # noqa: PLR0917 - fixtures
    add, said, store, tmp_path, write, said_of_it
):
    bad = tmp_path / "bad.wav"
    write(bad)
    first, refused, last = add([said[0], bad, said[1]])
    assert (first.number, last.number) == (1, 2)
    assert (refused.number, refused.new) == (None, False)
    assert said_of_it in refused.reason
    assert str(bad) in refused.reason
    assert len(store.find()) == 2


def test_speech_is_heard_over_the_background():
    pause = np.random.default_rng(0).normal(size=32_000) * 0.003
    pcm = np.round(np.concatenate([pause, tone(1, 1.2), pause]) * 32_000).astype(np.int16)
    assert speech_s(pcm) == pytest.approx(0.6, abs=0.15)  # every second half syllable is a pause
    assert unusable(pcm, 0.9) == ""


def test_a_name_is_needed(add, said):
    with pytest.raises(CorpusError, match="no name"):
        add(said, name="!")
