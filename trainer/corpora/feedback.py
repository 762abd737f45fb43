"""What a detector got wrong in, clips of its phrase's next training out: false wakes and misses."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from db.clip_search import FEEDBACK, NOT
from db.clips import ClipStore, NewClip
from db.recordings import RECORDING, recordings_of
from trainer.corpora.base import CorpusError
from trainer.corpora.folder_tsv import slug
from trainer.corpora.own_voice import LICENCE, unusable
from trainer.corpora.own_voice import SOURCE as OWN_VOICE
from trainer.phrases import Phrase, normalise_text
from trainer.recordings import RecordingError, RecordingTooLongError, read_recording
from watchword_runtime.frontend import SAMPLE_RATE_HZ
from watchword_runtime.recordings import TABLE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

LONGEST_S = 8.0
"""A detection with what led to it, or the phrase once; more would be of something else."""
SHORTEST_S = 0.3
"""Less is not what a detector heard."""


class Kind(StrEnum):
    """What the detector did wrong."""

    FALSE_WAKE = "false-wake"
    """It fired, and nobody had said the phrase."""
    MISSED = "missed"
    """Somebody said the phrase, and it stayed silent."""


@dataclass(frozen=True)
class SentBack:
    """What became of one file."""

    file: str
    clip_id: int | None
    """Its number in the database; None when it was refused."""
    new: bool
    """False when it was there already, or was refused."""
    reason: str = ""
    """Why it was refused; empty when it was taken."""


def add_feedback(
    phrase: Phrase,
    kind: Kind,
    files: Sequence[Path],
    connection: sqlite3.Connection,
    store: ClipStore,
    *,
    name: str,
) -> list[SentBack]:
    """Store what a phrase's detector got wrong, one row for each file.

    A miss becomes a positive, said by the person who owns the device. A false wake becomes a
    near-miss of this phrase, and of no other: nobody wrote down what is said in it. A file that
    cannot be meant is refused and the others are taken.

    Args:
        phrase: whose detector it was.
        kind: what it got wrong.
        files: each the audio of one event; any format that soundfile reads. The WAV files that
            `watchword-listen --save-detections` keeps are such.
        connection: the database of `store`.
        store: where the clips go.
        name: who said the phrase, or near whom it woke.

    Raises:
        CorpusError: the name has no letters or digits.
        ClipWriteError: nothing can be stored.
    """
    if not (person := slug(name)):
        raise CorpusError(f"{name!r} is no name: use letters or digits.")
    return [
        _add(phrase, kind, path, connection=connection, store=store, person=person)
        for path in files
    ]


def _add(
    phrase: Phrase,
    kind: Kind,
    path: Path,
    *,
    connection: sqlite3.Connection,
    store: ClipStore,
    person: str,
) -> SentBack:
    try:
        pcm = read_recording(path, longest_s=LONGEST_S)
    except RecordingTooLongError as error:
        return _refused(path, f"{error} Keep the moment that it got wrong.")
    except RecordingError as error:
        return _refused(path, str(error))
    if reason := _wrong(kind, path, pcm, phrase):
        return _refused(path, f"{path}: {reason}")
    clip = _clip(phrase, kind, pcm, person, path.name)
    text = clip.text_normalised
    before = (
        store.find(texts=[text], sources=[FEEDBACK])
        if kind is Kind.MISSED
        else store.false_wakes(normalise_text(phrase.text))
    )
    (clip_id,) = store.add_many([clip])
    there = recordings_of(connection, [clip_id])[clip_id]
    if (there.source, there.text) != (FEEDBACK, clip.text):
        return _refused(
            path, f"{path}: this very recording is in the database as {there.text!r} of "
            f"{there.speaker}. Delete clip {clip_id} first if that is wrong.",
        )  # fmt: skip
    return SentBack(str(path), clip_id, new=clip_id not in set(before["id"]))


def _clip(phrase: Phrase, kind: Kind, pcm: NDArray[np.int16], person: str, file: str) -> NewClip:
    said = kind is Kind.MISSED
    text = normalise_text(phrase.text)
    settings: dict[str, object] = {"file": file}
    return NewClip(
        pcm,
        SAMPLE_RATE_HZ,
        text=phrase.text if said else f"(not {phrase.text})",
        # Without words it is found by no text and no sound, so other phrases never take it.
        text_normalised=text if said else "",
        phonemes=" ".join(phrase.phonemes) if said else "",
        engine=RECORDING,
        voice=person,
        speaker=f"{OWN_VOICE if said else FEEDBACK}:{person}",
        source=FEEDBACK,
        licence=LICENCE,
        settings=settings if said else settings | {NOT: text},
    )


def _wrong(kind: Kind, path: Path, pcm: NDArray[np.int16], phrase: Phrase) -> str:
    """Say why a recording cannot be what it is said to be; empty when it can."""
    if kind is Kind.MISSED:
        return unusable(pcm, phrase.seconds)
    if len(pcm) < SHORTEST_S * SAMPLE_RATE_HZ:
        return f"{len(pcm) / SAMPLE_RATE_HZ:.1f} s is too short. Keep some seconds before it, too."
    if not pcm.any():
        return "it is silent: nothing can have woken the detector."
    heard = _phrase_in_table(path)
    if heard and normalise_text(heard) != normalise_text(phrase.text):
        return f"{TABLE} beside it says that this was a detection of {heard!r}."
    return ""


def _phrase_in_table(path: Path) -> str:
    """Return which phrase `watchword-listen` detected in a file that it kept, if it says so."""
    table = path.with_name(TABLE)
    if not table.is_file():
        return ""
    with table.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row.get("path") == path.name:
                return row.get("phrase") or ""
    return ""


def _refused(path: Path, reason: str) -> SentBack:
    return SentBack(str(path), None, new=False, reason=reason)
