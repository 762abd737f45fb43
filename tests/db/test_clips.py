"""Clips come back as they went in, once each, and can be found."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest

from db.clips import ClipFilter, ClipFormatError, ClipMissingError, ClipReadError

WORDS = {"settings": {}, "source": "synthetic", "licence": "Apache-2.0"}


def test_a_clip_is_stored_under_the_hash_of_its_file(store, make_clip):
    clip_id = store.add_many([make_clip(1, settings={"speed": 1.1})])[0]
    row = store.find().iloc[0]
    content = (store.folder / row.path).read_bytes()
    assert row.id == clip_id
    assert row.path == f"{row.sha256[:2]}/{row.sha256}.flac"
    assert hashlib.sha256(content).hexdigest() == row.sha256
    assert content[:4] == b"fLaC"
    assert row.settings == '{"speed": 1.1}'
    assert row.seconds == 400 / 16000
    assert abs(row.created - time.time()) < 60


def test_int16_comes_back_exactly_and_float_within_half_a_step(store, make_clip):
    whole = np.array([-32768, 32767, 0, 5] * 100, dtype=np.int16)
    fine = np.linspace(-1.5, 1.5, 400, dtype=np.float32)
    store.add_many([make_clip(0, waveform=whole, rate_hz=24000), make_clip(0, waveform=fine)])
    frame = store.find()
    samples, rate_hz = store.read(frame.path[0])
    assert rate_hz == 24000
    assert np.array_equal(samples, whole)
    samples, rate_hz = store.read(next(frame.iloc[1:].itertuples()))
    assert rate_hz == 16000
    assert np.abs(samples / 32767 - np.clip(fine, -1, 1)).max() <= 0.5 / 32767 + 1e-7


def test_the_same_audio_again_is_the_same_clip(store, make_clip):
    clip = make_clip(1)
    first = store.add(
        clip.waveform, 16000, text="a", text_normalised="a", phonemes="a", engine="e", voice="v",
        speaker="s", **WORDS,
    )  # fmt: skip
    again = store.add_many([clip, make_clip(2), clip])
    assert again[0] == again[2] == first
    assert again[1] != first
    assert len(store.find()) == 2
    assert len(list(store.folder.glob("*/*"))) == 2


def test_adding_again_brings_back_a_file_that_was_lost(store, make_clip):
    store.add_many([make_clip(1)])
    next(store.folder.glob("*/*")).unlink()
    assert store.verify().missing
    store.add_many([make_clip(1)])
    assert store.verify().healthy
    assert len(store.find()) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"waveform": np.zeros(0, np.int16)}, "at least one sample"),
        ({"waveform": np.zeros((2, 9), np.float32)}, "Mix it down"),
        ({"waveform": np.zeros(9, np.int32)}, "int32"),
        ({"waveform": np.array([0, np.nan], np.float32)}, "NaN"),
        ({"rate_hz": 0}, "positive"),
    ],
)
def test_what_is_no_clip_is_refused_and_leaves_nothing(store, make_clip, changes, message):
    with pytest.raises(ClipFormatError, match=message):
        store.add_many([make_clip(1), make_clip(2, **changes)])
    assert store.find().empty
    assert list(store.folder.glob("*/*")) == []


def test_find_applies_every_filter(store, make_clip):
    store.add_many(
        [
            make_clip(1),
            make_clip(2, engine="piper"),
            make_clip(3, text_normalised="start a mirror", phonemes="stɑɹt ə mɪɹɚ"),
            make_clip(4, text_normalised="other", source="people"),
        ]
    )
    assert store.find(texts=["smart mirror", "other"]).id.tolist() == [1, 2, 4]
    assert store.find(texts=["smart mirror"], engines=["piper"]).id.tolist() == [2]
    assert store.find(sources=["people"]).id.tolist() == [4]
    assert store.find(limit=2).id.tolist() == [1, 2]
    assert store.find(texts=[]).empty
    assert store.counts(["smart mirror", "nothing"]) == {"smart mirror": 2, "nothing": 0}


def test_thousands_of_texts_are_found_by_the_index(store, fresh_db, make_clip):
    store.add_many([make_clip(seed, text_normalised=f"text {seed}") for seed in range(50)])
    # Rows without files: only the query is timed.
    fresh_db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 50 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
        " INSERT INTO clip (sha256, path, text, text_normalised, phonemes, engine, voice, speaker,"
        " source, licence, seconds, rate_hz, created)"
        " SELECT printf('%64d', i), '', '', 'text ' || i, '', '', '', '', '', '', 1, 8000, 0 FROM n"
    )
    texts = [f"text {seed}" for seed in range(0, 9000, 3)]
    start_s = time.perf_counter()
    frame = store.find(texts=texts)
    assert time.perf_counter() - start_s < 2
    assert frame.text_normalised.tolist() == texts
    plan = fresh_db.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM clip"
        " WHERE text_normalised IN (SELECT value FROM json_each('[]')) ORDER BY id"
    ).fetchall()
    assert any("USING INDEX clip_text_normalised" in row["detail"] for row in plan)


def test_delete_takes_row_and_file(store, make_clip):
    first, second = store.add_many([make_clip(1), make_clip(2)])
    assert store.delete([first, 99]) == 1
    assert store.find().id.tolist() == [second]
    assert store.verify() == store.verify(hashes=True)
    assert len(list(store.folder.glob("*/*"))) == 1


def test_a_file_that_is_gone_or_damaged_is_named(store, make_clip):
    store.add_many([make_clip(1), make_clip(2)])
    gone, damaged = store.find().path
    (store.folder / gone).unlink()
    (store.folder / damaged).write_bytes(b"fLaC and no more")
    with pytest.raises(ClipMissingError, match=gone):
        store.read(gone)
    with pytest.raises(ClipReadError, match=damaged):
        store.read(damaged)
    report = store.verify(hashes=True)
    assert report.missing == (gone,)
    assert report.damaged == (damaged,)
    assert not report.healthy


def test_totals_count_what_fits_by_whatever_is_asked(store, make_clip):
    store.add_many(
        [make_clip(1), make_clip(2, speaker="b"), make_clip(3, engine="piper", voice="x")]
    )
    frame = store.totals(by=["engine", "voice"])
    assert frame[["engine", "voice", "clips", "texts", "speakers"]].values.tolist() == [
        ["kokoro", "af_heart", 2, 1, 2],
        ["piper", "x", 1, 1, 1],
    ]
    assert frame.hours.iloc[0] == pytest.approx(2 * 0.025 / 3600)
    everything = store.totals().iloc[0]
    assert (everything.clips, everything.engines, everything.licences) == (3, 2, 1)
    assert store.totals(ClipFilter(engines=["none"])).clips.tolist() == [0]
    with pytest.raises(ValueError, match="no columns"):
        store.totals(by=["clips; DROP TABLE clip"])
