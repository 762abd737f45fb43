"""What clips should be like comes in; frames of rows, counts and totals go out, from the indices.

No query here reads all rows of a large database to find a few of them: `docs/database.md` says
which index answers which question, `python -m db.benchmark` shows it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from db.sounds import CONSONANTS, VOWELS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    _Needed: TypeAlias = tuple[str, list[str | int]]
    """A condition in SQL and its values."""

COLUMNS = (
    "id", "sha256", "path", "text", "text_normalised", "phonemes", "engine", "voice", "speaker",
    "settings", "source", "licence", "seconds", "rate_hz", "created",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM clip"  # noqa: S608 - constants
# One parameter for any number of values: SQLite's limit is on parameters.
_LISTED = "(SELECT value FROM json_each(?))"
FEEDBACK = "feedback"
"""The `source` of clips that a detector got wrong."""
NOT = "not"
"""Key of a false wake's settings: the normalised phrase that was not said."""
_SHORTEST_TERM = 3
"""The index by sound has terms of three sounds; a shorter phrase is looked for in every row."""


@dataclass(frozen=True)
class ClipFilter:
    """What clips should be like; what is None or empty does not matter, unless it says so."""

    texts: Sequence[str] | None = None
    """Normalised texts, thousands if need be; an empty list fits nothing."""
    except_texts: Sequence[str] = ()
    """Normalised texts that do not fit."""
    with_sounds: Sequence[str] = ()
    """One of these is heard: parts of `db.sounds.heard`, as `trainer.phrase_check.phrase_sounds`
    gives them."""
    without_sounds: Sequence[str] = ()
    """None of these is heard."""
    with_words: str = ""
    """A normalised text: its words occur, in a row, spelled so."""
    engines: Sequence[str] | None = None
    voices: Sequence[str] | None = None
    sources: Sequence[str] | None = None
    min_words: int = 0
    """How many words the text has at least."""
    ids: Sequence[int] | None = None
    """One of these; an empty list fits nothing."""


