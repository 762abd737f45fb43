"""A table of who spoke in, labels of recordings and miss rates by group out."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.evaluation.operating_rows import MissRate, OperatingRow, miss_rate
from trainer.evaluation.surroundings import names
from trainer.recordings import RecordingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trainer.evaluation.scores import Condition

PATH = "path"
SMALLEST_GROUP = 5
"""Recordings below which a group says nothing of its own."""
OTHERS = "others"
UNKNOWN = "unknown"


class SpeakerTableError(RecordingError):
    """A table of who spoke cannot be used; the message names it and says what to do."""


@dataclass(frozen=True)
class Labels:
    """Who spoke, for each recording."""

    columns: dict[str, tuple[str, ...]]
    """By column, [recordings]; UNKNOWN where the table has nothing."""
    missing: tuple[str, ...] = ()
    """Rows whose file is neither beside the table nor in the folder of recordings."""
    unlisted: int = 0
    """Recordings that the table does not name."""


@dataclass(frozen=True)
class Group:
    """What the detector does for one group of recordings."""

    name: str
    recordings: int
    at_rate: dict[str, MissRate]
    """At the threshold set on these negatives for the default rate, by condition."""
    as_shipped: dict[str, MissRate]
    """At the threshold in the manifest, by condition."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "group": self.name,
            "recordings": self.recordings,
            "miss_rate_at_default_rate": {n: m.to_dict() for n, m in self.at_rate.items()},
            "miss_rate_as_shipped": {n: m.to_dict() for n, m in self.as_shipped.items()},
        }


def read_labels(
    table: Path, folder: Path, recordings: Sequence[Path], columns: Sequence[str]
) -> Labels:
    """Read who spoke from a tab-separated table with a header and a column `path`.

    Args:
        table: its paths are relative to its own folder or to `folder`.
        folder: where the recordings are.
        recordings: what is to be labelled; the table may name more.
        columns: of the table, such as speaker, accent or age.

    Raises:
        SpeakerTableError: it cannot be read, lacks a column, names none of the recordings, or
            says two things of one.
    """
    rows = _read_rows(table, columns)
    found: dict[Path, dict[str, str]] = {}
    missing = []
    for row in rows:
        places = [base / row[PATH] for base in (table.parent, folder)]
        place = next((place for place in places if place.is_file()), None)
        if place is None:
            missing.append(row[PATH])
            continue
        labels = {column: row[column] or UNKNOWN for column in columns}
        if found.setdefault(place.resolve(), labels) != labels:
            raise SpeakerTableError(f"{table} says two things of {row[PATH]}: keep one row.")
    labelled = [found.get(path.resolve()) for path in recordings]
    if not any(labelled):
        raise SpeakerTableError(
            f"{table} names none of the recordings in {folder}, but for example "
            f"{rows[0][PATH] if rows else 'nothing'}: its paths must be relative to its own folder "
            "or to that one."
        )
    return Labels(
        {
            column: tuple(labels[column] if labels else UNKNOWN for labels in labelled)
            for column in columns
        },
        tuple(missing),
        labelled.count(None),
    )


def _read_rows(table: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
            header = list(reader.fieldnames or [])
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SpeakerTableError(f"{table} cannot be read as a table: {error}.") from error
    for column in (PATH, *columns):
        if column not in header:
            raise SpeakerTableError(
                f"{table} has no column {column!r}: its header, separated by tabs, has "
                f"{names(header)}."
            )
    return [row for row in rows if row[PATH]]


def by_group(
    labels: Sequence[str],
    conditions: Sequence[Condition],
    at_rate: OperatingRow,
    shipped: OperatingRow,
) -> tuple[Group, ...]:
    """Return the miss rates of each group, the largest first, small ones gathered as OTHERS.

    Args:
        labels: [recordings], in the order of the conditions' scores.
        conditions: what was heard.
        at_rate: the default rate's row.
        shipped: the row of the threshold in the manifest.
    """
    sizes = Counter(labels)
    kept = [name for name, size in sizes.most_common() if size >= SMALLEST_GROUP]
    gathered = np.array([label if label in kept else None for label in labels], object)
    present: list[str | None] = [*kept, None] if None in gathered else [*kept]

    def missed(row: OperatingRow, inside: np.ndarray[Any, Any]) -> dict[str, MissRate]:
        return {
            c.name: miss_rate(c.scores[inside], row.threshold, exact=row.supported)
            for c in conditions
        }

    groups = []
    for name in present:
        inside = gathered == name
        shown = OTHERS if name is None else name
        total = int(inside.sum())
        groups.append(Group(shown, total, missed(at_rate, inside), missed(shipped, inside)))
    return tuple(groups)


def groups_to_dict(groups: Mapping[str, Sequence[Group]]) -> dict[str, Any]:
    """Return plain values for JSON, by column."""
    return {column: [group.to_dict() for group in rows] for column, rows in groups.items()}
