"""A database and its clip folder come in, where they disagree goes out; and, asked for, is mended.

Nothing is destroyed: files that are damaged or that no row knows go to a folder beside the clips.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from db.clip_files import sha256_of
from db.clip_journal import UNFINISHED
from db.connection import transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from db.clips import ClipStore

SET_ASIDE_SUFFIX = "-set-aside"
INDICES = ("clip_by_sound", "clip_by_word")
_PREFIXES = tuple(f"{number:02x}" for number in range(256))


@dataclass(frozen=True)
class StoreReport:
    """Where rows, files and indices disagree; all paths relative to the clip folder, sorted."""

    missing: tuple[str, ...]
    """Rows whose file is gone."""
    damaged: tuple[str, ...]
    """Files whose bytes are not those of their name; looked for only when asked."""
    orphans: tuple[str, ...]
    """Clip files without a row."""
    leftovers: tuple[str, ...]
    """Files that are no clips."""
    stale: tuple[str, ...] = ()
    """Search indices that do not say what the rows say."""

    @property
    def healthy(self) -> bool:
        """True when every row has its file and is found where it should be."""
        return not self.missing and not self.damaged and not self.stale

    @property
    def clean(self) -> bool:
        """True when there is nothing to mend at all."""
        return self.healthy and not self.orphans and not self.leftovers


@dataclass(frozen=True)
class Repairs:
    """What was done."""

    rows_deleted: int
    files_set_aside: int
    indices_filled: int
    set_aside: Path
    """The folder of the files that were set aside."""


def inspect(connection: sqlite3.Connection, folder: Path, *, hashes: bool = False) -> StoreReport:
    """Compare the rows, files and indices of a clip store.

    Writers may be at work meanwhile. Memory holds one in 256 of the clips at a time.

    Args:
        connection: From `db.connection.open_database`.
        folder: The clip folder.
        hashes: Read every file, too, and compare its SHA-256 with its name.
    """
    missing: list[str] = []
    damaged: list[str] = []
    orphans: list[str] = []
    leftovers = list(_strangers(folder))
    for prefix in _PREFIXES:
        names = _files_in(folder / prefix)
        rows = _rows_of(connection, prefix)
        files = {f"{prefix}/{name}" for name in names if _is_clip(prefix, name)}
        leftovers += [f"{prefix}/{name}" for name in names if not _is_clip(prefix, name)]
        if rows != files:
            # Somebody may have added or deleted meanwhile: under the lock it is certain.
            with transaction(connection):
                known = _rows_of(connection, prefix)
                missing += [path for path in known - files if not (folder / path).is_file()]
                orphans += [path for path in files - known if (folder / path).is_file()]
        if hashes:
            damaged += [path for path in sorted(rows & files) if _is_damaged(folder / path)]
    return StoreReport(
        tuple(sorted(missing)),
        tuple(sorted(damaged)),
        tuple(sorted(orphans)),
        tuple(sorted(leftovers)),
        tuple(stale_indices(connection)),
    )


def repair(store: ClipStore, connection: sqlite3.Connection, report: StoreReport) -> Repairs:
    """Mend what a report names.

    Rows whose file is gone are deleted, so that the clips are made again when they are needed.
    Damaged files and their rows go too; these files, orphans and leftovers are set aside.
    Stale indices are filled again.
    """
    if report.stale:
        fill_indices(connection)  # first: the triggers of what follows trust them
    aside = store.folder.with_name(store.folder.name + SET_ASIDE_SUFFIX)
    gone = [path for path in report.missing if not (store.folder / path).is_file()]
    damaged = [path for path in report.damaged if _is_damaged(store.folder / path)]
    for path in damaged:
        target = aside / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copy2(store.folder / path, target)
    deleted = store.delete(_ids_of(connection, [*gone, *damaged]))
    moved = len(damaged)
    with transaction(connection):  # nobody places a file between the look and the move
        for path in (*report.orphans, *report.leftovers):
            source = store.folder / path
            if source.exists() and not _ids_of(connection, [path]):
                target = aside / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(source, target)
                moved += 1
    return Repairs(deleted, moved, len(report.stale), aside)


def fill_indices(connection: sqlite3.Connection) -> None:
    """Work out again what the search indices hold."""
    with transaction(connection):
        connection.execute(
            "UPDATE clip SET sounds = heard(phonemes), words = length(text_normalised)"
            " - length(replace(text_normalised, ' ', '')) + (text_normalised != '')"
        )
        for index in INDICES:
            connection.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608


def stale_indices(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the search indices that do not say what the rows say."""
    wrong = connection.execute(
        "SELECT 1 FROM clip WHERE sounds != heard(phonemes) LIMIT 1"
    ).fetchone()
    for index in INDICES:
        check = f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)"  # noqa: S608
        try:
            connection.execute(check)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
                raise
            yield index
        else:
            if wrong and index == "clip_by_sound":
                yield index


def _rows_of(connection: sqlite3.Connection, prefix: str) -> set[str]:
    """Return the paths of the rows whose hash begins so, from the index of hashes."""
    rows = connection.execute(
        "SELECT path FROM clip WHERE sha256 >= ? AND sha256 < ?", (prefix, prefix + "g")
    )
    return {str(row["path"]) for row in rows}


def _ids_of(connection: sqlite3.Connection, paths: Sequence[str]) -> list[int]:
    rows = connection.execute(
        "SELECT id FROM clip WHERE sha256 IN (SELECT value FROM json_each(?))",
        (json.dumps([Path(path).stem for path in paths]),),
    )
    return [int(row["id"]) for row in rows]


def _files_in(folder: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return os.listdir(folder)  # noqa: PTH208 - a million names: no Path for each
    return []


def _is_clip(prefix: str, name: str) -> bool:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a million names: no Path for each
    return (
        suffix == ".flac"
        and len(stem) == 64
        and stem.startswith(prefix)
        and set(stem) <= set("0123456789abcdef")
    )


def _strangers(folder: Path) -> Iterator[str]:
    """Yield what lies beside the folders of clips and is no unfinished batch."""
    expected = {*_PREFIXES, UNFINISHED}
    yield from (name for name in _files_in(folder) if name not in expected)


def _is_damaged(path: Path) -> bool:
    """Whether a file is there whose bytes are not those of its name."""
    try:
        return sha256_of(path.read_bytes()) != path.stem
    except FileNotFoundError:
        return False
    except OSError:  # the disk cannot read it
        return True
