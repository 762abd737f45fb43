"""Recordings are known by corpus and file, from an index."""

from __future__ import annotations

import pytest

from db import recordings
from db.recordings import (
    Description,
    describe_anew,
    known_recordings,
    own_recordings,
    recordings_of,
)


@pytest.fixture
def add(store, make_clip):
    """Add one clip: `add(seed, settings, engine=…)`; returns its id."""

    def add(seed, settings, **columns):
        return store.add_many([make_clip(seed, settings=settings, **columns)])[0]

    return add


def test_files_are_known_within_their_corpus(store, fresh_db, add):
    first = add(1, {"file": "a.wav"}, engine="recording", source="village")
    add(2, {"file": "a.wav"}, engine="recording", source="town")
    add(3, {"file": "b.wav"}, engine="kokoro", source="village")
    quoted = add(4, {"file": 'é "x".wav'}, engine="recording", source="village")
    known = known_recordings(fresh_db, "village", ["a.wav", "b.wav", 'é "x".wav', "c.wav"])
    assert {file: row.clip_id for file, row in known.items()} == {
        "a.wav": first,
        'é "x".wav': quoted,
    }
    assert recordings_of(fresh_db, [first])[first].file == "a.wav"


@pytest.mark.parametrize(
    ("query", "values", "index"),
    [
        (recordings._BY_FILE, ("village", '["a.wav"]'), "clip_recording"),
        (recordings._CUTS_OF, ("[1]",), "clip_cut"),
        (recordings._BY_ID, ("[1]",), "INTEGER PRIMARY KEY"),
    ],
)
def test_no_question_scans_the_clips(fresh_db, query, values, index):
    plan = [row["detail"] for row in fresh_db.execute("EXPLAIN QUERY PLAN " + query, values)]
    assert plan[0].startswith("SEARCH clip USING")
    assert index in plan[0]
    assert not [step for step in plan if step.startswith("SCAN clip")]


def test_a_new_description_keeps_the_audio_and_names_the_cuts(store, fresh_db, add):
    parent = add(1, {"file": "a.wav"}, engine="recording", source="village")
    other = add(2, {"file": "b.wav"}, engine="recording", source="village")
    shas = {row.id: row.sha256 for row in store.find().itertuples()}
    cut = add(3, {"of": shas[parent]}, engine="cut")
    add(4, {"of": shas[other]}, engine="cut")
    new = Description("New", "new", "nˈu", "v9", "village:v9", "CC BY 4.0")
    assert describe_anew(fresh_db, {parent: new}) == [cut]
    row = store.find().set_index("id").loc[parent]
    assert (row.text, row.text_normalised, row.phonemes) == ("New", "new", "nˈu")
    assert (row.voice, row.speaker, row.licence) == ("v9", "village:v9", "CC BY 4.0")
    assert row.sha256 == shas[parent]


def test_own_recordings_have_their_numbers(fresh_db, add):
    columns = {"engine": "recording", "source": "own-voice", "text_normalised": "hey you"}
    second = add(1, {"recording": 2}, speaker="own-voice:anna", **columns)
    first = add(2, {"recording": 1}, speaker="own-voice:anna", **columns)
    add(3, {"recording": 3}, speaker="own-voice:bert", **columns)
    found = own_recordings(fresh_db, "own-voice", "own-voice:anna", "hey you")
    assert list(found.items()) == [(first, 1), (second, 2)]
