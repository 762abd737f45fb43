"""False wakes and misses: what is taken, recognised, refused, and which phrase it belongs to."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from db.clip_search import ClipFilter
from tests.trainer.corpora.conftest import tone
from trainer.corpora.base import CorpusError
from trainer.corpora.feedback import LONGEST_S, Kind, add_feedback
from trainer.phrases import parse_phrase
from watchword_runtime import Detection
from watchword_runtime.recordings import Recordings

PHRASE = parse_phrase("Smart mirror")


@pytest.fixture
def send(connection, store):
    def send(kind, *files, phrase=PHRASE, name="Anna B."):
        return add_feedback(phrase, kind, files, connection, store, name=name)

    return send


def test_a_miss_is_a_positive_of_its_owner(send, record, tmp_path, store):
    (sent,) = send(Kind.MISSED, record(tmp_path / "said.flac", 1, seconds=2))
    assert (sent.new, sent.reason) == (True, "")
    (clip,) = store.find(texts=["smart mirror"]).to_dict("records")
    assert clip["id"] == sent.clip_id
    assert (clip["source"], clip["engine"], clip["speaker"], clip["licence"]) == (
        "feedback", "recording", "own-voice:anna-b", "own recording",
    )  # fmt: skip
    assert clip["phonemes"] == " ".join(PHRASE.phonemes)


def test_a_false_wake_belongs_to_its_phrase_alone(send, record, tmp_path, store):
    (sent,) = send(Kind.FALSE_WAKE, record(tmp_path / "tv.wav", 1, seconds=4))
    (clip,) = store.false_wakes("smart mirror").to_dict("records")
    assert clip["id"] == sent.clip_id
    assert json.loads(clip["settings"]) == {"file": "tv.wav", "not": "smart mirror"}
    assert clip["text"] == "(not smart mirror)"
    assert (clip["text_normalised"], clip["phonemes"]) == ("", "")
    assert store.false_wakes("view glass").empty
    assert store.find(texts=["smart mirror"]).empty
    assert store.not_containing(["smɑt"], min_words=1, limit=9, seed=0).empty
    assert store.count(ClipFilter(with_words="smart")) == 0


@pytest.mark.parametrize("kind", Kind)
def test_the_same_sound_is_recognised(kind, send, record, tmp_path):
    first = record(tmp_path / "a.wav", 1, seconds=2)
    (new,) = send(kind, first)
    (again,) = send(kind, first.rename(tmp_path / "b.wav"))
    assert (again.clip_id, again.new, again.reason) == (new.clip_id, False, "")


def test_one_sound_cannot_be_both(send, record, tmp_path, store):
    said = record(tmp_path / "a.wav", 1, seconds=2)
    (first,) = send(Kind.FALSE_WAKE, said)
    (second,) = send(Kind.MISSED, said)
    assert second.clip_id is None
    assert "is in the database as '(not smart mirror)'" in second.reason
    assert f"Delete clip {first.clip_id}" in second.reason
    (other,) = send(Kind.FALSE_WAKE, said, phrase=parse_phrase("view glass"))
    assert "is in the database as" in other.reason
    assert len(store.find()) == 1


def silent(path):
    soundfile.write(path, np.zeros(32_000), 16_000)


@pytest.mark.parametrize(
    ("kind", "write", "said"),
    [
        (Kind.FALSE_WAKE, lambda path: path.write_text("no audio"), "cannot be read"),
        (Kind.FALSE_WAKE, silent, "it is silent"),
        (Kind.FALSE_WAKE, lambda path: soundfile.write(path, tone(1, 0.1), 16_000), "too short"),
        (
            Kind.FALSE_WAKE,
            lambda path: soundfile.write(path, tone(1, LONGEST_S + 1), 16_000),
            "Keep the moment",
        ),
        (Kind.MISSED, silent, "stand out"),
        (Kind.MISSED, lambda path: soundfile.write(path, tone(1, 0.2), 16_000), "too short"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_the_rest_is_taken(  # noqa: PLR0917 - fixtures
    kind, write, said, send, record, tmp_path
):
    bad = tmp_path / "bad.wav"
    write(bad)
    refused, taken = send(kind, bad, record(tmp_path / "good.wav", 3, seconds=2))
    assert (refused.clip_id, refused.new) == (None, False)
    assert str(bad) in refused.reason
    assert said in refused.reason
    assert taken.new


def test_what_a_listening_device_kept_is_of_the_phrase_that_it_heard(send, tmp_path):
    kept = Recordings(tmp_path / "kept")
    kept.hear(np.round(tone(1, 4) * 20_000).astype(np.int16))
    paths = [kept.keep(Detection(phrase, 2.0, 0.9)) for phrase in ("Smart Mirror", "view glass")]
    kept.flush()
    ours, theirs = send(Kind.FALSE_WAKE, *paths)
    assert ours.new
    assert "a detection of 'view glass'" in theirs.reason


def test_a_name_is_needed(send, record, tmp_path):
    with pytest.raises(CorpusError, match="no name"):
        send(Kind.MISSED, record(tmp_path / "a.wav", 1), name="!")
