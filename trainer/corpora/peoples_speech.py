"""The People's Speech in, recordings out: Parquet files of an export, or streamed from the Hub.

Its columns are `id`, `audio` (a struct with the file's `bytes`), `duration_ms` and `text`
(datasets/MLCommons/peoples_speech). The audio of a row group is read only when one of its
recordings is new, so that a second run passes over what is known with a few small reads.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from trainer.corpora.base import (
    CorpusError,
    CorpusPartMissingError,
    Recording,
    Refusal,
)
from trainer.recordings import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.corpora.parquet_files import ParquetFiles

NAME = "peoples-speech"
COLUMNS = ("id", "duration_ms", "text")
AUDIO = "audio"
_PIECE = re.compile(r"[_-]?\d+\.\w+$")
"""What the pieces of one document differ in: `…_DOT_mp3_00012.flac`."""


class _Pieces:
    """The audio of one row group, read when the first of it is wanted and dropped with it."""

    def __init__(self, file: Any, group: int) -> None:
        self._file = file
        self._group = group
        self._pieces: list[bytes] | None = None

    def of(self, row: int) -> bytes:
        """Return the bytes of a row's file.

        Raises:
            RecordingError: The export has only its path, or this part of it is damaged.
        """
        if self._pieces is None:
            try:
                with _damage_is_said():
                    column = self._file.read_row_group(self._group, columns=[AUDIO]).column(AUDIO)
            except CorpusError as error:
                raise RecordingError(str(error)) from error
            self._pieces = [(piece or {}).get("bytes") or b"" for piece in column.to_pylist()]
        if not self._pieces[row]:
            raise RecordingError("the export has no audio in it, only its path")
        return self._pieces[row]


@dataclass(frozen=True)
class PeoplesSpeech:
    """The People's Speech, or any corpus with the same columns.

    It names no speakers. The document that a piece was cut from stands for one: its voices never
    get onto both sides of a split.
    """

    files: ParquetFiles
    licence: str | None = None
    """Of everything; None: by the subset's name, as its publisher sorts them."""
    name: str = NAME

    def count(self) -> int:
        """Return the rows of all files, taking those that are far away to be like the first."""
        names = self.files.names()
        counted = names if self.files.near else names[:1]
        rows = 0
        for name in counted:
            # What cannot be read is counted as refused when its turn comes.
            with suppress(CorpusError):
                rows += self._open(name).metadata.num_rows
        return rows * len(names) // len(counted)

    def __iter__(self) -> Iterator[Recording | Refusal]:
        """Read file after file, row group after row group.

        Raises:
            CorpusError: There is no such file, or none of them is Parquet with these columns.
            CorpusUnreachableError: The Hub does not answer.
            CorpusPartMissingError: pyarrow is not installed.
        """
        for name in self.files.names():
            try:
                file = self._open(name)
            except CorpusError as error:
                yield Refusal(name, "the Parquet file cannot be read", str(error))
                continue
            for group in range(file.metadata.num_row_groups):
                yield from self._row_group(name, file, group)

    def _row_group(self, name: str, file: Any, group: int) -> Iterator[Recording | Refusal]:
        licence = self.licence or _licence(name)

        def read() -> Any:
            with _damage_is_said():
                return file.read_row_group(group, columns=list(COLUMNS))

        try:
            rows = self.files.patiently(read).to_pylist()
        except CorpusError as error:
            where = f"{name} row group {group}"
            yield Refusal(where, "the Parquet file cannot be read", str(error))
            return
        pieces = _Pieces(file, group)
        for number, row in enumerate(rows):
            where = f"{name} row group {group} row {number}"
            if not row["id"] or not isinstance(row["text"], str):
                yield Refusal(where, "the row has no id or no text")
                continue
            file_name = str(row["id"])
            yield Recording(
                file=file_name,
                audio=partial(self.files.patiently, partial(pieces.of, number)),
                text=row["text"],
                speaker=_document(file_name),
                licence=licence,
                seconds=row["duration_ms"] / 1000 if row["duration_ms"] else None,
                settings={"container": name},
                where=where,
            )

    def _open(self, name: str) -> Any:
        try:
            import pyarrow.parquet as pq  # noqa: PLC0415 - heavy
        except ImportError as error:
            raise CorpusPartMissingError(
                'Parquet is read by pyarrow: pip install "watchword[hub]".'
            ) from error

        def read() -> Any:
            with _damage_is_said():
                return pq.ParquetFile(self.files.open(name))

        file = self.files.patiently(read)
        schema = file.schema_arrow
        missing = [column for column in (*COLUMNS, AUDIO) if column not in schema.names]
        if missing:
            raise CorpusError(
                f"it has no column {', '.join(missing)}, only {', '.join(schema.names)}"
            )
        kind = schema.field(AUDIO).type
        if not hasattr(kind, "fields") or "bytes" not in [field.name for field in kind.fields]:
            raise CorpusError(f"its column {AUDIO} is {kind}, not a struct with bytes")
        return file


@contextmanager
def _damage_is_said() -> Iterator[None]:
    """Tell damage in a Parquet file from a connection that failed: both are OSErrors.

    Raises:
        CorpusError: what was read is damaged.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy

    try:
        yield
    except pa.ArrowException as error:
        raise CorpusError(f"it is damaged: {error}") from error
    except OSError as error:
        if type(error) is not OSError or error.errno is not None:
            raise
        raise CorpusError(f"it is damaged: {error}") from error


def _document(piece: str) -> str:
    return _PIECE.sub("", piece) or piece


def _licence(name: str) -> str:
    """Return the licence that the publisher sorts a subset under, by its folder's name."""
    for part in reversed(name.replace("\\", "/").split("/")):
        if part in {"clean_sa", "dirty_sa"}:
            return "CC BY-SA"
        if part in {"clean", "dirty", "microset"}:
            return "CC BY"
    raise CorpusError(
        f"{name} is in no folder named clean, clean_sa, dirty or dirty_sa, so its licence is not "
        "known: give it with --licence."
    )
