"""Clip files in, recorded scenes as front-end features out: what one worker process does.

A scene is always longer than the words in it: the front end keeps noise and gain state, so
features of a clip cut out of its surroundings would not be the ones that a device computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.augment import record, vary_voice
from trainer.recipe import TRAINING, VALIDATION, Strength
from trainer.scene_recipe import (
    AmbientRecipe,
    SceneRecipe,
    SomeRecipe,
    StreamRecipe,
    Talk,
    draw_ambient,
    draw_scene,
    draw_stream,
)
from trainer.speech import Waveform, read_speech
from trainer.split import Side
from trainer.warp import Utterance
from watchword_runtime.frontend import HOP_SAMPLES, SAMPLE_RATE_HZ, features

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.surroundings import Surroundings


KEPT_FRAMES = 450
"""What is kept of the time before a phrase: what a window of training can reach."""


@dataclass(frozen=True)
class Scene:
    """One recording with one phrase in it, without most of what was before the phrase."""

    features: NDArray[np.float16]
    """[frames, 40], raw front-end values."""
    start_frame: int
    """First frame of the phrase."""
    end_frame: int
    """First frame behind the phrase."""
    clip_id: int
    """Database id of the clip: scenes of one clip are no independent examples."""
    recipe: SceneRecipe | None = None
    """How it was made: `Renderer.take` makes the audio again."""


@dataclass(frozen=True)
class Stream:
    """One recording with clips that are not the phrase, one after the other."""

    features: NDArray[np.float16]
    """[frames, 40], raw front-end values."""
    spans: NDArray[np.int32]
    """[clips, 2]: first frame of each clip and first frame behind it."""
    clip_ids: NDArray[np.int64]
    """[clips]: database ids."""
    recipe: StreamRecipe | AmbientRecipe | None = None
    """How it was made: `Renderer.take` makes the audio again."""


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
    boundaries_s: tuple[float, ...] = ()
    """Where in the stored clip a word of the phrase ends and the next begins, if that is known:
    somebody may hesitate there."""
    side: Side = Side.TRAIN
    """Recorded noise and measured rooms of the other side are not used."""


@dataclass(frozen=True)
class StreamTask:
    """Make one stream of these clips."""

    paths: tuple[Path, ...]
    clip_ids: tuple[int, ...]
    seed: tuple[int, ...]
    side: Side = Side.TRAIN


@dataclass(frozen=True)
class AmbientTask:
    """Make one stream in which nobody speaks."""

    seconds: float
    seed: tuple[int, ...]
    side: Side = Side.TRAIN


RenderTask = SceneTask | StreamTask | AmbientTask


@dataclass(frozen=True)
class Take:
    """One recording as a microphone gives it."""

    pcm: NDArray[np.int16]
    """[samples] at 16 kHz."""
    spans: tuple[tuple[int, int], ...]
    """First sample of the phrase, or of each clip of a stream, and first sample behind it."""


def _samples(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE_HZ)


def _gain(level_db: float) -> np.float32:
    return np.float32(10 ** (level_db / 20))


def _utterance(task: SceneTask) -> Utterance:
    return Utterance(read_speech(task.path, task.span_s, task.boundaries_s))


class Renderer:
    """Makes scenes and streams in the same surroundings."""

    def __init__(self, surroundings: Surroundings, strength: Strength | None = None) -> None:
        """Prepare what every task needs.

        Args:
            surroundings: rooms, noises and bystanders.
            strength: how often and how far clips are changed, the same on both sides of the split;
                by default `TRAINING` on the training side and `VALIDATION` on the other.
        """
        self._surroundings = surroundings
        self._palettes = {side: surroundings.palette(side) for side in Side}
        self._strengths = {
            Side.TRAIN: strength or TRAINING,
            Side.VALIDATION: strength or VALIDATION,
        }

    def render(self, task: RenderTask) -> list[Scene] | list[Stream]:
        """Do one task; the same task gives the same features."""
        if isinstance(task, SceneTask):
            clip = _utterance(task)
            return [self._scene(task, clip, variant) for variant in range(task.variants)]
        recipe = self.draw(task)
        assert not isinstance(recipe, SceneRecipe)
        take = self.take(task, recipe)
        spans = np.array(take.spans, np.int64) // HOP_SAMPLES
        return [
            Stream(
                features(take.pcm).astype(np.float16),
                spans.astype(np.int32).reshape(-1, 2),
                np.array(task.clip_ids if isinstance(task, StreamTask) else (), np.int64),
                recipe,
            )
        ]

    def _scene(self, task: SceneTask, clip: Utterance, variant: int) -> Scene:
        recipe = self.draw(task, variant)
        assert isinstance(recipe, SceneRecipe)
        take = self._take_scene(clip, recipe)
        start, end = (at // HOP_SAMPLES for at in take.spans[0])
        heard = features(take.pcm)[max(0, start - KEPT_FRAMES) :].astype(np.float16)
        start, end = min(start, KEPT_FRAMES), end - max(0, start - KEPT_FRAMES)
        return Scene(heard, start, end, task.clip_id, recipe)

    def draw(self, task: RenderTask, variant: int = 0) -> SomeRecipe:
        """Return the recipe of a task, for a scene of one of its variants."""
        palette, strength = self._palettes[task.side], self._strengths[task.side]
        if isinstance(task, SceneTask):
            return draw_scene(
                np.random.default_rng([*task.seed, variant]),
                palette,
                bystanders=len(self._surroundings.speech),
                boundaries=len(task.boundaries_s),
                strength=strength,
            )
        rng = np.random.default_rng(task.seed)
        if isinstance(task, StreamTask):
            return draw_stream(rng, palette, len(task.paths), strength)
        return draw_ambient(rng, palette, task.seconds, strength)

    def take(self, task: RenderTask, recipe: SomeRecipe) -> Take:
        """Make the audio of a recipe.

        Args:
            task: names the clips; its seed and variants do not matter.
            recipe: as drawn for such a task.

        Raises:
            SoundMissingError: the recipe names a room or a noise that is not here.
            ValueError: a clip cannot be used.
        """
        if isinstance(task, SceneTask) and isinstance(recipe, SceneRecipe):
            return self._take_scene(_utterance(task), recipe)
        if isinstance(task, StreamTask) and isinstance(recipe, StreamRecipe):
            return self._take_stream(task.paths, recipe)
        assert isinstance(task, AmbientTask)
        assert isinstance(recipe, AmbientRecipe)
        return self._take_ambient(recipe)

    def _talk(self, talk: Talk, samples: int) -> Waveform:
        """Return up to `samples` of somebody else's speech."""
        clip = self._surroundings.speech[talk.clip]
        start = int(talk.moment * max(0, len(clip) - samples))
        return clip[start : start + samples] * _gain(talk.level_db)

    def _take_scene(self, clip: Utterance, recipe: SceneRecipe) -> Take:
        words = vary_voice(clip, recipe.voice)
        before = np.zeros(_samples(recipe.before_s), np.float32)
        after = np.zeros(_samples(recipe.after_s), np.float32)
        if recipe.talk_before:
            stop = len(before) - _samples(recipe.talk_before.gap_s)
            talk = self._talk(recipe.talk_before, stop)
            before[stop - len(talk) : stop] = talk
        if recipe.talk_after:
            start = _samples(recipe.talk_after.gap_s)
            talk = self._talk(recipe.talk_after, len(after) - start)
            after[start : start + len(talk)] = talk
        first, end = len(before), len(before) + len(words.waveform)
        pcm = record(
            np.concatenate([before, words.waveform, after]),
            recipe.recording,
            self._surroundings,
            spoken=[(first, end)],
            speech_rms=1.0,
        )
        return Take(pcm, ((first + words.span[0], first + words.span[1]),))

    def _take_stream(self, paths: tuple[Path, ...], recipe: StreamRecipe) -> Take:
        parts: list[Waveform] = []
        spans, position = [], 0
        for path, voice, level_db, pause_s in zip(
            paths, recipe.voices, recipe.levels_db, recipe.pauses_s, strict=False
        ):
            words = vary_voice(Utterance(read_speech(path)), voice).waveform * _gain(level_db)
            parts += [np.zeros(_samples(pause_s), np.float32), words]
            position += len(parts[-2])
            spans.append((position, position + len(words)))
            position += len(words)
        parts.append(np.zeros(_samples(recipe.pauses_s[-1]), np.float32))
        pcm = record(np.concatenate(parts), recipe.recording, self._surroundings, spoken=spans)
        return Take(pcm, tuple(spans))

    def _take_ambient(self, recipe: AmbientRecipe) -> Take:
        samples = _samples(recipe.seconds)
        scene = np.zeros(samples, np.float32)
        for source in recipe.sources:
            scene += self._surroundings.noise(source, samples)
        pcm = record(
            scene, recipe.recording, self._surroundings, spoken=[(0, samples)], speech_rms=1.0
        )
        return Take(pcm, ())
