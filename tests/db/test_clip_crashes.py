"""Whatever interrupts a write, there is never a row without its file."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db import clips as clips_module
from db.clips import ClipStore, ClipWriteError
from db.connection import open_database

ROOT = Path(__file__).parents[2]

ADDER = """
import sys
import numpy as np
from pathlib import Path
from db.clips import ClipStore, NewClip
from db.connection import open_database
folder, first, count, batch = Path(sys.argv[1]), *map(int, sys.argv[2:])
store = ClipStore(open_database(f"sqlite:///{folder}/a.sqlite3"), folder / "clips")
def clip(seed):
    noise = np.random.default_rng(seed).uniform(-1, 1, 300).astype(np.float32)
    return NewClip(noise, 16000, "a", "a", "a", "e", "v", "s", "synthetic", "CC0-1.0")
for start in range(first, first + count, batch):
    store.add_many([clip(seed) for seed in range(start, start + batch)])
"""


def start_adder(folder: Path, first: int, count: int, batch: int) -> subprocess.Popen[str]:
    arguments = [str(value) for value in (folder, first, count, batch)]
    return subprocess.Popen(
        [sys.executable, "-c", ADDER, *arguments],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def open_store(folder: Path) -> ClipStore:
    return ClipStore(open_database(f"sqlite:///{folder}/a.sqlite3"), folder / "clips")


def refuse(*_arguments: object, **_options: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", [(os, "fsync"), (Path, "replace"), (Path, "mkdir")])
def test_a_full_disk_leaves_no_row_and_no_file(store, make_clip, monkeypatch, step):
    monkeypatch.setattr(*step, refuse)
    with pytest.raises(ClipWriteError, match="free some space") as caught:
        store.add_many([make_clip(1), make_clip(2)])
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert store.find().empty
    assert list(store.folder.glob("*/*")) == []
    assert len(store.add_many([make_clip(1), make_clip(2)])) == 2


@pytest.mark.parametrize("refused", range(1, 7))
def test_a_disk_that_fills_half_way_keeps_none_of_the_batch(store, make_clip, monkeypatch, refused):
    """Calls 1-3 write the files, 4-6 the folders they were renamed into."""
    kept = store.add_many([make_clip(0)])
    real, calls = os.fsync, []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == refused:
            refuse()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ClipWriteError):
        store.add_many([make_clip(seed) for seed in range(4)])
    assert store.find().id.tolist() == kept
    assert store.verify() == clips_module.StoreReport((), (), (), ())


def test_a_full_database_leaves_no_file(tmp_path, make_clip):
    store = open_store(tmp_path)
    connection = store._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ClipWriteError, match="disk is full"):
        store.add_many([make_clip(seed, text="x" * 5000) for seed in range(20)])
    assert store.find().empty
    assert list(store.folder.glob("*/*")) == []


def test_a_crash_between_file_and_row_leaves_an_orphan_that_verify_finds(tmp_path, make_clip):
    die = "import os, db.clips\ndb.clips.ClipStore._insert = lambda *_: os._exit(9)\n"
    done = subprocess.run(
        [sys.executable, "-c", die + ADDER, str(tmp_path), "0", "1", "1"], cwd=ROOT, check=False
    )
    assert done.returncode == 9
    store = open_store(tmp_path)
    report = store.verify()
    assert store.find().empty
    assert report.healthy
    assert len(report.orphans) == 1
    assert store.clean() == 1
    assert store.verify().orphans == ()


def test_clean_spares_the_unfinished_file_of_a_writer_at_work(store, make_clip):
    store.add_many([make_clip(1)])
    part = store.folder / "ab" / "ab12.part"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(b"half")
    assert store.verify().leftovers == ("ab/ab12.part",)
    assert store.clean() == 0
    assert store.clean(older_than_s=0) == 1
    assert len(store.find()) == 1
    assert store.verify() == clips_module.StoreReport((), (), (), ())


def test_a_writer_killed_at_any_moment_leaves_no_row_without_a_file(tmp_path):
    store = open_store(tmp_path)
    rows_before = 0
    for attempt in range(6):
        child = start_adder(tmp_path, attempt * 100_000, 100_000, 3)
        while len(store.find()) == rows_before:
            assert child.poll() is None
            time.sleep(0.005)
        time.sleep(0.013 * attempt)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert store.verify(hashes=True).healthy
        assert len(store.find()) > rows_before
        rows_before = len(store.find())
    store.clean(older_than_s=0)
    assert len(list(store.folder.glob("*/*"))) == rows_before


def test_two_processes_adding_the_same_clips_store_each_once(tmp_path):
    children = [start_adder(tmp_path, first, 120, 4) for first in (0, 60)]
    for child in children:
        _, errors = child.communicate(timeout=60)
        assert (errors, child.returncode) == ("", 0)
    store = open_store(tmp_path)
    assert len(store.find()) == 180
    assert store.verify(hashes=True) == clips_module.StoreReport((), (), (), ())
