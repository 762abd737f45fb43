"""A shipped detector and audio files in, their scores out, in streams as on a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainer.augment import add_noise, reverberate
from trainer.recordings import read_recording
from trainer.speech import INT16_SCALE, active_span
from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.progress import Stage
    from trainer.rates import Scores
    from watchword_runtime import Detector

Waveform = NDArray[np.float32]

BEFORE_S = 1.5
AFTER_S = 1.0
SILENT_PIECE_RMS = 1e-4
"""A piece of noise below is digital silence, which has no level to be mixed at."""
ROOM_BEFORE_S = 3.0
QUIET_ROOM_DB = 40.0
"""A quiet room's own noise, below the speech in it."""
LONGEST_TALK_S = 4.0
TALK_PAUSE_S = 1.0
AGAIN_PAUSE_S = 2.5
DRAWS = 20
"""Pieces that are tried before one must be silent."""


@dataclass(frozen=True)
class Condition:
    """What the positives were heard through."""

    name: str
    scores: NDArray[np.float32]
    """[recordings], the highest score of each."""
    snr_db: float | None = None
    """Speech over noise; None without noise."""
    in_rooms: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the scores."""
        return {"name": self.name, "snr_db": self.snr_db, "in_rooms": self.in_rooms}


@dataclass(frozen=True)
class Negatives:
    """One long stream without the phrase."""

    scores: Scores
    starts: NDArray[np.int64]
    """[files], the step at which each file begins."""
    files: tuple[str, ...]
    hours: float
    step_s: float

    def place(self, step: int) -> dict[str, Any]:
        """Return file and time of a step, so that it can be listened to."""
        number = int(np.searchsorted(self.starts, step, side="right")) - 1
        time_s = (step - int(self.starts[number])) * self.step_s
        return {"file": self.files[number], "time_s": round(time_s, 2)}


def padded(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Put silence around a recording: time to start hearing and time to answer."""
    before = np.zeros(int(BEFORE_S * SAMPLE_RATE_HZ), np.int16)
    return np.concatenate([before, pcm, np.zeros(int(AFTER_S * SAMPLE_RATE_HZ), np.int16)])


