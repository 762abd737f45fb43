"""Clips are found by what is heard and by words, from the indices, and drawn by a seed."""

from __future__ import annotations

import hashlib
import random

import pytest

from db.clip_search import COLUMNS, ClipFilter
from db.connection import migrations, open_database
from db.sounds import CONSONANTS, VOWELS, heard, split_phonemes, without_final_r

ALPHABET = "".join(sorted(VOWELS | CONSONANTS))
SMART_MIRROR = (heard("smˈɑɹt mˈɪɹəɹ"),)


def plan(connection, query, values=()):
    return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values)]


def fill(connection, texts, *, first=1):
    """Rows without files, as fast as SQLite takes them."""
    hashes = [f"{random.Random(n).getrandbits(256):064x}" for n in range(first, first + len(texts))]
    connection.executemany(
        "INSERT INTO clip (sha256, path, text, text_normalised, phonemes, engine, voice, speaker,"
        " source, licence, seconds, rate_hz, created)"
        " VALUES (?, ?, '', ?, ?, 'recording', '', '', 'tiny', 'CC0-1.0', 1, 16000, 0)",
        [
            (sha256, f"{sha256[:2]}/{sha256}.flac", *text)
            for sha256, text in zip(hashes, texts, strict=True)
        ],
    )


@pytest.fixture
def found(store, fresh_db):
    """Fill the database with readings and return the search for the phrase's row ids."""
    fill(
        fresh_db,
        [
            ("smart mirror", "smˈɑɹt mˈɪɹəɹ"),
            ("a smart mirror is here", "ɐ smˈɑɹt mˈɪɹəɹ ɪz hˈɪɹ"),
            ("smart mirror", "smˈɑːt mˈɪɹə"),
            ("smartmirror on", "smˈɑɹTmˌɪɹəɹ ˈɔn"),
            ("smart people", "smˈɑɹt pˈipᵊl"),
            ("mirror smart", "mˈɪɹəɹ smˈɑɹt"),
            ("the art mirror", "ði ˈɑɹt mˈɪɹəɹ"),
        ],
    )
    return lambda sounds, **options: store.containing(sounds, **options).id.tolist()


def test_a_phrase_is_found_in_either_accent_and_across_words(found, store):
    assert found(SMART_MIRROR) == [1, 2, 3, 4]
    assert found(SMART_MIRROR, engines=["recording"], sources=["tiny"], limit=2) == [1, 2]
    assert found(SMART_MIRROR, sources=["other"]) == []
    assert found((heard("mˈɪɹəɹ smˈɑɹt"), *SMART_MIRROR)) == [1, 2, 3, 4, 6]
    assert tuple(store.containing(SMART_MIRROR).columns) == COLUMNS


@pytest.mark.parametrize(("part", "ids"), [("ɔ", [4]), ("ɪz", [2]), ("ðiɑ", [7])])
def test_short_parts_are_found_too(found, part, ids):
    assert found((part,)) == ids


def test_case_tells_sounds_apart(store, fresh_db):
    fill(fresh_db, [("hay", "hˈA bˈA"), ("high", "hˈI bˈI"), ("ha", "hˈi bˈi")])
    assert store.containing(["hIbI"]).id.tolist() == [2]


def test_words_are_found_as_they_are_spelled(found, store):
    def with_words(text):
        return store.select(ClipFilter(with_words=text)).id.tolist()

    assert found(SMART_MIRROR) == [1, 2, 3, 4]
    assert with_words("smart mirror") == [1, 2, 3]
    assert with_words("art mirror") == [7]
    assert with_words('smart" OR "a') == []


def test_what_is_no_sound_is_refused(store):
    for wrong in ("", "smˈɑɹt", 'a" OR "b'):
        with pytest.raises(ValueError, match="heard"):
            store.containing([wrong])
    with pytest.raises(ValueError, match="no reading"):
        store.not_containing([], limit=1, seed=0)


def test_a_part_of_a_text_is_a_part_of_what_is_heard_of_it():
    """Leaving out the final r of both hides no match that any mixture of accents would have."""
    rng = random.Random(5)
    alphabet = "ɹɹɹəɑtm"
    for _ in range(20_000):
        text = tuple(rng.choices(alphabet, k=9))
        start = rng.randrange(8)
        part = text[start : start + rng.randint(1, 6)]
        readings = {"".join(part), "".join(without_final_r(part))}
        texts = ("".join(text), "".join(without_final_r(text)))
        assert any(reading in said for reading in readings for said in texts)
        assert heard("".join(part)) in heard("".join(text))
        other = tuple(rng.choices(alphabet, k=3))
        readings = {"".join(other), "".join(without_final_r(other))}
        assert any(reading in said for reading in readings for said in texts) == (
            heard("".join(other)) in heard("".join(text))
        )


def test_what_is_heard_has_not_changed_without_a_migration():
    """The index holds these. Change them only with a migration that fills it again."""
    assert heard("ˈQæaɒᵊɐᵻTɾʔrɡgeo, kˈɑːɹ ˈɪz!") == "OææɑəəɪtttɡɡɛOkɑɹɪz"
    assert "".join(sorted(split_phonemes(ALPHABET))) == ALPHABET
    assert len(ALPHABET) == 40


