"""A Common Voice release in, recordings out: a table such as `validated.tsv` and `clips/*.mp3`."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.corpora.base import CorpusError, Recording, Refusal
from trainer.corpora.folder_tsv import Columns, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LICENCE = "CC0-1.0"
NAME = "common-voice"
TABLE = "validated.tsv"
"""What at least two listeners confirmed."""
CLIPS = "clips"
DURATIONS = "clip_durations.tsv"
SPEAKER_CHARACTERS = 24
"""Of the 128 hexadecimal digits of a client id: 96 bits tell everybody apart."""
LANGUAGE = "en"
_WRAPPED = re.compile(r'"[^"]*"')
"""Some sentences are in quotes as a whole, which says nothing of them."""


@dataclass(frozen=True)
class CommonVoice:
    """One language of a release: its folder, a folder above it, or one of its tables."""

    path: Path
    licence: str = LICENCE
    name: str = NAME

    def count(self) -> int:
        """Return how many rows the table has."""
        return self._table().count()

    def __iter__(self) -> Iterator[Recording | Refusal]:
        """Read the table from its first row.

        Raises:
            CorpusError: This is no release, or the table is damaged.
        """
        for row in self._table():
            if isinstance(row, Recording):
                yield Recording(
                    file=row.file,
                    audio=row.audio,
                    text=row.text[1:-1] if _WRAPPED.fullmatch(row.text) else row.text,
                    speaker=row.speaker[:SPEAKER_CHARACTERS],
                    licence=row.licence,
                    seconds=row.seconds,
                    where=row.where,
                )
            else:
                yield row

    def _table(self) -> TableSource:
        table = self._find()
        durations = table.with_name(DURATIONS)
        return TableSource(
            name=self.name,
            table=table,
            columns=Columns(file="path", text="sentence", speaker="client_id"),
            root=table.parent / CLIPS,
            licence=self.licence,
            durations_s=_durations_s(durations) if durations.is_file() else None,
        )

    def _find(self) -> Path:
        if self.path.is_file():
            return self.path
        for pattern in (TABLE, f"{LANGUAGE}/{TABLE}", f"*/{LANGUAGE}/{TABLE}"):
            if found := sorted(self.path.glob(pattern)):
                return found[-1]  # of several releases the latest
        raise CorpusError(
            f"{self.path} holds no {TABLE}: name the folder of a language of Common Voice "
            f"(…/{LANGUAGE}), or the table itself."
        )


def _durations_s(table: Path) -> dict[str, float]:
    """Read `clip`, `duration[ms]`."""
    with table.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows, None)
        try:
            return {file: float(duration_ms) / 1000 for file, duration_ms in rows}
        except ValueError as error:
            raise CorpusError(
                f"{table} line {rows.line_num} is not a file and its milliseconds: {error}."
            ) from error
