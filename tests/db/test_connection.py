"""URLs, the home folder, migrations, a full disk, two processes at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from db import connection as module
from db.connection import (
    DatabaseFullError,
    DatabaseOpenError,
    DatabaseUrlError,
    DatabaseVersionError,
    home,
    migrations,
    open_database,
    transaction,
)

ROOT = Path(__file__).parents[2]


def test_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "w"))
    assert home() == tmp_path / "w"
    monkeypatch.delenv("WATCHWORD_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home() == tmp_path / "watchword"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert home() == Path.home() / ".local/share/watchword"


def test_default_database_lies_in_home(monkeypatch, tmp_path):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "new"))
    open_database().close()
    assert (tmp_path / "new/watchword.sqlite3").is_file()


def test_a_file_database_is_in_wal_mode_and_checks_foreign_keys(tmp_path):
    connection = open_database(f"sqlite:///{tmp_path}/a.sqlite3")
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert connection.execute("PRAGMA busy_timeout").fetchone()[0] == 30_000
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):
        connection.execute(
            "INSERT INTO job_stage (job_id, stage, payload, finished) VALUES (1, 'train', '{}', 0)"
        )


@pytest.mark.parametrize("url", ["postgresql://host/db", "watchword.sqlite3", "sqlite://a.sqlite3"])
def test_an_url_of_another_kind_is_refused_with_those_supported(url):
    with pytest.raises(DatabaseUrlError, match=r"sqlite:///"):
        open_database(url)


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path):
    path = tmp_path / "a.sqlite3"
    path.write_bytes(b"%PDF-1.7 " * 200)
    with pytest.raises(DatabaseOpenError, match="move it away"):
        open_database(f"sqlite:///{path}")
    assert path.read_bytes() == b"%PDF-1.7 " * 200


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatabaseOpenError, match="WATCHWORD_HOME"):
        open_database(f"sqlite:///{tmp_path}/file/a.sqlite3")


def test_a_newer_database_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    connection = open_database(url)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DatabaseVersionError, match="99"):
        open_database(url)


def test_opening_again_applies_only_what_is_missing(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    open_database(url).close()
    scripts = migrations()
    monkeypatch.setattr(module, "migrations", lambda: [*scripts, "CREATE TABLE later (x);"])
    connection = open_database(url)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(scripts) + 1
    assert connection.execute("SELECT count(*) FROM later").fetchone()[0] == 0


def test_a_migration_that_fails_leaves_the_version_before_it(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    open_database(url).close()
    scripts = migrations()
    broken = "CREATE TABLE half (x);\nINSERT INTO nowhere VALUES (1);"
    monkeypatch.setattr(module, "migrations", lambda: [*scripts, broken])
    with pytest.raises(DatabaseOpenError):
        open_database(url)
    monkeypatch.undo()
    connection = open_database(url)
    names = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "half" not in names
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(scripts)


def test_a_full_disk_keeps_nothing_of_the_transaction(tmp_path):
    connection = open_database(f"sqlite:///{tmp_path}/a.sqlite3")
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    rows = [("x" * 1000,)] * 100
    with pytest.raises(DatabaseFullError, match="Free some space"), transaction(connection):
        connection.executemany(
            "INSERT INTO job (phrase, preset, seed, created) VALUES (?, 'quick', 0, 0)", rows
        )
    assert connection.execute("SELECT count(*) FROM job").fetchone()[0] == 0


def test_processes_that_open_a_new_database_at_once_all_succeed(tmp_path):
    script = "import sys; from db.connection import open_database; open_database(sys.argv[1])"
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    children = [
        subprocess.Popen([sys.executable, "-c", script, url], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [(child.communicate()[1], child.returncode) for child in children] == [(b"", 0)] * 4
