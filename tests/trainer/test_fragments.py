"""What people said, a few words at a time: which words, cut once, and in scenes of their own."""

import json
from dataclasses import replace

import numpy as np
import pytest

from db.clips import ClipStore, NewClip
from db.connection import open_database
from db.recordings import Description, describe_anew
from tests.trainer.known_model import RATE_HZ, KnownModel, say
from trainer import fragments
from trainer.articulation import split_phonemes
from trainer.fragments import (
    LEAST_DISTANCE,
    LEAST_PHONEMES,
    LENGTH_LEEWAY,
    choose_fragments,
    cut_fragments,
    plan_fragments,
)
from trainer.hearing import contains_phrase, distance_to_phrase
from trainer.phrases import normalise_text, parse_phrase
from trainer.progress import CancelledError
from trainer.pronunciation import phonemes
from trainer.segment import read_transcript
from trainer.split import Side, side_of

PHRASE = parse_phrase("smart mirror")
TEXTS = (
    "the start of a matter of taste",
    "they may march to the river",
    "my mother is very smart today",
    "we bought a small mirror at the market",
    "nobody knows where the manager lives",
    "turn the heating down please",
)
TRAINING, OTHER = (
    next(name for name in map("corpus:p{}".format, range(99)) if side_of([name]) is side)
    for side in Side
)


@pytest.fixture(autouse=True)
def _needs_ctc_segmentation(monkeypatch):
    pytest.importorskip("ctc_segmentation", reason="the extra ctc is not installed")
    monkeypatch.setattr(fragments, "why_deaf", str)


@pytest.fixture
def store(tmp_path):
    return ClipStore(open_database("sqlite://"), tmp_path / "clips")


def recording(text, speaker=TRAINING):
    waveform = say(12, *(part for r in read_transcript(text).phonemes for part in (r, 3)), 12)
    rng = np.random.default_rng(sum(map(ord, f"{text} {speaker}")))
    waveform += rng.uniform(-2e-4, 2e-4, len(waveform)).astype(np.float32)
    return NewClip(
        waveform, RATE_HZ, text, normalise_text(text), phonemes(text), "recording",
        speaker, speaker, "corpus", "CC0-1.0", {"file": f"{speaker}/{text}.flac"},
    )  # fmt: skip


def gather(store, count=20, tell=lambda _done, _detail: None, phrase=PHRASE):
    plan = plan_fragments(phrase, count, store)
    return cut_fragments(plan, store, tell, workers=1, make_model=KnownModel)


def test_they_are_as_long_as_the_phrase_and_not_it_nor_nearly_it(store):
    store.add_many([recording(text) for text in (*TEXTS, "is the smart mirror on")])
    rows = store.find(engines=["recording"])
    chosen = choose_fragments(PHRASE, rows, 999)
    texts = {f.text for f in chosen}
    assert len(chosen) == len({(f.recording, f.text) for f in chosen}) > 20
    length = len(split_phonemes("".join(PHRASE.phonemes)))
    for fragment in chosen:
        assert not contains_phrase(fragment.phonemes, PHRASE)
        assert distance_to_phrase(fragment.phonemes, PHRASE) >= LEAST_DISTANCE
        assert abs(len(split_phonemes(fragment.phonemes)) - length) <= LENGTH_LEEWAY
    assert "manager" in texts
    assert "small mirror" not in texts  # nearly it
    assert choose_fragments(PHRASE, rows, 5) == chosen[:5]


def test_of_a_short_phrase_none_is_so_short_that_it_is_a_part_of_it(store):
    store.add_many([recording(text) for text in TEXTS])
    chosen = choose_fragments(parse_phrase("mocha"), store.find(engines=["recording"]), 999)
    lengths = {len(split_phonemes(fragment.phonemes)) for fragment in chosen}
    assert min(lengths) == LEAST_PHONEMES
    assert max(lengths) == LEAST_PHONEMES + LENGTH_LEEWAY


def test_they_are_clips_of_the_training_sides_people_with_their_licence(store):
    store.add_many([recording(text) for text in TEXTS])
    store.add_many([recording(text, OTHER) for text in TEXTS])
    clips, made = gather(store)
    assert len(clips) == made == 20
    assert set(clips["speaker"]) == {TRAINING}
    assert set(clips["licence"]) == {"CC0-1.0"}
    assert set(clips["engine"]) == {"cut"}
    parents = {row.sha256: row for row in store.find(engines=["recording"]).itertuples()}
    for row in clips.itertuples():
        settings = json.loads(row.settings)
        parent = parents[settings["of"]]
        assert f" {row.text} " in f" {parent.text_normalised} "
        waveform, _ = store.read(row)
        heard = KnownModel().log_probs(waveform.astype(np.float32) / 32768).argmax(axis=1)
        said = [int(t) for i, t in enumerate(heard) if t != KnownModel.blank and t != heard[i - 1]]
        assert said == list(KnownModel().spell("", row.phonemes))


def test_what_was_cut_is_not_cut_again_and_serves_other_phrases(store):
    store.add_many([recording(text) for text in TEXTS])
    first, _ = gather(store)
    seen = []
    again, made = gather(store, tell=lambda *said: seen.append(said))
    assert (seen, made) == ([], 0)
    assert again["sha256"].tolist() == first["sha256"].tolist()
    # What is too long, too short or too near for the other phrase is left.
    other, _ = gather(store, phrase=parse_phrase("start miller"))
    assert len(set(other["sha256"]) & set(first["sha256"])) > 10


def test_what_was_not_heard_is_not_listened_for_again(store):
    wrong = recording("nobody knows where the manager lives")
    said = recording("turn the heating down please")
    store.add_many([replace(wrong, waveform=said.waveform[:-50]), recording(TEXTS[0])])
    first, made = gather(store)
    assert made == len(first) > 0
    seen = []
    again, made = gather(store, tell=lambda *said: seen.append(said))
    assert (seen, made) == ([], 0)
    assert again["sha256"].tolist() == first["sha256"].tolist()


def test_a_corrected_transcript_is_listened_for(store):
    said = recording("nobody knows where the manager lives")
    wrong = "manager knows where the nobody lives"
    store.add_many([replace(said, text=wrong, text_normalised=wrong, phonemes=phonemes(wrong))])
    gather(store)
    assert "the manager" not in set(store.find(engines=["cut"])["text_normalised"])
    assert store.refused_cuts()
    row = next(store.find(engines=["recording"]).itertuples())
    description = Description(
        said.text, said.text_normalised, said.phonemes, said.voice, said.speaker, said.licence
    )
    store.delete(describe_anew(store._connection, {row.id: description}))
    assert not store.refused_cuts()
    clips, _ = gather(store)
    assert "the manager" in set(clips["text_normalised"])
    store.delete([row.id])
    assert not store.refused_cuts()


def test_a_stop_keeps_the_batches_before(store, monkeypatch):
    monkeypatch.setattr("trainer.cutting.BATCH", 2)
    store.add_many([recording(text) for text in TEXTS])

    def stop(*_):
        raise CancelledError

    with pytest.raises(CancelledError):
        gather(store, tell=stop)
    kept = len(store.find(engines=["cut"]))
    assert 0 < kept < 20
    clips, made = gather(store)
    assert (len(clips), made) == (20, 20 - kept)


def test_without_recordings_or_ears_there_are_none(store, monkeypatch):
    assert gather(store).clips.empty
    store.add_many([recording(text) for text in TEXTS])
    assert gather(store, count=0).clips.empty
    monkeypatch.setattr(fragments, "why_deaf", lambda: "no model")
    assert gather(store).clips.empty
