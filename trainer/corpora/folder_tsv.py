"""A folder of recordings and a table of their transcripts in, recordings out."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from trainer.corpora.base import CorpusError, Recording, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TABLES = (".tsv", ".csv")
USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "file": ("path", "file", "file_name", "filename", "audio", "wav"),
    "text": ("text", "sentence", "transcript", "transcription"),
    "speaker": ("speaker", "speaker_id", "client_id", "voice"),
    "licence": ("licence", "license"),
    "seconds": ("seconds", "duration", "duration_s"),
}
"""What a column is called in most tables; the first that is there is taken."""
USE = "use"
"""A column of this name says what a row may be used for."""


@dataclass(frozen=True)
class Columns:
    """Which column of a table holds what; None: by its usual name, or not at all."""

    file: str | None = None
    text: str | None = None
    speaker: str | None = None
    licence: str | None = None
    seconds: str | None = None

    def found_in(self, header: list[str], table: Path) -> Columns:
        """Return the columns by name, as a header has them.

        Raises:
            CorpusError: A column that was named is not there.
        """
        found: dict[str, str | None] = {}
        for column in fields(self):
            named = getattr(self, column.name)
            if named is not None and named not in header:
                raise CorpusError(f"{table} has no column {named!r}: it has {', '.join(header)}.")
            usual = [name for name in USUAL_NAMES[column.name] if name in header]
            found[column.name] = named or (usual[0] if usual else None)
        return Columns(**found)


def slug(text: str) -> str:
    """Return a name as the `source` of clips is written: lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def find_table(path: Path) -> Path:
    """Return the table that is named, or the one table of a folder.

    Raises:
        CorpusError: There is none, or more than one.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise CorpusError(f"There is no table or folder {path}: check the path.")
    found = sorted(child for child in path.iterdir() if child.suffix.lower() in TABLES)
    if len(found) != 1:
        names = ", ".join(child.name for child in found) or "none"
        raise CorpusError(f"{path} should hold one .tsv or .csv and holds {names}: name the table.")
    return found[0]


@dataclass(frozen=True)
class TableSource:
    """Recordings that a table lists, one row each; the first line names the columns.

    A `.csv` has commas and quotes, anything else tabs and no quoting. Rows whose column `use` does
    not say `train` are left out, because a table may list what is kept for evaluation.
    """

    name: str
    table: Path
    columns: Columns = field(default_factory=Columns)
    root: Path | None = None
    """Where the files are; None: beside the table."""
    speaker: str | None = None
    """Who speaks in every row."""
    licence: str | None = None
    """Of every row, whatever the table says."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Column → the value that a row must have."""
    use: str = "train"
    durations_s: Mapping[str, float] | None = None
    """File → seconds, when they are in a table of their own."""

    def count(self) -> int:
        """Return how many rows fit the filters."""
        return sum(1 for _ in self._rows())

    def __iter__(self) -> Iterator[Recording | Refusal]:
        """Read the table from its first row.

        Raises:
            CorpusError: The table is no table, lacks a column, or is not UTF-8.
        """
        for where, columns, row in self._rows():
            if None in row or None in row.values():
                yield Refusal(where, "the row has not as many columns as the header")
                continue
            yield self._recording(where, columns, row)

    def _recording(
        self, where: str, columns: Columns, row: Mapping[str, str]
    ) -> Recording | Refusal:
        def value(column: str | None) -> str:
            return row[column].strip() if column else ""

        file = value(columns.file)
        path = PurePosixPath(file.replace("\\", "/"))
        if not file or path.is_absolute() or ".." in path.parts or "\0" in file:
            return Refusal(where, "the file is not one below the folder", repr(file))
        seconds = None
        if self.durations_s is not None:
            seconds = self.durations_s.get(file)
        elif stated := value(columns.seconds):
            try:
                seconds = float(stated)
            except ValueError:
                return Refusal(where, "the duration is no number", repr(stated))
        return Recording(
            file=str(path),
            audio=(self.root or self.table.parent) / path,
            text=value(columns.text),
            speaker=self.speaker or value(columns.speaker),
            licence=self.licence or value(columns.licence),
            seconds=seconds,
            where=f"{where} ({file})",
        )

    def _rows(self) -> Iterator[tuple[str, Columns, dict[str, str]]]:
        """Return place, columns and row, of the rows that fit the filters."""
        comma = self.table.suffix.lower() == ".csv"
        try:
            with self.table.open(encoding="utf-8-sig", newline="") as lines:
                reader = csv.DictReader(
                    lines,
                    delimiter="," if comma else "\t",
                    quoting=csv.QUOTE_MINIMAL if comma else csv.QUOTE_NONE,
                )
                columns = self._columns(list(reader.fieldnames or []))
                where = dict(self.where)
                if USE in (reader.fieldnames or []):
                    where.setdefault(USE, self.use)
                for row in reader:
                    if all(row[column] == value for column, value in where.items()):
                        yield f"{self.table.name} line {reader.line_num}", columns, row
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{self.table} is not UTF-8 text ({error.reason} at byte {error.start}): "
                "save it as UTF-8."
            ) from error
        except csv.Error as error:
            raise CorpusError(
                f"{self.table} line {reader.line_num} cannot be read: {error}."
            ) from error

    def _columns(self, header: list[str]) -> Columns:
        columns = self.columns.found_in(header, self.table)
        for column in self.where:
            if column not in header:
                raise CorpusError(
                    f"{self.table} has no column {column!r}: it has {', '.join(header)}."
                )
        needed = {
            "file": columns.file,
            "text": columns.text,
            "speaker": self.speaker or columns.speaker,
            "licence": self.licence or columns.licence,
        }
        lacking = [name for name, given in needed.items() if not given]
        if lacking:
            raise CorpusError(
                f"{self.table} does not say which column holds the {' and the '.join(lacking)}: "
                f"it has {', '.join(header) or 'no columns'}."
            )
        return columns
