"""What every corpus is read as: recordings, and rows that are refused with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


class CorpusError(ValueError):
    """A corpus cannot be read as what it was said to be; the message says why and what to do."""


class CorpusUnreachableError(ConnectionError):
    """A corpus that is elsewhere does not answer; what was imported is kept."""


class CorpusPartMissingError(ImportError):
    """A package that reads this kind of corpus is not installed."""


@dataclass(frozen=True)
class Recording:
    """One utterance of a corpus; its audio is not read before somebody wants it."""

    file: str
    """Its name within the corpus, the same at every reading: what was imported is known by it."""
    audio: Path | Callable[[], bytes]
    """A file, or what fetches the bytes of one, in any format that soundfile reads."""
    text: str
    """The transcript as written."""
    speaker: str
    """Who speaks, as the corpus names them."""
    licence: str
    seconds: float | None = None
    """How long it lasts according to the corpus; held against the audio."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """What else is worth keeping; `file` is added."""
    where: str = ""
    """For messages: the table and line, or the container and row."""


@dataclass(frozen=True)
class Refusal:
    """A row that cannot be used."""

    where: str
    """File and line."""
    reason: str
    """The same words for every row with the same fault: refusals are counted by them."""
    detail: str = ""
    """What is particular to this row."""


class RecordingSource(Protocol):
    """One corpus."""

    @property
    def name(self) -> str:
        """The slug that its clips carry as `source`: the same name is the same corpus."""
        ...

    def count(self) -> int | None:
        """About how many rows there are, None when that cannot be known soon."""
        ...

    def __iter__(self) -> Iterator[Recording | Refusal]:
        """Every row once, in the order of the corpus."""
        ...
