"""What takes room, and what may go: never what is finished, under way or somebody else's."""

from __future__ import annotations

import os

import pytest

from page import disk


def write(path, count_bytes, age_s=0.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * count_bytes)
    when = path.stat().st_mtime - age_s
    os.utime(path, (when, when))
    return path


@pytest.fixture
def home(tmp_path):
    write(tmp_path / "watchword.sqlite3", 1000)
    write(tmp_path / "watchword.sqlite3-wal", 24)
    write(tmp_path / "clips" / "ab" / "one.flac", 5000)
    for number in (1, 2, 3):
        write(tmp_path / "jobs" / str(number) / "features.npy", 100 * number)
    write(tmp_path / "jobs" / "notes.txt", 7)
    write(tmp_path / "voices" / "downloads" / "old.whl.part", 50, age_s=2 * disk.OLD_S)
    write(tmp_path / "voices" / "downloads" / "new.whl.part", 60)
    write(tmp_path / "voices" / "model.onnx", 70)
    return tmp_path


def test_room_is_counted_by_place(home):
    assert disk.used(home) == {
        "Clips": 5000, "Database": 1024, "Work folders of jobs": 607, "Voices": 180,
    }  # fmt: skip
    assert disk.used(home / "nothing") == {}


def test_only_what_nobody_needs_may_go(home):
    found = {what.name: what for what in disk.removable(home, live_jobs=[2])}
    assert sorted(found) == ["parts", "work"]
    assert [path.name for path in found["work"].paths] == ["1", "3"]
    assert found["work"].bytes == 400
    assert [path.name for path in found["parts"].paths] == ["old.whl.part"]


def test_removing_frees_what_was_said_and_leaves_the_rest(home):
    for what in disk.removable(home, live_jobs=[2]):
        assert disk.remove(what) == what.bytes
    left = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
    assert left == [
        "clips/ab/one.flac", "jobs/2/features.npy", "jobs/notes.txt",
        "voices/downloads/new.whl.part", "voices/model.onnx",
        "watchword.sqlite3", "watchword.sqlite3-wal",
    ]  # fmt: skip
    assert disk.removable(home, live_jobs=[2]) == []


def test_a_half_written_file_of_a_living_job_stays(home):
    write(home / "jobs" / "2" / "a.onnx.part", 5, age_s=2 * disk.OLD_S)
    found = {what.name: what for what in disk.removable(home, live_jobs=[1, 2, 3])}
    assert [path.name for path in found["parts"].paths] == ["old.whl.part"]


def test_links_are_not_followed_out_of_the_folder(home, tmp_path_factory):
    outside = write(tmp_path_factory.mktemp("outside") / "precious.part", 9, age_s=9 * disk.OLD_S)
    (home / "jobs" / "9").symlink_to(outside.parent, target_is_directory=True)
    (home / "detectors").mkdir()
    (home / "detectors" / "linked.part").symlink_to(outside)
    for what in disk.removable(home, live_jobs=[]):
        disk.remove(what)
    assert outside.is_file()
