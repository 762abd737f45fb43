"""What rows, files and indices disagree on is named, and mended without destroying anything."""

from __future__ import annotations

import pytest

from db.clip_repair import StoreReport, fill_indices, repair

WELL = StoreReport((), (), (), ())


@pytest.fixture
def filled(store, make_clip):
    store.add_many([make_clip(seed) for seed in range(6)])
    return store


def mend(store):
    report = store.verify(hashes=True)
    return repair(store, store._connection, report)


def test_a_store_that_is_well_needs_nothing(filled):
    assert filled.verify(hashes=True) == WELL
    assert filled.verify().clean
    done = mend(filled)
    assert (done.rows_deleted, done.files_set_aside, done.indices_filled) == (0, 0, 0)
    assert not done.set_aside.exists()


def test_everything_that_is_wrong_is_named_and_mended(filled):
    gone, damaged, *kept = sorted(filled.find().path)
    (filled.folder / gone).unlink()
    (filled.folder / damaged).write_bytes(b"junk")
    orphan = filled.folder / "00" / ("0" * 64 + ".flac")
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"nobody knows me")
    stranger = filled.folder / "00" / "notes.txt"
    stranger.write_text("mine")
    (filled.folder / "stray").mkdir()
    filled._connection.execute("UPDATE clip SET sounds = 'tt' WHERE path = ?", (kept[0],))
    report = filled.verify(hashes=True)
    assert report.missing == (gone,)
    assert report.damaged == (damaged,)
    assert report.orphans == (f"00/{orphan.name}",)
    assert report.leftovers == ("00/notes.txt", "stray")
    assert report.stale == ("clip_by_sound",)
    assert not report.healthy
    assert filled.verify().damaged == ()  # only when asked

    done = mend(filled)
    assert (done.rows_deleted, done.files_set_aside, done.indices_filled) == (2, 4, 1)
    assert filled.verify(hashes=True) == WELL
    assert sorted(filled.find().path) == kept
    assert len(filled.containing(["smɑt"])) == len(kept)
    aside = {str(p.relative_to(done.set_aside)) for p in done.set_aside.rglob("*") if p.is_file()}
    assert aside == {f"00/{orphan.name}", "00/notes.txt", damaged}
    assert (done.set_aside / damaged).read_bytes() == b"junk"


def test_what_was_put_right_meanwhile_is_left_alone(filled, make_clip):
    report = filled.verify()
    gone = filled.find().path[0]
    (filled.folder / gone).unlink()
    report = filled.verify()
    filled.add_many([make_clip(seed) for seed in range(6)])  # the file is back
    assert repair(filled, filled._connection, report).rows_deleted == 0
    assert len(filled.find()) == 6


@pytest.mark.parametrize("index", ["clip_by_sound", "clip_by_word"])
def test_an_index_that_lost_a_row_is_stale_until_it_is_filled(filled, index):
    filled._connection.execute(f"INSERT INTO {index} ({index}) VALUES ('delete-all')")
    assert filled.verify().stale == (index,)
    fill_indices(filled._connection)
    assert filled.verify() == WELL
    assert len(filled.containing(["smɑt"])) == 6
