"""A database URL comes in, an open SQLite connection with the current schema goes out."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from db.sounds import heard

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_TIMEOUT_S = 30.0
DATABASE_FILE = "watchword.sqlite3"
_SCHEMA = Path(__file__).with_name("schema.sql")
_MIGRATIONS = Path(__file__).with_name("migrations")


class DatabaseUrlError(ValueError):
    """The database URL names no kind of database that this version can open."""


class DatabaseOpenError(OSError):
    """The database file cannot be opened or created."""


class DatabaseVersionError(RuntimeError):
    """The database was made by a newer version of this program."""


class DatabaseFullError(OSError):
    """The disk has no room for what was to be written; nothing of it was kept."""


def home() -> Path:
    """Return the folder of everything Watchword keeps, which may not exist yet.

    The environment's `WATCHWORD_HOME`, else `$XDG_DATA_HOME/watchword`, else
    `~/.local/share/watchword`.
    """
    if chosen := os.environ.get("WATCHWORD_HOME"):
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "watchword"


def open_database(url: str | None = None) -> sqlite3.Connection:
    """Open a database, create or migrate its tables, and return the connection.

    Args:
        url: `sqlite:///relative/path`, `sqlite:////absolute/path`, or `sqlite://` for one in
            memory. None opens `watchword.sqlite3` in `home()`.

    Returns:
        A connection in autocommit mode with named columns; write inside `transaction`.

    Raises:
        DatabaseUrlError: The scheme is another one, or the URL holds no path.
        DatabaseOpenError: The file cannot be made or read, or is no SQLite database.
        DatabaseVersionError: A newer version of this program made the database.
    """
    target = str(home() / DATABASE_FILE) if url is None else _path_of(url)
    try:
        if target != ":memory:":
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(target, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    except (OSError, sqlite3.OperationalError) as error:
        raise DatabaseOpenError(
            f"Cannot open the database {target}: {error}. Check that the folder can be written, "
            "or set WATCHWORD_HOME to one that can."
        ) from error
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        # The triggers that keep the search index call it.
        connection.create_function("heard", 1, heard, deterministic=True)
        connection.execute("PRAGMA trusted_schema = ON")
        _use_write_ahead_log(connection)
        _migrate(connection, migrations())
    except sqlite3.DatabaseError as error:
        connection.close()
        raise DatabaseOpenError(
            f"Cannot use the database {target}: {error}. If the file is not a database, move it "
            "away; if the disk is full or read-only, make room or set WATCHWORD_HOME."
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Hold the write lock for the block; commit at its end, roll back when it raises.

    `BEGIN IMMEDIATE` takes the lock at once, so two writers wait for each other and never
    deadlock half-way.

    Raises:
        DatabaseFullError: The disk is full; nothing of the block was kept.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk may have rolled it back already
                connection.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DatabaseFullError(
                "The disk is full: the database could not be written. Free some space, or set "
                "WATCHWORD_HOME to a disk with room, and try again."
            ) from error
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Let all reads of the block see one state of the database; writers do not wait for it."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        connection.execute("ROLLBACK")


def migrations() -> list[str]:
    """Return the SQL scripts that lead from an empty file to the current version, in order."""
    later = sorted(_MIGRATIONS.glob("*.sql"))
    return [script.read_text(encoding="utf-8") for script in (_SCHEMA, *later)]


def _path_of(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme != "sqlite":
        raise DatabaseUrlError(
            f"Cannot open the database URL {url!r}: supported are sqlite:///relative/path, "
            "sqlite:////absolute/path and sqlite:// (in memory)."
        )
    if rest in {"", "/:memory:"}:
        return ":memory:"
    if not rest.startswith("/") or rest == "/":
        raise DatabaseUrlError(
            f"The database URL {url!r} holds no path: write sqlite:/// and then the path."
        )
    return rest[1:]


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite's own busy handler is not asked here, so we wait ourselves."""
    deadline_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline_s:
                raise
            time.sleep(0.02)
        else:
            connection.execute("PRAGMA synchronous = NORMAL")
            return


def _migrate(connection: sqlite3.Connection, scripts: list[str]) -> None:
    """Apply what is missing, one transaction a script; the lock decides who does it."""
    while True:
        version = _version(connection)
        if version > len(scripts):
            raise DatabaseVersionError(
                f"The database has version {version} and this program knows {len(scripts)}. "
                "Install a newer Watchword, or set WATCHWORD_HOME to another folder."
            )
        if version == len(scripts):
            return
        with transaction(connection):
            if _version(connection) != version:
                continue  # another process was first
            for statement in _statements(scripts[version]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Split a script. `executescript` would commit the transaction that is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
