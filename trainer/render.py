"""Clip files in, recorded scenes as front-end features out: what one worker process does.

A scene is always longer than the words in it: the front end keeps noise and gain state, so
features of a clip cut out of its surroundings would not be the ones that a device computes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from db.clip_files import read_flac
from trainer.augment import TRAINING, Strength, Waveform, record, trim_speech, vary_voice
from trainer.noise import background, unit_rms
from trainer.warp import Speech, Utterance
from watchword_runtime.frontend import HOP_SAMPLES, SAMPLE_RATE_HZ, features

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

BEFORE_S = 2.0
"""Audio in front of a phrase, so that a window of 2 s can end just behind it."""
AFTER_S = (0.9, 1.3)
INT16_SCALE = np.float32(32768)
CONTEXT_SHARE = 0.4
"""Share of scenes in which somebody talks right before the phrase, and as many right after."""
GAP_S = (0.05, 0.5)
PAUSE_S = (0.08, 1.2)
STREAM_WARP_SHARE = 0.25
"""Sentences are long and many: warping half of them would be most of the work."""
LEVEL_DB = (-6.0, 6.0)


@dataclass(frozen=True)
class Scene:
    """One recording with one phrase in it."""

    features: NDArray[np.float16]
    """[frames, 40], raw front-end values."""
    start_frame: int
    """First frame of the phrase."""
    end_frame: int
    """First frame behind the phrase."""
    clip_id: int
    """Database id of the clip: scenes of one clip are no independent examples."""


@dataclass(frozen=True)
class Stream:
    """One recording with clips that are not the phrase, one after the other."""

    features: NDArray[np.float16]
    """[frames, 40], raw front-end values."""
    spans: NDArray[np.int32]
    """[clips, 2]: first frame of each clip and first frame behind it."""
    clip_ids: NDArray[np.int64]
    """[clips]: database ids."""


@dataclass(frozen=True)
class SceneTask:
    """Make `variants` scenes with this clip."""

    path: Path
    clip_id: int
    variants: int
    seed: tuple[int, ...]
    span_s: tuple[float, float] | None = None
    """Where the phrase starts and ends in the stored clip, if the clip says more than that; the
    scene's frames follow it through trimming and changes of pace."""


@dataclass(frozen=True)
class StreamTask:
    """Make one stream of these clips."""

    paths: tuple[Path, ...]
    clip_ids: tuple[int, ...]
    seed: tuple[int, ...]


@dataclass(frozen=True)
class AmbientTask:
    """Make one stream in which nobody speaks."""

    seconds: float
    seed: tuple[int, ...]


RenderTask = SceneTask | StreamTask | AmbientTask


def read_speech(path: Path, span_s: tuple[float, float] | None = None) -> Speech:
    """Read a stored clip, trimmed and of about unit loudness.

    Args:
        path: a clip file at 16 kHz.
        span_s: where the phrase is in it, in seconds; by default the trimmed clip is the phrase.

    Raises:
        ValueError: the file has another rate, or nothing of the span lies inside its sound.
    """
    samples, rate_hz = read_flac(path)
    if rate_hz != SAMPLE_RATE_HZ:
        raise ValueError(f"{path} has {rate_hz} Hz: clips are stored at {SAMPLE_RATE_HZ} Hz.")
    first, last = span_s or (0.0, len(samples) / rate_hz)
    speech = trim_speech(
        Speech(
            samples.astype(np.float32) / INT16_SCALE,
            (round(first * rate_hz), round(last * rate_hz)),
        )
    )
    if len(samples) and speech.span[0] >= speech.span[1]:
        raise ValueError(
            f"{path}: the phrase cannot be from {first} s to {last} s: there is no sound there. "
            f"Find it again, or leave the clip out."
        )
    return replace(speech, waveform=unit_rms(speech.waveform))


def read_clip(path: Path) -> Waveform:
    """Read a stored clip as a trimmed float32 [samples] of about unit loudness."""
    return read_speech(path).waveform


def _frames(samples: int) -> int:
    return samples // HOP_SAMPLES


