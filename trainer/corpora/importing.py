"""A corpus comes in, clips in the database go out; what was imported before is not opened again."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from db.clips import ClipStore, NewClip
from db.recordings import (
    RECORDING,
    Description,
    describe_anew,
    known_recordings,
    recordings_of,
)
from trainer import pronunciation
from trainer.corpora.base import Recording, RecordingSource, Refusal
from trainer.phrases import normalise_text
from trainer.progress import Progress, Report, Stage
from trainer.recordings import (
    RecordingError,
    RecordingTooLongError,
    decode_recording,
    read_recording,
)
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

BATCH = 64
"""Recordings that are stored together: what a crash can cost, and what is held in memory."""
SHORTEST_S = 0.2
LONGEST_S = 60.0
"""An utterance is shorter; what is not is a programme, for which a transcript says too little."""
SILENCE_PEAK = 33
"""Of int16: -60 dBFS. Nothing was recorded."""
LENGTH_TOLERANCE_S = 0.3
LENGTH_TOLERANCE = 0.05
"""A file that lasts otherwise than its corpus says by more than both was cut off or mixed up."""
EXAMPLES = 3
"""Rows that the report names for each reason."""


@dataclass(frozen=True)
class ImportReport:
    """What became of the rows of a corpus."""

    source: str
    imported: int
    """New clips."""
    seconds: float
    """Of the new clips."""
    speakers: int
    """Of the new clips."""
    known: int
    """Were imported before."""
    updated: int
    """Were imported before, and now have another transcript, speaker or licence."""
    duplicates: int
    """The same audio is in the database under another name."""
    refused: dict[str, int]
    """Rows that cannot be used, by reason, the commonest first."""
    examples: dict[str, list[str]]
    """For each reason the first rows, with file and line."""


class _UnusableError(ValueError):
    """A recording that is refused, and why."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class _Import:
    """Counts what becomes of the rows of one corpus."""

    def __init__(self, name: str, connection: sqlite3.Connection, store: ClipStore) -> None:
        self._name = name
        self._connection = connection
        self._store = store
        self._seen: set[str] = set()
        self._speakers: set[str] = set()
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self.imported = self.known = self.updated = self.duplicates = 0
        self.seconds = 0.0

    def unknown(self, rows: Sequence[Recording | Refusal]) -> list[Recording]:
        """Return what must be imported; count the rest, and correct what is described anew."""
        usable: list[Recording] = []
        for row in rows:
            if isinstance(row, Refusal):
                self.refuse(row)
            elif fault := self._fault(row):
                self.refuse(Refusal(row.where, fault))
            else:
                self._seen.add(row.file)
                usable.append(row)
        known = known_recordings(self._connection, self._name, [row.file for row in usable])
        changed: dict[int, Description] = {}
        fresh: list[Recording] = []
        for row in usable:
            there = known.get(row.file)
            if there is None:
                fresh.append(row)
            elif (there.text, there.speaker, there.licence) == (
                row.text, self._speaker(row), row.licence,
            ):  # fmt: skip
                self.known += 1
            else:
                changed[there.clip_id] = self._description(row)
        if changed:
            self._store.delete(describe_anew(self._connection, changed))
            self.updated += len(changed)
        return fresh

    def keep(self, recordings: Sequence[tuple[Recording, Future[NDArray[np.int16]]]]) -> None:
        """Store what could be decoded, in one transaction."""
        clips: list[NewClip] = []
        rows: list[Recording] = []
        for row, decoding in recordings:
            try:
                waveform = decoding.result()
            except _UnusableError as fault:
                self.refuse(Refusal(row.where, fault.reason, fault.detail))
                continue
            said = self._description(row)
            clips.append(
                NewClip(
                    waveform, SAMPLE_RATE_HZ, said.text, said.text_normalised, said.phonemes,
                    RECORDING, said.voice, said.speaker, self._name, said.licence,
                    {**row.settings, "file": row.file},
                )
            )  # fmt: skip
            rows.append(row)
        ids = self._store.add_many(clips)
        stored = recordings_of(self._connection, ids)
        for row, clip, clip_id in zip(rows, clips, ids, strict=True):
            there = stored[clip_id]
            if (there.source, there.file) != (self._name, row.file):
                self.duplicates += 1
                continue
            self.imported += 1
            self.seconds += len(clip.waveform) / SAMPLE_RATE_HZ
            self._speakers.add(clip.speaker)

    def refuse(self, refusal: Refusal) -> None:
        """Count a row that cannot be used."""
        self._reasons[refusal.reason] += 1
        examples = self._examples.setdefault(refusal.reason, [])
        if len(examples) < EXAMPLES:
            examples.append(": ".join(part for part in (refusal.where, refusal.detail) if part))

    def report(self) -> ImportReport:
        """Return the counts so far."""
        return ImportReport(
            self._name,
            self.imported,
            self.seconds,
            len(self._speakers),
            self.known,
            self.updated,
            self.duplicates,
            dict(self._reasons.most_common()),
            {reason: self._examples[reason] for reason, _ in self._reasons.most_common()},
        )

    def _fault(self, row: Recording) -> str:
        """Say what is wrong with a row before its audio is read; empty when nothing is."""
        if row.file in self._seen:
            return "the file is named a second time"
        if not normalise_text(row.text):
            return "the transcript has no words"
        if not row.speaker.strip():
            return "no speaker is given: splits are made by speaker"
        if not row.licence.strip():
            return "no licence is given"
        return ""

    def _speaker(self, row: Recording) -> str:
        # "+" joins the people of a blend in that column.
        return f"{self._name}:{row.speaker.replace('+', '_')}"

    def _description(self, row: Recording) -> Description:
        # Corpora in capitals: "US" would be read as a country.
        read_as = row.text.lower() if row.text.isupper() else row.text
        return Description(
            row.text,
            normalise_text(row.text),
            pronunciation.phonemes(read_as),
            row.speaker,
            self._speaker(row),
            row.licence,
        )


