"""A corpus and its file names come in, what the database has of these recordings goes out.

A recording of a person is a clip whose engine is `recording` and whose settings hold the original
`file`, its name within the corpus (`source`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from db.connection import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

RECORDING = "recording"
"""The engine of a clip that a person spoke."""
CUT = "cut"
"""The engine of a clip that was cut out of a recording."""


@dataclass(frozen=True)
class KnownRecording:
    """What the database says of one recording."""

    clip_id: int
    sha256: str
    source: str
    file: str
    text: str
    text_normalised: str
    speaker: str
    licence: str


@dataclass(frozen=True)
class Description:
    """What can be said anew of a recording whose audio stays."""

    text: str
    text_normalised: str
    phonemes: str
    voice: str
    speaker: str
    licence: str


_BY_FILE = (
    "SELECT id, sha256, source, json_extract(settings, '$.file') AS file, text,"
    " text_normalised, speaker, licence"
    " FROM clip INDEXED BY clip_recording WHERE engine = 'recording' AND source = ?"
    " AND json_extract(settings, '$.file') IN (SELECT value FROM json_each(?))"
)
_BY_ID = (
    "SELECT id, sha256, source, json_extract(settings, '$.file') AS file, text,"
    " text_normalised, speaker, licence"
    " FROM clip WHERE id IN (SELECT value FROM json_each(?))"
)
# "+": without it the column's affinity keeps SQLite from using the index of an expression.
_CUTS_OF = (
    "SELECT id FROM clip INDEXED BY clip_cut WHERE engine = 'cut'"
    " AND json_extract(settings, '$.of') IN"
    " (SELECT +sha256 FROM clip WHERE id IN (SELECT value FROM json_each(?)))"
)

_REFUSED = "SELECT recording, text FROM refused_cut"
_FORGET_REFUSED = (
    "DELETE FROM refused_cut WHERE recording IN"
    " (SELECT sha256 FROM clip WHERE id IN (SELECT value FROM json_each(?)))"
)


def known_recordings(
    connection: sqlite3.Connection, source: str, files: Iterable[str]
) -> dict[str, KnownRecording]:
    """Return those of a corpus's files that the database has, by file name.

    Answered from the index `clip_recording`, without a scan and without looking at audio.
    """
    rows = connection.execute(_BY_FILE, (source, json.dumps(list(files))))
    return {row["file"]: _known(row) for row in rows}


def recordings_of(
    connection: sqlite3.Connection, ids: Sequence[int]
) -> Mapping[int, KnownRecording]:
    """Return what is known of clips, by id."""
    rows = connection.execute(_BY_ID, (json.dumps(list(ids)),))
    return {row["id"]: _known(row) for row in rows}


def cuts_of(
    connection: sqlite3.Connection, text_normalised: str, sha256s: Iterable[str]
) -> set[str]:
    """Return those recordings, by hash, out of which this text was cut before."""
    rows = connection.execute(
        "SELECT DISTINCT json_extract(settings, '$.of') AS parent FROM clip INDEXED BY clip_cut"
        " WHERE engine = 'cut' AND text_normalised = ?"
        " AND json_extract(settings, '$.of') IN (SELECT value FROM json_each(?))",
        (text_normalised, json.dumps(list(sha256s))),
    )
    return {row["parent"] for row in rows}


def refused_cuts(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return what was not heard where it should be: a recording's hash and normalised words."""
    return {(row["recording"], row["text"]) for row in connection.execute(_REFUSED)}


def refuse_cuts(connection: sqlite3.Connection, cuts: Iterable[tuple[str, str]]) -> None:
    """Remember that these words were not heard in these recordings, by hash."""
    with transaction(connection):
        connection.executemany("INSERT OR IGNORE INTO refused_cut VALUES (?, ?)", cuts)


def describe_anew(
    connection: sqlite3.Connection, descriptions: Mapping[int, Description]
) -> list[int]:
    """Give recordings another text, speaker or licence, in one transaction.

    What was refused of them may be cut by the new text.

    Returns:
        The ids of clips that were cut out of these recordings: they may say what is no longer
        so. The caller deletes them.
    """
    with transaction(connection):
        ids = json.dumps(list(descriptions))
        cuts = connection.execute(_CUTS_OF, (ids,)).fetchall()
        connection.execute(_FORGET_REFUSED, (ids,))
        for clip_id, new in descriptions.items():
            connection.execute(
                "UPDATE clip SET text = ?, text_normalised = ?, phonemes = ?, voice = ?,"
                " speaker = ?, licence = ? WHERE id = ?",
                (
                    new.text, new.text_normalised, new.phonemes, new.voice,
                    new.speaker, new.licence, clip_id,
                ),
            )  # fmt: skip
    return [int(row["id"]) for row in cuts]


def own_recordings(
    connection: sqlite3.Connection, source: str, speaker: str, text_normalised: str
) -> dict[int, int]:
    """Return the recordings that a person made of a phrase: clip id → its number, ascending."""
    rows = connection.execute(
        "SELECT id, json_extract(settings, '$.recording') AS number FROM clip"
        " WHERE text_normalised = ? AND source = ? AND speaker = ? AND engine = 'recording'"
        " ORDER BY number",
        (text_normalised, source, speaker),
    )
    return {int(row["id"]): int(row["number"]) for row in rows}


def _known(row: sqlite3.Row) -> KnownRecording:
    return KnownRecording(
        row["id"], row["sha256"], row["source"], row["file"] or "",
        row["text"], row["text_normalised"], row["speaker"], row["licence"],
    )  # fmt: skip