def test_the_index_agrees_with_a_scan_whatever_is_added_changed_and_deleted(store, fresh_db):
    rng = random.Random(3)

    def reading():
        return "".join(rng.choices("smɑɹtˈɪə ", k=rng.randint(1, 14)))

    texts = [(" ".join("word" for _ in range(rng.randint(1, 5))), reading()) for _ in range(400)]
    fill(fresh_db, texts)
    for clip_id in range(1, 401, 3):
        fresh_db.execute("UPDATE clip SET phonemes = ? WHERE id = ?", (reading(), clip_id))
    store.delete(list(range(2, 401, 5)))
    rows = fresh_db.execute("SELECT id, phonemes, sounds, words, text_normalised FROM clip")
    rows = rows.fetchall()
    assert [row["sounds"] for row in rows] == [heard(row["phonemes"]) for row in rows]
    assert [row["words"] for row in rows] == [len(row["text_normalised"].split()) for row in rows]
    for _ in range(60):
        part = heard("".join(rng.choices("smɑɹtɪə", k=rng.randint(1, 4))))
        if part:
            slow = [row["id"] for row in rows if part in row["sounds"]]
            assert store.containing([part]).id.tolist() == slow
            assert store.count_not_containing([part]) == len(rows) - len(slow)
    for index in ("clip_by_sound", "clip_by_word"):
        fresh_db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")


def test_negatives_are_drawn_by_the_seed_alone(store, fresh_db):
    fill(fresh_db, [(f"some words number n{n}", "wˈɜɹdz") for n in range(300)])
    fill(fresh_db, [("smart mirror on the wall", "smˈɑɹt mˈɪɹəɹ")] * 100, first=1000)
    fill(fresh_db, [("two words", "wˈɜɹdz")] * 100, first=2000)
    options = {"min_words": 4, "except_texts": ["some words number n7"]}

    def draw(seed, limit, of=store):
        return set(of.not_containing(SMART_MIRROR, limit=limit, seed=seed, **options).sha256)

    everything = draw(0, 10_000)
    assert len(everything) == 299 == store.count_not_containing(SMART_MIRROR, **options)
    assert draw(3, 50) == draw(3, 50) != draw(4, 50)
    assert draw(3, 20) < draw(3, 50) < everything
    assert len(set().union(*(draw(seed, 50) for seed in range(60)))) == 299
    texts = set(store.not_containing(SMART_MIRROR, limit=400, seed=1, **options).text_normalised)
    assert not texts & {"some words number n7", "smart mirror on the wall", "two words"}
    before = draw(5, 100)
    fill(fresh_db, [(f"some more words {n}", "mˈɔɹ wˈɜɹdz") for n in range(30)], first=3000)
    assert len(before & draw(5, 100)) > 80


def test_a_draw_of_few_among_many_is_the_same_draw(store, fresh_db):
    """They are sorted rather than looked for all around; the order is the same."""
    fill(fresh_db, [("some other words here", "wˈɜɹdz")] * 900)
    fresh_db.execute("UPDATE clip SET engine = 'piper' WHERE id % 3")
    fresh_db.execute("UPDATE clip SET engine = 'rare' WHERE id % 30 = 0")
    for engine, limit in (("rare", 10), ("rare", 40), ("piper", 10), ("piper", 1000)):
        wanted = ClipFilter(engines=[engine], without_sounds=SMART_MIRROR)
        for seed in range(4):
            start = hashlib.sha256(str(seed).encode()).hexdigest()
            everyone = sorted(store.select(wanted).sha256, key=lambda sha: (sha < start, sha))
            drawn = store.sample(wanted, limit=limit, seed=seed).sha256.tolist()
            assert drawn == everyone[:limit]
    assert store._is_rare(ClipFilter(engines=["rare"]), 10)
    assert not store._is_rare(ClipFilter(engines=["piper"]), 10)


def test_searches_use_the_indices(store, fresh_db):
    fill(fresh_db, [(f"some words number n{n}", "wˈɜɹdz") for n in range(500)])
    queries = []
    fresh_db.set_trace_callback(queries.append)
    store.containing(SMART_MIRROR)
    store.select(ClipFilter(with_words="smart mirror"))
    store.not_containing(SMART_MIRROR, min_words=4, except_texts=["a"], limit=5, seed=0)
    store.count_not_containing(SMART_MIRROR, min_words=4, except_texts=["a"])
    store.find(texts=["a", "b"])
    fresh_db.set_trace_callback(None)
    by_sound, by_word, drawn, *_, counted, by_text = (
        " ; ".join(plan(fresh_db, query)) for query in queries if query.startswith("SELECT")
    )
    assert "VIRTUAL TABLE INDEX" in by_sound
    assert "VIRTUAL TABLE INDEX" in by_word
    assert "sqlite_autoindex_clip_1 (sha256>?)" in drawn
    assert "COVERING INDEX clip_kind" in counted
    assert "INDEX clip_text_normalised" in by_text
    for answer in (by_sound, by_word, drawn, by_text):
        assert "SCAN clip ;" not in answer
    assert "TEMP B-TREE" not in drawn


def test_a_database_of_the_first_version_is_indexed_when_opened(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    first, *_ = migrations()
    monkeypatch.setattr("db.connection.migrations", lambda: [first])
    old = open_database(url)
    fill(old, [("a smart mirror", "ɐ smˈɑɹt mˈɪɹəɹ"), ("", "")])
    old.close()
    monkeypatch.undo()
    new = open_database(url)
    rows = new.execute("SELECT sounds, words FROM clip ORDER BY id").fetchall()
    assert [tuple(row) for row in rows] == [("əsmɑtmɪɹə", 3), ("", 0)]
    from db.clip_search import ClipSearch

    assert ClipSearch(new).containing(SMART_MIRROR).id.tolist() == [1]
    assert ClipSearch(new).select(ClipFilter(with_words="smart mirror")).id.tolist() == [1]