def with_noise(
    pcm: NDArray[np.int16], noise: Waveform, snr_db: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Mix a piece of noise under a padded recording; the level refers to its active part."""
    speech = _waveform(pcm)
    for _ in range(DRAWS):
        start = int(rng.integers(len(noise)))
        piece = np.take(noise, np.arange(start, start + len(speech)), mode="wrap")
        if _rms(piece) > SILENT_PIECE_RMS:
            break
    first, last = active_span(speech)
    return _unclipped(add_noise(speech, piece, snr_db, _rms(speech[first:last])))


def in_room(pcm: NDArray[np.int16], response: Waveform) -> NDArray[np.int16]:
    """Let a padded recording be said in a room; its active part stays as loud as it was."""
    speech = _waveform(pcm)
    first, last = active_span(speech)
    wet = reverberate(speech, response)
    level = _rms(speech[first:last]) / max(_rms(wet[first:last]), 1e-9)
    return _unclipped(wet * np.float32(level))


def said_after(
    first: NDArray[np.int16], then: NDArray[np.int16], pause_s: float, rng: np.random.Generator
) -> tuple[NDArray[np.int16], int]:
    """Return one recording and then another, as loud, in a quiet room, and the pause's middle.

    Args:
        first: int16 [samples]; its last seconds.
        then: int16 [samples].
        pause_s: between the two, without the silence at their ends.
        rng: draws the room's noise.
    """
    speech, before = _active(then), _active(first)[-round(LONGEST_TALK_S * SAMPLE_RATE_HZ) :]
    before = before * np.float32(_rms(speech) / max(_rms(before), SILENT_PIECE_RMS))
    start, pause, end = (
        np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)
        for seconds in (ROOM_BEFORE_S, pause_s, AFTER_S)
    )
    scene = np.concatenate([start, before, pause, speech, end])
    level = _rms(speech) * 10 ** (-QUIET_ROOM_DB / 20)
    scene += rng.normal(0, level, len(scene)).astype(np.float32)
    return _unclipped(scene), len(start) + len(before) + len(pause) // 2


def score_after(
    detector: Detector,
    files: Sequence[Path],
    first: Sequence[Path],
    pause_s: float,
    stage: Stage,
) -> NDArray[np.float32]:
    """Return the highest score [files, 2] before and after the pause between one and another.

    Args:
        detector: what ships, loaded by the runtime.
        files: recordings of the phrase, one in each.
        first: what is said before each, in turn.
        pause_s: between the two.
        stage: is told of every file.

    Raises:
        RecordingError: a file cannot be read.
    """
    stream = detector.stream()
    out = np.zeros((len(files), 2), np.float32)
    for number, path in enumerate(files):
        before = read_recording(first[number % len(first)])
        pcm, middle = said_after(
            before, read_recording(path), pause_s, np.random.default_rng(number)
        )
        stream.reset()
        scores = stream.scores(pcm)
        step = round(middle / SAMPLE_RATE_HZ / detector.step_s)
        out[number] = scores[detector.warmup_steps : step].max(), scores[step:].max()
        stage.at(number + 1, f"{number + 1} of {len(files)} recordings")
    return out


def score_positives(
    detector: Detector,
    files: Sequence[Path],
    stage: Stage,
    *,
    noise: Waveform | None = None,
    snr_db: float = 10.0,
    rooms: Sequence[Waveform] = (),
    seed: int = 0,
) -> NDArray[np.float32]:
    """Return the highest score [files] of each recording in a stream of its own.

    Args:
        detector: what ships, loaded by the runtime.
        files: recordings of the phrase, one in each.
        stage: is told of every file.
        noise: float32 [samples] at 16 kHz; a drawn piece of it is mixed under each recording.
        snr_db: power of the recording's active part over power of the noise.
        rooms: impulse responses, float32 [samples]; each recording is said in a drawn one.
        seed: decides the draws, which depend on nothing but it and the file's number: a file has
            the same room and the same piece of noise at every level.

    Raises:
        RecordingError: a file cannot be read.
    """
    stream = detector.stream()
    out = np.zeros(len(files), np.float32)
    for number, path in enumerate(files):
        pcm = padded(read_recording(path))
        if rooms:
            room = np.random.default_rng([seed, number, 1]).integers(len(rooms))
            pcm = in_room(pcm, rooms[int(room)])
        if noise is not None:
            pcm = with_noise(pcm, noise, snr_db, np.random.default_rng([seed, number]))
        stream.reset()
        scores = stream.scores(pcm)[detector.warmup_steps :]
        out[number] = scores.max() if len(scores) else 0.0
        stage.at(number + 1, f"{number + 1} of {len(files)} recordings")
    return out


def score_negatives(detector: Detector, files: Sequence[Path], stage: Stage) -> Negatives:
    """Stream all files one after the other through one stream.

    Raises:
        RecordingError: a file cannot be read.
    """
    stream = detector.stream()
    parts: list[Scores] = []
    starts, steps, samples = [], 0, 0
    for number, path in enumerate(files):
        pcm = read_recording(path)
        starts.append(steps)
        parts.append(stream.scores(pcm))
        steps += len(parts[-1])
        samples += len(pcm)
        stage.at(number + 1, f"{number + 1} of {len(files)} files")
    scores = np.concatenate(parts)
    scores[: detector.warmup_steps] = 0.0
    return Negatives(
        scores,
        np.array(starts, np.int64),
        tuple(str(path) for path in files),
        samples / SAMPLE_RATE_HZ / 3600,
        detector.step_s,
    )


def _active(pcm: NDArray[np.int16]) -> Waveform:
    speech = _waveform(pcm)
    first, last = active_span(speech)
    return speech[first:last]


def _waveform(pcm: NDArray[np.int16]) -> Waveform:
    return pcm.astype(np.float32) / INT16_SCALE


def _rms(waveform: Waveform) -> float:
    return float(np.sqrt(np.mean(np.square(waveform)) + 1e-12)) if waveform.size else 0.0


def _unclipped(waveform: Waveform) -> NDArray[np.int16]:
    return to_int16(waveform / np.float32(max(1.0, float(np.abs(waveform).max(initial=0.0)))))