def _silence(rng: np.random.Generator, low_s: float, high_s: float) -> Waveform:
    return np.zeros(int(rng.uniform(low_s, high_s) * SAMPLE_RATE_HZ), np.float32)


def _level(rng: np.random.Generator) -> np.float32:
    return np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20))


class Renderer:
    """Makes scenes and streams; holds the rooms and the voices of bystanders."""

    def __init__(
        self, rooms: Sequence[Waveform], bystanders: Sequence[Path], strength: Strength = TRAINING
    ) -> None:
        self._rooms = rooms
        self._speech = [read_clip(path) for path in bystanders]
        self._strength = strength

    def render(self, task: RenderTask) -> list[Scene] | list[Stream]:
        """Do one task; the same task gives the same features."""
        if isinstance(task, SceneTask):
            speech = read_speech(task.path, task.span_s)
            clip = Utterance(speech.waveform, speech.span)
            return [
                self._scene(clip, task.clip_id, np.random.default_rng([*task.seed, n]))
                for n in range(task.variants)
            ]
        if isinstance(task, StreamTask):
            return [self._stream(task)]
        return [self._ambient(task)]

    def _bystander(self, rng: np.random.Generator, samples: int) -> Waveform:
        """Return up to `samples` of somebody else's speech, cut anywhere."""
        clip = self._speech[int(rng.integers(len(self._speech)))]
        start = int(rng.integers(max(1, len(clip) - samples)))
        return clip[start : start + samples] * _level(rng)

    def _scene(self, clip: Utterance, clip_id: int, rng: np.random.Generator) -> Scene:
        words = vary_voice(clip, rng, self._strength)
        before = np.zeros(int(BEFORE_S * SAMPLE_RATE_HZ), np.float32)
        after = _silence(rng, *AFTER_S)
        if self._speech and rng.random() < CONTEXT_SHARE:
            talk = self._bystander(rng, len(before) - _frames(len(before)))
            stop = len(before) - len(_silence(rng, *GAP_S))
            talk = talk[-stop:]
            before[stop - len(talk) : stop] = talk
        if self._speech and rng.random() < CONTEXT_SHARE:
            start = min(len(_silence(rng, *GAP_S)), len(after))
            talk = self._bystander(rng, len(after) - start)
            after[start : start + len(talk)] = talk
        pcm = record(
            np.concatenate([before, words.waveform, after]),
            rng,
            rooms=self._rooms,
            speech=self._speech,
            strength=self._strength,
            speech_rms=1.0,
        )
        return Scene(
            features(pcm).astype(np.float16),
            _frames(len(before) + words.span[0]),
            _frames(len(before) + words.span[1]),
            clip_id,
        )

    def _stream(self, task: StreamTask) -> Stream:
        rng = np.random.default_rng(task.seed)
        strength = replace(self._strength, warp_share=STREAM_WARP_SHARE)
        parts = [_silence(rng, 0.3, 0.6)]
        position = len(parts[0])
        spans = []
        for path in task.paths:
            words = vary_voice(Utterance(read_clip(path)), rng, strength).waveform * _level(rng)
            spans.append((_frames(position), _frames(position + len(words))))
            parts += [words, _silence(rng, *PAUSE_S)]
            position += len(words) + len(parts[-1])
        parts.append(_silence(rng, 0.6, 0.8))
        pcm = record(
            np.concatenate(parts),
            rng,
            rooms=self._rooms,
            speech=self._speech,
            strength=strength,
            speech_rms=1.0,
        )
        return Stream(
            features(pcm).astype(np.float16),
            np.array(spans, np.int32).reshape(-1, 2),
            np.array(task.clip_ids, np.int64),
        )

    def _ambient(self, task: AmbientTask) -> Stream:
        rng = np.random.default_rng(task.seed)
        samples = int(task.seconds * SAMPLE_RATE_HZ)
        scene = background(rng, samples, self._speech)
        if rng.random() < 0.3:
            scene = scene + background(rng, samples, self._speech)
        pcm = record(scene, rng, rooms=self._rooms, strength=self._strength, speech_rms=1.0)
        return Stream(
            features(pcm).astype(np.float16), np.zeros((0, 2), np.int32), np.zeros(0, np.int64)
        )
