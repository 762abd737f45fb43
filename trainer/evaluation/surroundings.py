"""Folders of recordings, noise and impulse responses in, checked files and conditions out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from trainer.evaluation.scores import (
    AGAIN_PAUSE_S,
    TALK_PAUSE_S,
    Condition,
    Waveform,
    score_after,
    score_positives,
)
from trainer.progress import Report, Stage, silent
from trainer.recordings import RecordingError, read_recording
from trainer.rooms import normalised
from trainer.sounds import SoundError, prepare_room
from trainer.speech import INT16_SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from watchword_runtime import Detector

DEFAULT_SNR_DB = 10.0
AFTER_TALK, SAID_AGAIN = "after talk", "said again"
NAMED_FILES = 5
"""How many of many files a message names."""


@dataclass(frozen=True)
class Surroundings:
    """What the positives are also heard through."""

    noise: Waveform | None = None
    """Float32 [samples] at 16 kHz, all files in a row; None for no noise."""
    snrs_db: tuple[float, ...] = (DEFAULT_SNR_DB,)
    """One condition for each, where there is noise."""
    rooms: tuple[Waveform, ...] = ()
    """Impulse responses, each from its direct sound on and of unit energy."""
    talk: tuple[Path, ...] = ()
    """Recordings of other people, who speak before the phrase."""

    def conditions(self) -> Iterator[tuple[str, float | None, bool]]:
        """Yield name, signal-to-noise ratio and whether in rooms, the easiest first."""
        for in_rooms in (False, True) if self.rooms else (False,):
            yield ("in rooms" if in_rooms else "clean"), None, in_rooms
            for snr_db in self.snrs_db if self.noise is not None else ():
                name = f"{snr_db:g} dB noise"
                yield (f"rooms, {name}" if in_rooms else name), snr_db, in_rooms


def open_surroundings(
    noise: Sequence[Path] = (),
    snrs_db: Sequence[float] = (DEFAULT_SNR_DB,),
    rooms: Sequence[Path] = (),
    talk: Sequence[Path] = (),
) -> Surroundings:
    """Read noise and impulse responses; talk is read when it is needed.

    Raises:
        RecordingError: a file cannot be read, or is no impulse response.
    """
    mix = np.concatenate([read_recording(path) for path in noise]) if noise else None
    return Surroundings(
        None if mix is None else mix.astype(np.float32) / INT16_SCALE,
        tuple(dict.fromkeys(snrs_db)),
        tuple(_response(path) for path in rooms),
        tuple(talk),
    )


def hear_positives(
    detector: Detector,
    files: Sequence[Path],
    surroundings: Surroundings,
    *,
    seed: int = 0,
    report: Report = silent,
) -> tuple[Condition, ...]:
    """Score recordings of the phrase in every condition: clean, at each level of noise, in rooms.

    Where there is talk, also a second after somebody else, and said again after 2.5 s.

    Args:
        detector: what ships, loaded by the runtime.
        files: recordings of the phrase, one in each.
        surroundings: what they are heard through.
        seed: decides rooms and pieces of noise.
        report: receives one stage a condition.
    """
    conditions = [
        Condition(
            name,
            score_positives(
                detector,
                files,
                Stage(report, f"positives, {name}", len(files)),
                noise=None if snr_db is None else surroundings.noise,
                snr_db=DEFAULT_SNR_DB if snr_db is None else snr_db,
                rooms=surroundings.rooms if in_rooms else (),
                seed=seed,
            ),
            snr_db,
            in_rooms,
        )
        for name, snr_db, in_rooms in surroundings.conditions()
    ]
    if surroundings.talk:
        heard = hear_behind_speech(detector, files, surroundings.talk, report)
        conditions += [Condition(name, scores) for name, scores in heard.items()]
    return tuple(conditions)


def hear_behind_speech(
    detector: Detector, files: Sequence[Path], talk: Sequence[Path], report: Report
) -> dict[str, NDArray[np.float32]]:
    """Score recordings of the phrase a second after somebody else, and said again after 2.5 s.

    Args:
        detector: what ships, loaded by the runtime.
        files: recordings of the phrase, one in each.
        talk: recordings of other people; a spread of them is used.
        report: receives one stage each.

    Returns:
        Float32 [files] by AFTER_TALK and SAID_AGAIN.
    """
    behind = {
        AFTER_TALK: (spread(talk, len(files)), TALK_PAUSE_S),
        SAID_AGAIN: (files, AGAIN_PAUSE_S),
    }
    heard = {}
    for name, (first, pause_s) in behind.items():
        stage = Stage(report, f"positives, {name}", len(files))
        heard[name] = score_after(detector, files, first, pause_s, stage)[:, 1]
    return heard


def spread(files: Sequence[Path], count: int) -> Sequence[Path]:
    """Return up to `count` of many files, from all over the list."""
    return files[:: max(1, len(files) // max(1, count))]


def check_recordings(files: Sequence[Path]) -> None:
    """Open every file, so that a damaged one is named before hours of others were heard.

    Raises:
        RecordingError: some cannot be opened as audio; the message names them.
    """
    wrong = [path for path in files if not _opens(path)]
    if wrong:
        raise RecordingError(
            f"{count(len(wrong), 'file')} cannot be read as audio: {names(wrong)}. "
            "Remove or replace what is named, then start again."
        )


def count(number: int, what: str) -> str:
    """Return "1 file" or "2 files"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def names(paths: Sequence[object]) -> str:
    """Return a few of many names, for a message."""
    more = f" and {len(paths) - NAMED_FILES} more" if len(paths) > NAMED_FILES else ""
    return ", ".join(map(str, paths[:NAMED_FILES])) + more


def _opens(path: Path) -> bool:
    try:
        with soundfile.SoundFile(path) as audio:
            return bool(audio.frames > 0)
    except (soundfile.LibsndfileError, OSError):
        return False


def _response(path: Path) -> Waveform:
    try:
        samples = prepare_room(read_recording(path))
    except SoundError as error:
        raise RecordingError(f"{path} {error}. Remove it from the rooms.") from error
    return normalised(samples.astype(np.float32))
