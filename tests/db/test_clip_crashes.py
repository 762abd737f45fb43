"""Whatever interrupts a write, there is no row without its file and no file without its row."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from db import clips as clips_module
from db.clip_repair import StoreReport
from db.clips import ClipStore, ClipWriteError
from db.connection import open_database

if TYPE_CHECKING:
    from collections.abc import Callable

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
    assert store.verify() == StoreReport((), (), (), ())


def test_a_full_database_leaves_no_file(tmp_path, make_clip):
    store = open_store(tmp_path)
    connection = store._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ClipWriteError, match="disk is full"):
        store.add_many([make_clip(seed, text="x" * 5000) for seed in range(20)])
    assert store.find().empty
    assert list(store.folder.glob("*/*")) == []


def in_a_child(work: Callable[[], object]) -> int:
    """Fork a process that does the work, and return its id. A fork needs no new imports."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def killed(child: int) -> bool:
    """Wait for a child and return whether it was killed rather than done."""
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def rows_and_files(folder: Path) -> tuple[set[str], set[str]]:
    """Open the store, as the next run does, and return the rows' paths and all files there are."""
    store = open_store(folder)
    files = {str(p.relative_to(store.folder)) for p in store.folder.rglob("*") if p.is_file()}
    assert store.verify(hashes=True).clean
    return set(store.find().path), files


def test_a_process_killed_at_any_step_leaves_rows_and_files_that_agree(tmp_path, make_clip):
    """Each call into the system or SQLite, of opening, adding and deleting, is once the last."""

    def work(last_step: int | None) -> None:
        steps = 0

        def take(_frame: object, event: str, called: object) -> None:
            nonlocal steps
            if event == "c_call":
                steps += 1
                if steps == last_step:
                    os.kill(os.getpid(), signal.SIGKILL)

        store = open_store(tmp_path)
        sys.setprofile(take)
        try:
            store = ClipStore(store._connection, store.folder)  # settles what the last one left
            first, *_ = store.add_many([make_clip(seed + len(done)) for seed in (100, 101)])
            store.delete([first])
        finally:
            sys.setprofile(None)

    done: list[int] = []
    work(None)
    for step in count(1, 7):
        if not killed(in_a_child(lambda step=step: work(step))):
            break  # it needed no more steps than that
        done.append(step)
        if step % 3 == 0:  # else the next child finds what this one left
            rows, files = rows_and_files(tmp_path)
            assert rows == files
    rows, files = rows_and_files(tmp_path)
    assert rows == files
    assert len(done) > 20


def test_writers_killed_at_any_moment_leave_rows_and_files_that_agree(tmp_path, make_clip):
    open_store(tmp_path)
    rng = random.Random(0)
    rows_before = 0
    for attempt in range(24):

        def work(first: int) -> None:
            store = open_store(tmp_path)
            for start in range(first, first + 100_000, 3):
                ids = store.add_many([make_clip(seed) for seed in range(start, start + 3)])
                store.delete(ids[:1])

        children = [
            in_a_child(lambda first=first: work(first))
            for first in (attempt * 90, attempt * 90 + 3)
        ]
        time.sleep(0.05 + 0.1 * rng.random())
        for child in children:
            os.kill(child, signal.SIGKILL)
        assert [killed(child) for child in children] == [True, True]
        rows, files = rows_and_files(tmp_path)
        assert rows == files
        assert len(rows) >= rows_before
        rows_before = len(rows)
    assert rows_before > 24


def test_a_writer_at_work_is_left_alone(tmp_path, make_clip, monkeypatch):
    store = open_store(tmp_path)
    real = clips_module.ClipStore._place

    def place(self, staged):
        monkeypatch.undo()
        other = ClipStore(self._connection, self.folder)  # opening settles only the dead
        assert other.verify().leftovers == ()
        assert all(item.part.exists() for item in staged)
        return real(self, staged)

    monkeypatch.setattr(clips_module.ClipStore, "_place", place)
    store.add_many([make_clip(1)])
    assert len(store.find()) == 1


def test_two_processes_adding_the_same_clips_store_each_once(tmp_path):
    """While a third one searches: no reader waits, no count goes back, no draw has a clip twice."""
    store = open_store(tmp_path)
    children = [start_adder(tmp_path, first, 120, 4) for first in (0, 60)]
    seen = 0
    while any(child.poll() is None for child in children):
        found = store.containing(["æ"])
        assert len(found) >= seen
        assert set(found.path) <= {
            str(p.relative_to(store.folder)) for p in store.folder.glob("*/*")
        }
        seen = len(found)
        drawn = store.not_containing(["ɪ"], limit=1000, seed=1)
        assert drawn.sha256.is_unique
    for child in children:
        _, errors = child.communicate(timeout=60)
        assert (errors, child.returncode) == ("", 0)
    assert len(store.find()) == 180
    assert store.verify(hashes=True) == StoreReport((), (), (), ())
