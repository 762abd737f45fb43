"""An archive of clips comes in, possibly from a stranger; its clips are in the store afterwards.

Nothing is unpacked by the names that the archive gives, and nothing in it is believed: names,
sizes, hashes, rows and sound are checked. An import that was stopped goes on where it was.
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import soundfile

from db.clip_archive import (
    CLIPS_PER_GROUP,
    FORMAT,
    FORMAT_VERSION,
    HEADER,
    ROW_FIELDS,
    clip_name,
    rows_name,
)
from db.clip_files import sha256_of
from db.clips import NewClip

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from db.clips import ClipStore

MAX_CLIP_BYTES = 64 * 2**20
MAX_ROWS_BYTES = 64 * 2**20
MAX_CLIP_S = 3600
"""A FLAC file of silence is tiny however long it is: this bounds the memory it can take."""
_HEX = frozenset("0123456789abcdef")


class ArchiveError(ValueError):
    """The file is no archive of clips, or a damaged or dishonest one; the message says where."""


@dataclass(frozen=True)
class Imported:
    """What became of an archive's clips."""

    added: int
    known: int
    """They were in the store before."""


def import_clips(
    store: ClipStore,
    connection: sqlite3.Connection,
    archive: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Add an archive's clips to a store, a group at a time, each group whole or not at all.

    Args:
        store: where the clips go.
        connection: the store's.
        archive: what `export_clips` wrote.
        progress: is told how many of how many clips were looked at.

    Raises:
        ArchiveError: Something in it is not as it must be. The groups before that are kept.
        ClipWriteError: A group could not be stored; those before are kept.
    """
    if not archive.is_file():
        raise ArchiveError(f"{archive} is no file: give one that `watchword corpus export` wrote.")
    added = known = 0
    try:
        with tarfile.open(archive, "r:") as tar:
            members = _Members(tar, archive)
            total = _read_header(members)
            while (rows := _read_rows(members)) is not None:
                there = _known(store, connection, [row["sha256"] for row in rows])
                clips = list(_read_clips(members, rows, there))
                store.add_many(clips)
                added += len(clips)
                known += len(rows) - len(clips)
                if progress:
                    progress(added + known, total)
    except tarfile.TarError as error:
        raise ArchiveError(
            f"{archive} is no tar file, is damaged, or ends too early ({error}). {added} clips of "
            "it were added. Get the whole file and import it again: it goes on from there."
        ) from error
    if added + known != total:
        raise ArchiveError(
            f"{archive} says that it has {total} clips and has {added + known}: it ends too early. "
            "Get the whole file and import it again: it goes on from there."
        )
    return Imported(added, known)


class _Members:
    """Goes through an archive member by member; each must be the one that is expected."""

    def __init__(self, tar: tarfile.TarFile, archive: Path) -> None:
        self._tar = tar
        self._archive = archive
        self.groups = 0

    def step(self, expected: str, max_bytes: int) -> tarfile.TarInfo | None:
        """Return the next member, None at the end."""
        # It was read: a million need not be remembered.
        self._tar.members.clear()  # type: ignore[attr-defined]
        member = self._tar.next()
        if member is None:
            return None
        if member.name != expected or member.type != tarfile.REGTYPE:
            raise self.error(f"has {member.name[:200]!r} where {expected!r} must be")
        if member.size > max_bytes:
            raise self.error(f"has {member.size} bytes in {expected}; at most {max_bytes} may be")
        return member

    def read(self, member: tarfile.TarInfo) -> bytes:
        """Return a member's bytes."""
        file = self._tar.extractfile(member)
        assert file is not None  # it is a regular file
        content = file.read()
        if len(content) != member.size:
            raise tarfile.ReadError("unexpected end of data")
        return content

    def error(self, what: str) -> ArchiveError:
        """Return the error that says what is wrong with the archive."""
        return ArchiveError(
            f"{self._archive} {what}. It is damaged or not made by `watchword corpus export`; what "
            "was imported before this place is kept."
        )


def _read_header(members: _Members) -> int:
    """Return how many clips the archive has."""
    member = members.step(HEADER, MAX_ROWS_BYTES)
    if member is None:
        raise members.error("is empty")
    header = _parse(members, members.read(member), HEADER)
    if header.get("format") != FORMAT or type(header.get("clips")) is not int:
        raise members.error(f"has no format {FORMAT!r} in {HEADER}")
    if header.get("format_version") != FORMAT_VERSION:
        raise ArchiveError(
            f"The archive has the format version {header.get('format_version')!r} and this program "
            f"knows {FORMAT_VERSION}: install a newer Watchword."
        )
    return int(header["clips"])


def _read_rows(members: _Members) -> list[dict[str, Any]] | None:
    """Return the rows of the next group, None at the end."""
    name = rows_name(members.groups)
    member = members.step(name, MAX_ROWS_BYTES)
    if member is None:
        return None
    members.groups += 1
    lines = members.read(member).splitlines()
    if not 0 < len(lines) <= CLIPS_PER_GROUP:
        raise members.error(f"has {len(lines)} rows in {name}; 1 to {CLIPS_PER_GROUP} may be")
    return [
        _checked_row(members, _parse(members, line, name), f"line {number} of {name}")
        for number, line in enumerate(lines, 1)
    ]


def _parse(members: _Members, content: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise members.error(f"has no JSON in {where}: {error}") from error
    if not isinstance(value, dict):
        raise members.error(f"has no JSON object in {where}")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _checked_row(members: _Members, row: dict[str, Any], where: str) -> dict[str, Any]:
    if set(row) != {*ROW_FIELDS, "settings"}:
        raise members.error(f"has the wrong fields in {where}: {sorted(row)}")
    wrong = [field for field in ROW_FIELDS if not _is_text(row[field])]
    if wrong or not isinstance(row["settings"], dict):
        raise members.error(f"has a value of the wrong type in {where}: {wrong or 'settings'}")
    if len(row["sha256"]) != 64 or not set(row["sha256"]) <= _HEX:
        raise members.error(f"has no SHA-256 in {where}")
    return row


def _is_text(value: Any) -> bool:
    """Whether a value is a string that can be stored: JSON can hold halves of characters."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _known(store: ClipStore, connection: sqlite3.Connection, hashes: list[str]) -> set[str]:
    """Return which of these clips the store has, file and all."""
    rows = connection.execute(
        "SELECT sha256 FROM clip WHERE sha256 IN (SELECT value FROM json_each(?))",
        (json.dumps(hashes),),
    )
    return {row["sha256"] for row in rows if (store.folder / clip_name(row["sha256"])).is_file()}


def _read_clips(
    members: _Members, rows: list[dict[str, Any]], known: set[str]
) -> Iterator[NewClip]:
    """Yield the clips of a group that the store has not."""
    for row in rows:
        sha256 = row.pop("sha256")
        name = clip_name(sha256)
        member = members.step(name, MAX_CLIP_BYTES)
        if member is None:
            raise tarfile.ReadError("unexpected end of data")
        if sha256 in known:
            continue  # the next step jumps over it
        content = members.read(member)
        if sha256_of(content) != sha256:
            raise members.error(f"has other bytes in {name} than its hash says")
        waveform, rate_hz = _decode(members, content, name)
        yield NewClip(waveform=waveform, rate_hz=rate_hz, flac=content, **row)


def _decode(members: _Members, content: bytes, name: str) -> tuple[NDArray[np.int16], int]:
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.format != "FLAC" or file.channels != 1:
                raise members.error(f"has no FLAC of one channel in {name}")
            most = MAX_CLIP_S * file.samplerate
            waveform = file.read(most + 1, dtype="int16")
            rate_hz = int(file.samplerate)
    except soundfile.LibsndfileError as error:
        raise members.error(f"has a sound that cannot be decoded in {name}: {error}") from error
    if not 0 < len(waveform) <= most:
        raise members.error(f"has a clip that is empty or longer than {MAX_CLIP_S} s in {name}")
    return waveform, rate_hz
