"""Waveforms and what is known of them come in; content-addressed files, rows and frames go out.

The order of every write is: file aside, fsync, note, write lock, rename, row. There is never a row
without a file. What a process that was killed leaves behind, the next `ClipStore` removes.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.clip_files import (
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
from db.clip_journal import Batch, abandoned_batches, new_batch
from db.clip_repair import StoreReport, inspect
from db.clip_search import ClipFilter, ClipSearch
from db.connection import DatabaseFullError, transaction
from db.recordings import refuse_cuts, refused_cuts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

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
    flac: bytes | None = field(default=None, repr=False)
    """The waveform's FLAC file where there is one already, kept byte for byte."""


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
        folder: Usually `home() / CLIP_FOLDER`; made when the first clip is. What a killed writer
            left in it is cleared away.
    """

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        super().__init__(connection)
        self.folder = Path(folder)
        self._finish_abandoned()

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
        try:
            with new_batch(self.folder) as batch, self._settled(batch):
                staged = [self._stage(clip, batch) for clip in clips]
                batch.note(item.path for item in staged)
                with transaction(self._connection):
                    # The lock is held from here: nobody else renames, inserts or removes.
                    return self._place(staged)
        except (DatabaseFullError, sqlite3.OperationalError) as error:
            raise ClipWriteError(
                f"Could not store clips in the database: {error} None of this batch was kept; "
                "free some space or wait for the other writer, and run again."
            ) from error

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
        """Delete clips and their files; return how many there were."""
        wanted = json.dumps([int(clip_id) for clip_id in ids])
        with new_batch(self.folder) as batch:
            with transaction(self._connection):
                rows = self._connection.execute(
                    "DELETE FROM clip WHERE id IN (SELECT value FROM json_each(?)) RETURNING path",
                    (wanted,),
                ).fetchall()
                batch.note(row["path"] for row in rows)
            self._settle(batch)
        return len(rows)

    def refused_cuts(self) -> set[tuple[str, str]]:
        """Return what was not heard where it should be: a recording's hash and its words."""
        return refused_cuts(self._connection)

    def refuse_cuts(self, cuts: Iterable[tuple[str, str]]) -> None:
        """Remember that these normalised words were not heard in these recordings, by hash.

        Raises:
            ClipWriteError: It could not be written.
        """
        try:
            refuse_cuts(self._connection, cuts)
        except (DatabaseFullError, sqlite3.OperationalError) as error:
            raise ClipWriteError(
                f"Could not write to the database: {error} Free some space or wait for the other "
                "writer, and run again."
            ) from error

    def verify(self, *, hashes: bool = False) -> StoreReport:
        """Compare rows, files and indices; with `hashes`, read every file and compare its hash."""
        return inspect(self._connection, self.folder, hashes=hashes)

    def _stage(self, clip: NewClip, batch: Batch) -> _Staged:
        """Write a clip into an unfinished file."""
        samples = to_int16(clip.waveform, clip.rate_hz)
        content = encode(samples, clip.rate_hz) if clip.flac is None else clip.flac
        part = write_part(content, batch.folder)
        return _Staged(clip, sha256_of(content), part, len(samples) / clip.rate_hz)

    def _place(self, staged: Sequence[_Staged]) -> list[int]:
        """Give the files their names and insert their rows, within a transaction."""
        folders = set()
        for item in staged:
            final = self.folder / item.path
            if not final.exists():
                place(item.part, final)
                folders.add(final.parent)
        for folder in folders:
            sync_folder(folder)
        return [self._insert(item) for item in staged]

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

    @contextmanager
    def _settled(self, batch: Batch) -> Iterator[None]:
        """Forget the batch when the block ends well, undo it when the block raises."""
        try:
            yield
        except BaseException:
            self._settle(batch)
            raise
        batch.forget()

    def _settle(self, batch: Batch) -> None:
        """Remove a batch's files that no row owns, and forget the batch.

        Under the lock: somebody else may be adding the same audio.
        """
        with transaction(self._connection):
            for path in batch.noted():
                owner = self._connection.execute(
                    "SELECT 1 FROM clip WHERE sha256 = ?", (Path(path).stem,)
                ).fetchone()
                if owner is None:
                    (self.folder / path).unlink(missing_ok=True)
        batch.forget()

    def _finish_abandoned(self) -> None:
        """Settle what killed writers left."""
        for batch in abandoned_batches(self.folder):
            logger.info("Clearing away what a stopped writer left in %s", batch.folder)
            self._settle(batch)
