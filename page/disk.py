"""Watchword's folder comes in; what takes how much room, and what of it may go, goes out."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

OLD_S = 3600.0
"""A half-written file that nobody wrote to for so long belongs to nobody."""
PART_SUFFIX = ".part"
PLACES = {
    "clips": "Clips",
    "sounds": "Recorded noise and rooms",
    "voices": "Voices",
    "detectors": "Detectors",
    "jobs": "Work folders of jobs",
    "clips-set-aside": "Set aside by a repair",
}
"""Folders of `WATCHWORD_HOME` by what a person calls them."""
WORDS = {
    "work": (
        "Work folders of jobs that ended",
        "The detectors stay; `watchword export` can no longer write them anew.",
    ),
    "parts": (
        "Half-written files",
        "Left by downloads and exports that broke off. A download begins from its start.",
    ),
    "aside": (
        "Files that a repair set aside",
        "`watchword corpus verify --repair` put them there: damaged, or in no row.",
    ),
}
"""Title and consequence of what may be removed."""
DATABASE = "Database"
REST = "Other"


@dataclass(frozen=True)
class Removable:
    """What may go together."""

    name: str
    """One of work, parts, aside."""
    title: str
    consequence: str
    """What is lost with it."""
    paths: tuple[Path, ...]
    bytes: int


def used(home: Path) -> dict[str, int]:
    """Return the bytes of each part of Watchword's folder, the largest first."""
    found: dict[str, int] = {}
    for entry in _entries(home):
        name = PLACES.get(entry.name, DATABASE if ".sqlite3" in entry.name else REST)
        found[name] = found.get(name, 0) + size_of(entry)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def removable(home: Path, live_jobs: Collection[int]) -> list[Removable]:
    """Return what may be removed without harm to anything that is finished or under way.

    Args:
        home: Watchword's folder.
        live_jobs: numbers of jobs that wait or run: their folders are needed.
    """
    work = [
        entry
        for entry in _entries(home / "jobs")
        if entry.name.isdigit() and int(entry.name) not in live_jobs and not entry.is_symlink()
    ]
    busy = {home / "jobs" / str(number) for number in live_jobs}
    before = time.time() - OLD_S
    parts = [
        path
        for place in ("voices", "detectors", "jobs")
        for path in _files(home / place)
        if path.suffix == PART_SUFFIX
        and path.stat().st_mtime < before
        and not any(folder in path.parents for folder in (*busy, *work))
    ]
    aside = [entry for entry in _entries(home) if entry.name == "clips-set-aside"]
    found = {"work": work, "parts": parts, "aside": aside}
    return [
        Removable(name, *WORDS[name], tuple(paths), sum(map(size_of, paths)))
        for name, paths in found.items()
        if paths
    ]


def remove(what: Removable) -> int:
    """Remove files and folders; return the bytes that were freed.

    Raises:
        OSError: something could not be removed; the rest may be gone already.
    """
    freed = 0
    for path in what.paths:
        bytes_there = size_of(path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        freed += bytes_there
    return freed


def size_of(path: Path) -> int:
    """Return the bytes of a file or of all files in a folder; a link counts as what it links to."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in _files(path))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, however deep; links in it are not followed."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where) / name
            if path.is_file() and not path.is_symlink():
                yield path