def _decode(audio: Path | bytes, recording: Recording) -> NDArray[np.int16]:
    """Return int16 [samples] at 16 kHz.

    Raises:
        _UnusableError: It is no audio, or none that this transcript can belong to.
    """
    try:
        if isinstance(audio, Path):
            if not audio.is_file():
                raise _UnusableError("the file is missing", str(audio))
            pcm = read_recording(audio, longest_s=LONGEST_S)
        else:
            pcm = decode_recording(audio, recording.file, longest_s=LONGEST_S)
    except RecordingTooLongError as error:
        raise _UnusableError(f"longer than {LONGEST_S:g} s", str(error)) from error
    except RecordingError as error:
        raise _UnusableError("the audio cannot be read", str(error)) from error
    seconds = len(pcm) / SAMPLE_RATE_HZ
    if seconds < SHORTEST_S:
        raise _UnusableError(f"shorter than {SHORTEST_S:g} s", f"{seconds:.2f} s")
    if recording.seconds is not None:
        off_s = abs(seconds - recording.seconds)
        if off_s > max(LENGTH_TOLERANCE_S, LENGTH_TOLERANCE * recording.seconds):
            raise _UnusableError(
                "the audio lasts otherwise than the corpus says",
                f"{seconds:.2f} s instead of {recording.seconds:.2f} s",
            )
    if max(-int(pcm.min()), int(pcm.max())) < SILENCE_PEAK:
        raise _UnusableError("silence")
    return pcm


def import_recordings(
    source: RecordingSource,
    connection: sqlite3.Connection,
    store: ClipStore,
    *,
    limit: int | None = None,
    report: Report,
    workers: int | None = None,
) -> ImportReport:
    """Bring a corpus into the database as 16 kHz mono clips, and say what became of each row.

    Batches are stored as they come, each in one transaction. Whatever stops an import, the next
    one goes on behind the last batch: a file that is known is not opened. A known file whose row
    has another text, speaker or licence gets these, and loses what was cut out of it.

    Args:
        source: the corpus.
        connection: the database of `store`.
        store: where the clips go.
        limit: at most so many new clips.
        report: receives the stage `import`; may raise to stop between two batches.
        workers: threads that decode; one for each core by default.

    Raises:
        CorpusError, CorpusUnreachableError: the corpus cannot be read any further.
        ClipWriteError: nothing can be stored; what was stored before is kept.
    """
    run = _Import(source.name, connection, store)
    total = source.count()
    stage = Stage(report, "import", total) if total else None
    done = 0
    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
        rows_left = iter(source)
        while rows := list(islice(rows_left, BATCH)):
            fresh = run.unknown(rows)
            if limit is not None:
                fresh = fresh[: limit - run.imported]
            decoding: list[tuple[Recording, Future[NDArray[np.int16]]]] = []
            for row in fresh:
                # Fetched here, one after the other: a container is no place for many readers.
                try:
                    audio = row.audio if isinstance(row.audio, Path) else row.audio()
                except RecordingError as error:
                    run.refuse(Refusal(row.where, "the audio cannot be read", str(error)))
                else:
                    decoding.append((row, pool.submit(_decode, audio, row)))
            run.keep(decoding)
            done += len(rows)
            detail = f"{run.imported} new, {run.known + run.updated} known"
            if stage:
                stage.at(done, detail)
            else:
                report(Progress("import", 0.0, None, detail))
            if limit is not None and run.imported >= limit:
                break
    if stage and total and done < total:
        stage.at(total, f"{run.imported} new, {run.known + run.updated} known")
    return run.report()
