"""Scenes of the phrase and streams in, scenes in which others say something else instead out.

A network that has only heard the phrase after a silence, and people in the midst of talking, takes
"somebody speaks at last" for half of the phrase (docs/decisions/0020). Fragments of what people
said show it otherwise, where there are recordings of people. Where there are none, or few, this
does: put together from features, it needs no ears and renders nothing (docs/decisions/0027).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.halves import ECHO_FRAMES
from trainer.render import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.render import Stream

GOES_ON = 0.5
"""Share of the scenes in which whoever begins goes on; in the others they stop as a phrase does."""
BEHIND_FRAMES = 120
"""Kept behind where the phrase would end: what a window of training can reach."""


class _Said(NamedTuple):
    """A clip in its stream."""

    features: NDArray[np.float16]
    """[frames, 40], from its first frame to the end of its stream."""
    frames: int
    """Of the clip."""
    clip_id: int


def other_speech(
    count: int, phrases: Sequence[Scene], streams: Sequence[Stream], rng: np.random.Generator
) -> tuple[Scene, ...]:
    """Return scenes in which somebody else speaks where the phrase would begin.

    Half of them go on; the others say as much as the phrase is long, half of these from the middle
    of what they say.

    Args:
        count: how many; fewer where hardly anybody has that much to say.
        phrases: whatever is around the phrase in them is around the others.
        streams: what is said in them.
        rng: decides who speaks where.

    Returns:
        Scenes whose frames are those of the phrase that is missing, and whose clip is the other.
    """
    spoken = [
        _Said(stream.features[start:], int(end - start), int(clip))
        for stream in streams
        for (start, end), clip in zip(stream.spans, stream.clip_ids, strict=True)
    ]
    with_the_rest = np.array([len(said.features) for said in spoken])
    by_themselves = np.array([said.frames for said in spoken])
    made = []
    for _ in range(count):
        scene = phrases[int(rng.integers(len(phrases)))]
        frames = scene.end_frame - scene.start_frame
        goes_on = rng.random() < GOES_ON
        able = np.flatnonzero(
            with_the_rest >= frames + BEHIND_FRAMES
            if goes_on
            else by_themselves >= frames + ECHO_FRAMES
        )
        if len(able):
            said = spoken[int(rng.choice(able))]
            made.append(_going_on(scene, said) if goes_on else _stopping(scene, said, rng))
    return tuple(made)


def _going_on(scene: Scene, said: _Said) -> Scene:
    frames = scene.end_frame - scene.start_frame + BEHIND_FRAMES
    features = np.concatenate([scene.features[: scene.start_frame], said.features[:frames]])
    return Scene(features, scene.start_frame, scene.end_frame, said.clip_id)


def _stopping(scene: Scene, said: _Said, rng: np.random.Generator) -> Scene:
    features = scene.features.copy()
    place = features[scene.start_frame : scene.end_frame + ECHO_FRAMES]
    room = said.frames - len(place)
    at = int(rng.integers(room + 1)) * int(rng.random() < 0.5)
    place[:] = said.features[at : at + len(place)]
    return Scene(features, scene.start_frame, scene.end_frame, said.clip_id)