class ClipSearch:
    """Answers what the clips of a database are, without looking at their files.

    Args:
        connection: From `db.connection.open_database`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def select(
        self, wanted: ClipFilter, *, limit: int | None = None, skip: int = 0
    ) -> pd.DataFrame:
        """Return the clips that fit, one row each, oldest first, without the first `skip`.

        Returns:
            `COLUMNS`; `settings` as JSON text, `created` in Unix seconds.
        """
        where, values = _where(wanted)
        return self._frame(
            f"{_SELECT}{where} ORDER BY id LIMIT ? OFFSET ?",
            [*values, -1 if limit is None else limit, skip],
        )

    def sample(self, wanted: ClipFilter, *, limit: int, seed: int) -> pd.DataFrame:
        """Return `limit` of the clips that fit, or all of them, drawn by the seed.

        The draw goes round the clips in the order of their hashes, from where the seed points, and
        ends when it has enough: it is uniform, reads no more rows than it must, is the same in
        every copy of a database, and keeps most of its clips when the database grows.

        Returns:
            As `select`, in the order of the draw.
        """
        start = hashlib.sha256(str(seed).encode()).hexdigest()
        if self._is_rare(wanted, limit):
            where, values = _where(wanted)
            return self._frame(
                f"{_SELECT}{where} ORDER BY sha256 < ?, sha256 LIMIT ?", [*values, start, limit]
            )
        where, values = _where(wanted, row_by_row=True)
        query = f"{_SELECT}{where} AND sha256 {{}} ? ORDER BY sha256 LIMIT ?"
        frame = self._frame(query.format(">="), [*values, start, limit])
        if len(frame) < limit:
            rest = self._frame(query.format("<"), [*values, start, limit - len(frame)])
            frame = rest if frame.empty else pd.concat([frame, rest], ignore_index=True)
        return frame

    def pages(self, wanted: ClipFilter, *, size: int) -> Iterator[pd.DataFrame]:
        """Yield all the clips that fit, in the order of their hashes, `size` at a time."""
        where, values = _where(wanted, row_by_row=True)
        query = f"{_SELECT}{where} AND sha256 > ? ORDER BY sha256 LIMIT ?"
        last = ""
        while not (page := self._frame(query, [*values, last, size])).empty:
            yield page
            last = str(page["sha256"].iloc[-1])

    def count(self, wanted: ClipFilter) -> int:
        """Return how many clips fit."""
        where, values = _where(wanted)
        query = f"SELECT count(*) FROM clip{where}"  # noqa: S608 - our own conditions
        return int(self._connection.execute(query, values).fetchone()[0])

    def find(
        self,
        *,
        texts: Sequence[str] | None = None,
        engines: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return the clips with these texts, engines and sources; see `ClipFilter` and `select`."""
        return self.select(ClipFilter(texts, engines=engines, sources=sources), limit=limit)

    def containing(
        self,
        sounds: Sequence[str],
        *,
        engines: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return the clips in which one of `sounds` is heard; see `ClipFilter` and `select`."""
        wanted = ClipFilter(with_sounds=_some(sounds), engines=engines, sources=sources)
        return self.select(wanted, limit=limit)

    def not_containing(
        self,
        sounds: Sequence[str],
        *,
        min_words: int = 0,
        except_texts: Sequence[str] = (),
        limit: int,
        seed: int,
    ) -> pd.DataFrame:
        """Draw clips in which none of `sounds` is heard; see `ClipFilter` and `sample`."""
        wanted = ClipFilter(
            except_texts=except_texts, without_sounds=_some(sounds), min_words=min_words
        )
        return self.sample(wanted, limit=limit, seed=seed)

    def count_not_containing(
        self, sounds: Sequence[str], *, min_words: int = 0, except_texts: Sequence[str] = ()
    ) -> int:
        """Return how many clips `not_containing` could draw from."""
        return self.count(
            ClipFilter(except_texts=except_texts, without_sounds=_some(sounds), min_words=min_words)
        )

    def false_wakes(self, text_normalised: str) -> pd.DataFrame:
        """Return the recordings in which a detector of this phrase fired wrongly; see `select`."""
        return self._frame(
            f"{_SELECT} WHERE engine = 'recording' AND source = ? AND words = 0"
            " AND json_extract(settings, '$.not') = ? ORDER BY id",
            [FEEDBACK, text_normalised],
        )

    def counts(self, texts: Sequence[str]) -> dict[str, int]:
        """Return how many clips each normalised text has, zero where there is none."""
        rows = self._connection.execute(
            "SELECT text_normalised, count(*) FROM clip"
            " WHERE text_normalised IN (SELECT value FROM json_each(?)) GROUP BY text_normalised",
            (json.dumps(list(texts)),),
        )
        found = {str(text): int(count) for text, count in rows}
        return {text: found.get(text, 0) for text in texts}

    def totals(self, wanted: ClipFilter | None = None, *, by: Sequence[str] = ()) -> pd.DataFrame:
        """Return how much there is of the clips that fit.

        Reads every row that fits.

        Args:
            wanted: the filter; all clips when None.
            by: columns of the table `clip`, for one row for each of their combinations.

        Returns:
            The columns of `by`, then clips, hours, texts, speakers, engines and licences; most
            clips first. Without `by`, one row.
        """
        unknown = set(by) - set(COLUMNS)
        if unknown:
            raise ValueError(f"The table clip has no columns {sorted(unknown)}.")
        where, values = _where(wanted or ClipFilter())
        # A plus: not in the order of an index, which would be all over the table.
        groups = f" GROUP BY {', '.join(f'+{column}' for column in by)}" if by else ""
        order = f" ORDER BY {', '.join(['clips DESC', *by])}"
        chosen = "".join(f"{column}, " for column in by)
        return self._frame(
            f"SELECT {chosen}count(*) AS clips, total(seconds) / 3600 AS hours,"  # noqa: S608
            " count(DISTINCT text_normalised) AS texts, count(DISTINCT speaker) AS speakers,"
            " count(DISTINCT engine) AS engines, count(DISTINCT licence) AS licences"
            f" FROM clip{where}{groups}{order}",
            values,
        )

    def _is_rare(self, wanted: ClipFilter, limit: int) -> bool:
        """Whether to read and sort all of the wanted engines' clips rather than to go round.

        Going round reads limit × all / wanted rows until it has met enough of them.
        """
        if wanted.engines is None:
            return False
        of_engines = self.count(ClipFilter(engines=wanted.engines, sources=wanted.sources))
        return of_engines**2 < limit * self.count(ClipFilter())

    def _frame(self, query: str, values: Sequence[str | int]) -> pd.DataFrame:
        return pd.read_sql_query(query, self._connection, params=list(values))


def _some(sounds: Sequence[str]) -> Sequence[str]:
    if not sounds:
        raise ValueError("No sounds to look for: the phrase has no reading.")
    return sounds


def _where(wanted: ClipFilter, *, row_by_row: bool = False) -> tuple[str, list[str | int]]:
    """Return a WHERE clause and its values.

    Args:
        wanted: the filter.
        row_by_row: the rows come in an order of their own and few will be read: look at each
            one rather than listing first all that fit or must be left out.
    """
    needed = [*_texts(wanted, row_by_row=row_by_row), *_heard(wanted)]
    # A plus before a column: no index for it, the row is at hand.
    plus = "+" if row_by_row else ""
    for column, chosen in (
        ("id", wanted.ids),
        ("engine", wanted.engines),
        ("voice", wanted.voices),
        ("source", wanted.sources),
    ):
        if chosen is not None:
            needed.append((f"{plus}{column} IN {_LISTED}", [json.dumps(list(chosen))]))
    if wanted.min_words > 0:
        needed.append((f"{plus}words >= ?", [wanted.min_words]))
    conditions = " AND ".join(condition for condition, _ in needed)
    return f" WHERE {conditions or 'TRUE'}", [value for _, values in needed for value in values]


def _texts(wanted: ClipFilter, *, row_by_row: bool) -> Iterator[_Needed]:
    """What the filter says of texts as they are spelled."""
    if wanted.texts is not None:
        yield f"text_normalised IN {_LISTED}", [json.dumps(list(wanted.texts))]
    if wanted.except_texts:
        texts: list[str | int] = [json.dumps(list(wanted.except_texts))]
        if row_by_row:
            yield f"+text_normalised NOT IN {_LISTED}", texts
        else:
            known = f"SELECT id FROM clip WHERE text_normalised IN {_LISTED}"  # noqa: S608 - constants
            yield f"id NOT IN ({known})", texts
    if wanted.with_words:
        quoted = wanted.with_words.replace('"', '""')
        yield "id IN (SELECT rowid FROM clip_by_word WHERE clip_by_word MATCH ?)", [f'"{quoted}"']


def _heard(wanted: ClipFilter) -> Iterator[_Needed]:
    """What the filter says of what is heard."""
    for sounds, inside in ((wanted.with_sounds, True), (wanted.without_sounds, False)):
        for part in sounds:
            if not part or not VOWELS.union(CONSONANTS).issuperset(part):
                raise ValueError(
                    f"{part!r} is not what db.sounds.heard returns: fold phonemes with it first."
                )
        if not sounds:
            continue
        if min(map(len, sounds)) < _SHORTEST_TERM:
            anywhere = " OR ".join("instr(sounds, ?)" for _ in sounds)
            yield (f"({anywhere})" if inside else f"NOT ({anywhere})"), list(sounds)
        else:
            matching = "(SELECT rowid FROM clip_by_sound WHERE clip_by_sound MATCH ?)"
            either: list[str | int] = [" OR ".join(f'"{part}"' for part in sounds)]
            yield f"id {'IN' if inside else 'NOT IN'} {matching}", either
