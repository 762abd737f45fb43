"""A random generator in, the recipe of a whole scene, stream or silence out.

See `trainer.recipe` for the recipes that these are made of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trainer.recipe import (
    MEASURED,
    RECORDED,
    TRAINING,
    NoiseRecipe,
    Palette,
    RecordingRecipe,
    Strength,
    VoiceRecipe,
    draw_noise,
    draw_recording,
    draw_voice,
)

if TYPE_CHECKING:
    import numpy as np

BEFORE_S = (2.0, 7.0)
"""Audio in front of a phrase: the front end's gain control goes on adapting for seconds. The phrase
may begin anywhere in a step of the detector."""
AFTER_S = (0.9, 1.3)
CONTEXT_SHARE = 0.4
"""Share of scenes in which somebody talks right before the phrase, and as many right after."""
GAP_S = (0.05, 0.5)
PAUSE_S = (0.08, 1.2)
FIRST_PAUSE_S = (0.3, 0.6)
LAST_PAUSE_S = (0.6, 0.8)
STREAM_WARP_SHARE = 0.25
"""Sentences are long and many: warping half of them would be most of the work."""
LEVEL_DB = (-6.0, 6.0)
SECOND_SOURCE_SHARE = 0.3


@dataclass(frozen=True)
class Talk:
    """Somebody else speaks beside the phrase."""

    clip: int
    """Number of the bystander's clip."""
    moment: float
    """0…1: where in the clip it starts, as far as the rest fills the time."""
    level_db: float
    gap_s: float
    """Between it and the phrase."""


@dataclass(frozen=True)
class SceneRecipe:
    """How one recording with one phrase is made."""

    voice: VoiceRecipe
    before_s: float
    after_s: float
    recording: RecordingRecipe
    talk_before: Talk | None = None
    talk_after: Talk | None = None


@dataclass(frozen=True)
class StreamRecipe:
    """How one recording with several clips is made."""

    voices: tuple[VoiceRecipe, ...]
    levels_db: tuple[float, ...]
    pauses_s: tuple[float, ...]
    """Before each clip, and at the end."""
    recording: RecordingRecipe


@dataclass(frozen=True)
class AmbientRecipe:
    """How one recording without speech is made."""

    seconds: float
    sources: tuple[NoiseRecipe, ...]
    recording: RecordingRecipe


SomeRecipe = SceneRecipe | StreamRecipe | AmbientRecipe


def sounds_in(recipe: SomeRecipe) -> set[str]:
    """Return the names of the recorded noises and measured rooms that a recipe uses."""
    noises = [*recipe.recording.noises]
    if isinstance(recipe, AmbientRecipe):
        noises += recipe.sources
    names = {n.kind.removeprefix(RECORDED) for n in noises if n.kind.startswith(RECORDED)}
    room = recipe.recording.room or ""
    return names | ({room.removeprefix(MEASURED)} if room.startswith(MEASURED) else set())


def draw_scene(
    rng: np.random.Generator,
    palette: Palette,
    *,
    bystanders: int,
    boundaries: int = 0,
    strength: Strength = TRAINING,
) -> SceneRecipe:
    """Draw a scene.

    Args:
        rng: decides.
        palette: rooms and noises.
        bystanders: how many clips of other people there are.
        boundaries: how many places between words of the phrase are known.
        strength: how often and how far.
    """

    def talk() -> Talk | None:
        if not bystanders or rng.random() >= CONTEXT_SHARE:
            return None
        return Talk(
            int(rng.integers(bystanders)),
            float(rng.random()),
            float(rng.uniform(*LEVEL_DB)),
            float(rng.uniform(*GAP_S)),
        )

    return SceneRecipe(
        voice=draw_voice(rng, strength, boundaries),
        before_s=float(rng.uniform(*BEFORE_S)),
        after_s=float(rng.uniform(*AFTER_S)),
        talk_before=talk(),
        talk_after=talk(),
        recording=draw_recording(rng, palette, strength),
    )


def draw_stream(
    rng: np.random.Generator, palette: Palette, clips: int, strength: Strength = TRAINING
) -> StreamRecipe:
    """Draw a stream of so many clips."""
    softer = replace(strength, warp_share=min(strength.warp_share, STREAM_WARP_SHARE))
    first, last = rng.uniform(*FIRST_PAUSE_S), rng.uniform(*LAST_PAUSE_S)
    between = rng.uniform(*PAUSE_S, max(0, clips - 1)).tolist()
    return StreamRecipe(
        voices=tuple(draw_voice(rng, softer) for _ in range(clips)),
        levels_db=tuple(rng.uniform(*LEVEL_DB, clips).tolist()),
        pauses_s=(float(first), *between, float(last)),
        recording=draw_recording(rng, palette, softer),
    )


def draw_ambient(
    rng: np.random.Generator, palette: Palette, seconds: float, strength: Strength = TRAINING
) -> AmbientRecipe:
    """Draw a recording of so many seconds in which nobody speaks to the device."""
    count = 2 if rng.random() < SECOND_SOURCE_SHARE else 1
    return AmbientRecipe(
        seconds=seconds,
        sources=tuple(draw_noise(rng, palette, 0.0, strength) for _ in range(count)),
        recording=draw_recording(rng, replace(palette, babble=False), strength),
    )
