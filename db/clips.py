"""Waveforms and what is known of them come in; content-addressed files, rows and frames go out.

The order of every write is: file aside, fsync, write lock, rename, row. Whatever stops it on the
way leaves at most a file without a row, which `ClipStore.verify` finds; never a row without a file.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from db.clip_files import (
    PART_SUFFIX,
    ClipFormatError,
    ClipMissingError,
    ClipReadError,
    ClipWriteError,
    encode,
    place,
    read_flac,
    sha256_of,
    sync_folder,
    to_int16,
    write_part,
)
from db.clip_search import ClipFilter, ClipSearch
from db.connection import DatabaseFullError, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

CLIP_FOLDER = "clips"

__all__ = [
    "CLIP_FOLDER",
    "ClipFilter",
    "ClipFormatError",
    "ClipMissingError",
    "ClipReadError",
    "ClipStore",
    "ClipWriteError",
    "NewClip",
    "StoreReport",
]


@dataclass(frozen=True)
class NewClip:
    """One utterance to store."""

    waveform: NDArray[np.float32] | NDArray[np.int16]
    """One channel, shape [samples]: float32 in [-1, 1] or int16."""
    rate_hz: int
    text: str
    """As handed to the synthesiser."""
    text_normalised: str
    phonemes: str
    engine: str
    voice: str
    speaker: str
    """Who is really behind the voice: splits are made by this."""
    source: str
    licence: str
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class StoreReport:
    """What `ClipStore.verify` found; all paths relative to the clip folder, sorted."""

    missing: tuple[str, ...]
    """Rows whose file is gone."""
    damaged: tuple[str, ...]
    """Files whose bytes are not those of their name; looked for only when asked."""
    orphans: tuple[str, ...]
    """Finished files without a row: a crash between file and row leaves one."""
    leftovers: tuple[str, ...]
    """Unfinished files: of a writer at work now, or of one that was killed."""

    @property
    def healthy(self) -> bool:
        """True when every row has its file."""
        return not self.missing and not self.damaged


@dataclass(frozen=True)
class _Staged:
    clip: NewClip
    sha256: str
    part: Path
    seconds: float

    @property
    def path(self) -> str:
        return f"{self.sha256[:2]}/{self.sha256}.flac"


class ClipStore(ClipSearch):
    """The clips of one database and the folder that holds their files.

    Args:
        connection: From `db.connection.open_database`.
        folder: Usually `home() / CLIP_FOLDER`; made when the first clip is.
    """

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        super().__init__(connection)
        self.folder = Path(folder)

    def add(
        self,
        waveform: NDArray[np.float32] | NDArray[np.int16],
        rate_hz: int,
        *,
        text: str,
        text_normalised: str,
        phonemes: str,
        engine: str,
        voice: str,
        speaker: str,
        settings: Mapping[str, object],
        source: str,
        licence: str,
    ) -> int:
        """Store one clip and return its id; the same audio again returns the id it has.

        Raises:
            ClipFormatError: The waveform is empty, not one channel, not finite or of another type.
            ClipWriteError: The file or the row could not be written; nothing of it remains.
        """
        clip = NewClip(
            waveform, rate_hz, text, text_normalised, phonemes,
            engine, voice, speaker, source, licence, settings,
        )  # fmt: skip
        return self.add_many([clip])[0]

    def add_many(self, clips: Iterable[NewClip]) -> list[int]:
        """Store clips in one transaction, all or none, and return their ids in order.

        The files are written before the lock is taken, so other writers wait only for the
        renames and rows. A few hundred clips at a time is a good batch.

        Raises:
            ClipFormatError, ClipWriteError: As `add`; none of the batch is kept.
        """
        staged: list[_Staged] = []
        try:
            staged.extend(self._stage(clip) for clip in clips)
            return self._commit(staged)
        except (DatabaseFullError, sqlite3.OperationalError) as error:
            raise ClipWriteError(
                f"Could not store clips in the database: {error} None of this batch was kept; "
                "free some space or wait for the other writer, and run again."
            ) from error
        finally:
            for item in staged:
                item.part.unlink(missing_ok=True)

    def read(self, clip: Any) -> tuple[NDArray[np.int16], int]:
        """Return a clip's waveform, int16 [samples], and its rate in Hz.

        Args:
            clip: The value of `path`, or a row (of `iterrows` or `itertuples`) that has one.

        Raises:
            ClipMissingError: The file is gone.
            ClipReadError: The file cannot be decoded.
        """
        return read_flac(self.folder / (clip if isinstance(clip, str) else clip.path))

    def delete(self, ids: Sequence[int]) -> int:
        """Delete clips, rows first and then files; return how many rows there were."""
        wanted = json.dumps([int(clip_id) for clip_id in ids])
        with transaction(self._connection):
            rows = self._connection.execute(
                "DELETE FROM clip WHERE id IN (SELECT value FROM json_each(?)) RETURNING path",
                (wanted,),
            ).fetchall()
        self._remove_unowned([row["path"] for row in rows])
        return len(rows)

    def stats(self) -> pd.DataFrame:
        """Return engine, voice, source, licence, clips, texts and hours, one row a combination."""
        return pd.read_sql_query(
            "SELECT engine, voice, source, licence, count(*) AS clips,"
            " count(DISTINCT text_normalised) AS texts, sum(seconds) / 3600 AS hours"
            " FROM clip GROUP BY engine, voice, source, licence ORDER BY clips DESC, engine, voice",
            self._connection,
        )

    def verify(self, *, hashes: bool = False) -> StoreReport:
        """Compare rows with files; with `hashes`, read every file and compare its SHA-256 too."""
        # Files first: a clip added meanwhile is then at worst a row more, looked up again below.
        files = {str(path.relative_to(self.folder)) for path in self.folder.glob("*/*")}
        rows = {row["path"] for row in self._connection.execute("SELECT path FROM clip")}
        finished = {path for path in files if path.endswith(".flac")}
        missing = [path for path in rows - finished if not (self.folder / path).is_file()]
        damaged = [
            path
            for path in rows & finished
            if hashes and sha256_of((self.folder / path).read_bytes()) != Path(path).stem
        ]
        leftovers = [path for path in files if path.endswith(PART_SUFFIX)]
        return StoreReport(
            tuple(sorted(missing)),
            tuple(sorted(damaged)),
            tuple(sorted(finished - rows)),
            tuple(sorted(leftovers)),
        )

    def clean(self, *, older_than_s: float = 3600.0) -> int:
        """Remove orphans, and leftovers of that age; return how many files went."""
        report = self.verify()
        removed = self._remove_unowned(report.orphans)
        for name in report.leftovers:
            path = self.folder / name
            with suppress(FileNotFoundError):  # its writer has just finished
                if time.time() - path.stat().st_mtime >= older_than_s:
                    path.unlink()
                    removed += 1
        return removed

    def _stage(self, clip: NewClip) -> _Staged:
        """Encode a clip into an unfinished file beside its place."""
        samples = to_int16(clip.waveform, clip.rate_hz)
        content = encode(samples, clip.rate_hz)
        sha256 = sha256_of(content)
        part = write_part(content, self.folder / sha256[:2], sha256)
        return _Staged(clip, sha256, part, len(samples) / clip.rate_hz)

    def _commit(self, staged: Sequence[_Staged]) -> list[int]:
        placed: list[Path] = []
        try:
            with transaction(self._connection):
                # The lock is held from here: nobody else renames, inserts or removes meanwhile.
                for item in staged:
                    final = self.folder / item.path
                    if not final.exists():
                        place(item.part, final)
                        placed.append(final)
                for parent in {path.parent for path in placed}:
                    sync_folder(parent)
                return [self._insert(item) for item in staged]
        except BaseException:
            self._remove_unowned([str(path.relative_to(self.folder)) for path in placed])
            raise

    def _insert(self, item: _Staged) -> int:
        clip = item.clip
        known = self._connection.execute(
            "SELECT id FROM clip WHERE sha256 = ?", (item.sha256,)
        ).fetchone()
        if known is not None:
            return int(known["id"])
        row = self._connection.execute(
            "INSERT INTO clip (sha256, path, text, text_normalised, phonemes, engine, voice,"
            " speaker, settings, source, licence, seconds, rate_hz, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                item.sha256, item.path, clip.text, clip.text_normalised, clip.phonemes,
                clip.engine, clip.voice, clip.speaker, json.dumps(clip.settings, sort_keys=True),
                clip.source, clip.licence, item.seconds, clip.rate_hz, time.time(),
            ),
        ).fetchone()  # fmt: skip
        return int(row["id"])

    def _remove_unowned(self, paths: Iterable[str]) -> int:
        """Remove files that no row owns. Under the lock: an `add` of the same audio may race."""
        removed = 0
        with transaction(self._connection):
            for path in paths:
                owner = self._connection.execute(
                    "SELECT 1 FROM clip WHERE sha256 = ?", (Path(path).stem,)
                ).fetchone()
                if owner is None:
                    (self.folder / path).unlink(missing_ok=True)
                    removed += 1
        return removed
