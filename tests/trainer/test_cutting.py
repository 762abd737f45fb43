import json
from dataclasses import replace

import numpy as np
import pytest

from db.clips import ClipStore, ClipWriteError, NewClip
from db.connection import open_database
from tests.trainer.known_model import FRAME_SAMPLES, RATE_HZ, KnownModel, say
from trainer import cutting
from trainer.cutting import ALONE, LEAST_MARGIN_S, NOT_AS_WORDS, NOT_HEARD, cut_phrase
from trainer.phrases import normalise_text, parse_phrase
from trainer.progress import CancelledError, silent
from trainer.pronunciation import phonemes
from trainer.segment import read_transcript

PHRASE = parse_phrase("smart mirror")


@pytest.fixture(autouse=True)
def _needs_ctc_segmentation():
    pytest.importorskip("ctc_segmentation", reason="the extra ctc is not installed")


@pytest.fixture
def connection():
    return open_database("sqlite://")


@pytest.fixture
def store(connection, tmp_path):
    return ClipStore(connection, tmp_path / "clips")


def recording(text, speaker="anna", *, said=None, pause=12):
    """A clip in which each word of `said` (else of `text`) is followed by a pause in frames."""
    events = [pause]
    for reading in read_transcript(said or text).phonemes:
        events += [reading, pause]
    waveform = say(*events)
    # No two recordings are alike, to the database that keeps the same audio only once.
    rng = np.random.default_rng(sum(map(ord, f"{text} {speaker}")))
    waveform += rng.uniform(-2e-4, 2e-4, len(waveform)).astype(np.float32)
    return NewClip(
        waveform, RATE_HZ, text, normalise_text(text), phonemes(text), "recording",
        speaker, f"corpus:{speaker}", "corpus", "CC0-1.0", {"file": f"{speaker}/{text}.flac"},
    )  # fmt: skip


def cut(connection, store, **options):
    return cut_phrase(
        PHRASE, connection, store, report=silent, make_model=KnownModel, workers=1, **options
    )


def rows(store):
    return list(store.find(engines=["cut"]).itertuples())


def test_a_cut_is_a_clip_of_the_phrase_that_knows_where_it_was(connection, store):
    parent = recording("Is the smart mirror on?")
    store.add_many([parent, recording("Is the mirror on?"), recording("a book")])
    report = cut(connection, store)
    assert (report.found, report.known, report.cuts, report.speakers) == (1, 0, 1, 1)
    assert report.refused == {}
    [row] = rows(store)
    assert (row.text, row.text_normalised) == ("smart mirror", "smart mirror")
    assert row.phonemes == " ".join(PHRASE.phonemes)
    assert (row.voice, row.speaker) == ("anna", "corpus:anna")
    assert (row.source, row.licence) == ("corpus", "CC0-1.0")
    settings = json.loads(row.settings)
    [source] = store.find(engines=["recording"], texts=["is the smart mirror on"]).itertuples()
    assert settings["of"] == source.sha256
    assert settings["score"] > -1
    before_s, after_s = settings["margin_s"]
    assert row.seconds == pytest.approx(
        settings["end_s"] - settings["start_s"] + before_s + after_s, abs=0.002
    )
    # The audio is that part of the parent, faded at its ends, and no more.
    waveform, rate_hz = store.read(row)
    begin = round((settings["start_s"] - before_s) * RATE_HZ)
    original = np.rint(parent.waveform[begin : begin + len(waveform)] * 32768)
    middle = slice(FRAME_SAMPLES, -FRAME_SAMPLES)
    assert rate_hz == RATE_HZ
    assert np.abs(waveform[middle] - original[middle]).max() <= 1
    assert waveform[0] == waveform[-1] == 0


