"""The user's own recordings of a phrase in, clips out: the voice that is heard most later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from db.clips import ClipStore, NewClip
from db.recordings import RECORDING, own_recordings, recordings_of
from trainer.corpora.base import CorpusError
from trainer.corpora.folder_tsv import slug
from trainer.phrases import Phrase, normalise_text
from trainer.recordings import RecordingError, RecordingTooLongError, read_recording
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SOURCE = "own-voice"
LICENCE = "own recording"
"""The speaker's own: it stays in this database, and what is trained on it is theirs."""
LONGEST_S = 8.0
"""The phrase once, with a moment of silence; a longer file holds it more than once."""
SLACK = 0.5
"""A phrase that is spoken fast lasts this share of its estimate."""
FRAME_S = 0.02
SPEECH_OVER_FLOOR_DB = 12.0
"""Speech stands out of the recording's own background by at least this."""
SPEECH_UNDER_PEAK_DB = 20.0
"""The quieter sounds of a word are at most so far below the loudest."""
SPEECH_DBFS = -50.0
"""And is at least this loud: below, a microphone was muted or far away."""
CLIPPED_SHARE = 0.01
"""Of samples at full scale: more is a distorted recording."""


@dataclass(frozen=True)
class OwnRecording:
    """What became of one file."""

    file: str
    number: int | None
    """Which recording of this phrase by this person it is; None when it was refused."""
    new: bool
    """False when the same recording was there already, or it was refused."""
    reason: str = ""
    """Why it was refused; empty when it was taken."""


def add_own_recordings(
    phrase: Phrase,
    files: Sequence[Path],
    connection: sqlite3.Connection,
    store: ClipStore,
    *,
    name: str,
) -> list[OwnRecording]:
    """Store recordings of a phrase by the person who will use it, one row for each file.

    Each file holds the phrase once. It is numbered, so that training can hold some recordings out;
    the same recording again is recognised by its sound. A file that cannot be meant is refused and
    the others are taken.

    Args:
        phrase: what is said in each.
        files: any format that soundfile reads.
        connection: the database of `store`.
        store: where the clips go.
        name: whose voice it is.

    Raises:
        CorpusError: the name has no letters or digits.
        ClipWriteError: nothing can be stored.
    """
    if not (person := slug(name)):
        raise CorpusError(f"{name!r} is no name: use letters or digits.")
    return [_add(phrase, path, connection, store, person) for path in files]


def _add(
    phrase: Phrase, path: Path, connection: sqlite3.Connection, store: ClipStore, person: str
) -> OwnRecording:
    try:
        pcm = read_recording(path, longest_s=LONGEST_S)
    except RecordingTooLongError as error:
        return OwnRecording(str(path), None, new=False, reason=f"{error} Say the phrase once.")
    except RecordingError as error:
        return OwnRecording(str(path), None, new=False, reason=str(error))
    if reason := unusable(pcm, phrase.seconds):
        return OwnRecording(str(path), None, new=False, reason=f"{path}: {reason}")
    text, speaker = normalise_text(phrase.text), f"{SOURCE}:{person}"
    known = own_recordings(connection, SOURCE, speaker, text)
    number = max(known.values(), default=0) + 1
    clip = NewClip(
        pcm, SAMPLE_RATE_HZ, phrase.text, text, " ".join(phrase.phonemes),
        RECORDING, person, speaker, SOURCE, LICENCE, {"file": path.name, "recording": number},
    )  # fmt: skip
    (clip_id,) = store.add_many([clip])
    if clip_id in known:
        return OwnRecording(str(path), known[clip_id], new=False)
    there = recordings_of(connection, [clip_id])[clip_id]
    if (there.source, there.speaker, there.text_normalised) != (SOURCE, speaker, text):
        return OwnRecording(
            str(path), None, new=False,
            reason=f"{path}: this very recording is in the database as {there.text!r} of "
            f"{there.speaker}.",
        )  # fmt: skip
    return OwnRecording(str(path), number, new=True)


def unusable(pcm: NDArray[np.int16], phrase_s: float) -> str:
    """Say why a recording cannot be of a phrase; empty when it can.

    Args:
        pcm: int16 [samples] at 16 kHz.
        phrase_s: how long the phrase lasts at a usual pace.
    """
    shortest_s = SLACK * phrase_s
    if len(pcm) < shortest_s * SAMPLE_RATE_HZ:
        seconds = len(pcm) / SAMPLE_RATE_HZ
        return f"{seconds:.1f} s is too short for this phrase. Record it again."
    spoken_s = speech_s(pcm)
    if spoken_s < shortest_s:
        return (
            f"only {spoken_s:.1f} s of it stand out of the silence or the noise. Record it again, "
            "nearer to the microphone."
        )
    full = np.iinfo(np.int16)
    if np.mean((pcm <= full.min + 1) | (pcm >= full.max)) > CLIPPED_SHARE:
        return "it is overdriven. Record it again, quieter or farther from the microphone."
    return ""


def speech_s(pcm: NDArray[np.int16]) -> float:
    """Return how many seconds stand out of a recording's own background.

    Args:
        pcm: int16 [samples] at 16 kHz.
    """
    frame = round(FRAME_S * SAMPLE_RATE_HZ)
    frames = pcm[: len(pcm) // frame * frame].reshape(-1, frame).astype(np.float64) / 32768
    level_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    floor_db, peak_db = (float(db) for db in np.percentile(level_db, (5, 100)))
    if peak_db - floor_db < SPEECH_OVER_FLOOR_DB:
        return 0.0  # a steady noise
    # A recording trimmed to the phrase has no background: its floor is a pause between sounds.
    bar_db = max(min(floor_db + SPEECH_OVER_FLOOR_DB, peak_db - SPEECH_UNDER_PEAK_DB), SPEECH_DBFS)
    return float(np.count_nonzero(level_db > bar_db)) * FRAME_S