def test_a_cut_holds_all_sounds_of_the_phrase_and_none_of_its_neighbours(connection, store):
    store.add_many([recording("is the smart mirror on")])
    cut(connection, store)
    [row] = rows(store)
    frames = store.read(row)[0][FRAME_SAMPLES // 2 :: FRAME_SAMPLES] / 32768
    heard = np.rint(frames * 1000).astype(int) - 1
    kept = [KnownModel.tokens[k] for i, k in enumerate(heard) if k >= 0 and k != heard[i - 1]]
    assert kept == [
        KnownModel.tokens[t] for r in PHRASE.phonemes for t in KnownModel().spell("", r)
    ]


def test_words_without_a_pause_keep_the_least_margin(connection, store):
    store.add_many([recording("is the smart mirror on", pause=0)])
    cut(connection, store)
    settings = json.loads(rows(store)[0].settings)
    assert settings["margin_s"] == pytest.approx([LEAST_MARGIN_S, LEAST_MARGIN_S], abs=0.001)


def test_the_same_again_makes_nothing_and_opens_nothing(connection, store):
    store.add_many([recording("is the smart mirror on"), recording("smart mirror on", "ben")])
    first = cut(connection, store)
    assert (first.cuts, first.speakers) == (2, 2)
    for row in store.find(engines=["recording"]).itertuples():
        (store.folder / row.path).unlink()  # whoever opens it fails
    again = cut(connection, store)
    assert (again.found, again.known, again.cuts) == (2, 2, 0)
    assert len(rows(store)) == 2


def test_each_place_of_one_recording_is_cut(connection, store):
    store.add_many([recording("smart mirror is a smart mirror")])
    assert cut(connection, store).cuts == 2
    starts = [json.loads(row.settings)["start_s"] for row in rows(store)]
    assert len(set(starts)) == 2


def test_what_gives_no_cut_is_counted_with_its_reason(connection, store):
    store.add_many([
        recording("is the smart mirror on", "liar", said="is the yellow carpet on"),
        recording("smart mirror", "alone"),
        recording("smart mirrorless cameras", "part"),
        replace(recording("the smart mirror", "short"), waveform=say(3)),
    ])  # fmt: skip
    report = cut(connection, store)
    assert (report.found, report.cuts) == (4, 0)
    assert report.refused.pop(NOT_HEARD) == 1
    assert report.refused.pop(ALONE) == 1
    assert report.refused.pop(NOT_AS_WORDS) == 1
    [(reason, count)] = report.refused.items()
    assert count == 1
    assert "too short" in reason


def test_a_stricter_score_keeps_fewer(connection, store):
    store.add_many([recording("is the smart mirror on")])
    assert cut(connection, store, least_score=-0.01).refused == {NOT_HEARD: 1}
    assert cut(connection, store).cuts == 1


def test_a_phrase_whose_reading_depends_on_the_next_word_is_found_by_its_spelling(
    connection, store
):
    store.add_many([recording("they are going to see")])
    report = cut_phrase(
        parse_phrase("going to"), connection, store, report=silent, make_model=KnownModel
    )
    assert (report.found, report.cuts) == (1, 1)


def test_a_limit_counts_recordings_that_were_not_cut_before(connection, store):
    store.add_many([recording("is the smart mirror on", name) for name in ("a", "b", "c")][:1])
    store.add_many([recording("a smart mirror", "b"), recording("the smart mirror", "c")])
    assert cut(connection, store, limit=2).cuts == 2
    assert cut(connection, store, limit=2).cuts == 1


def test_a_batch_that_fails_leaves_nothing_and_stopping_keeps_what_was_stored(
    connection, store, monkeypatch
):
    monkeypatch.setattr(cutting, "BATCH", 1)
    store.add_many([recording("is the smart mirror on"), recording("a smart mirror", "b")])

    def stop(_progress):
        raise CancelledError

    with pytest.raises(CancelledError):
        cut_phrase(PHRASE, connection, store, report=stop, make_model=KnownModel)
    assert len(rows(store)) == 1
    add_many = store.add_many

    def full(clips):
        add_many(clips)  # reaches the disk
        raise ClipWriteError

    monkeypatch.setattr(store, "add_many", full)
    with pytest.raises(ClipWriteError):
        cut(connection, store)
    monkeypatch.undo()
    assert cut(connection, store).known == 2
    assert store.verify().healthy
