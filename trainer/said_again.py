"""Scenes in, the states out of a network that heard the phrase in each of them a moment before.

Who is not understood says it again. A network that never met a phrase after a phrase was deaf for
seconds once it had heard it (docs/decisions/0019-the-phrase-is-said-again.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.pasts import StreamStates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.model import TinyCRNN
    from trainer.render import Scene

SCENES = 256
"""So many are heard again and again: all would cost more than the training."""
LEAD_FRAMES = 30
"""Heard before the first saying."""
GRID_FRAMES = 25
SHORTEST_GAP_FRAMES = 40
"""Between the end of a scene, about a second behind its phrase, and the phrase said again."""


def twice(scene: Scene, rng: np.random.Generator) -> NDArray[np.float16]:
    """Return the features of a scene in which the phrase is said, and said again after a while."""
    return np.concatenate([scene.features, scene.features[_gap_from(scene, rng) :]])


def _gap_from(scene: Scene, rng: np.random.Generator) -> int:
    """Draw the frame of a scene's beginning at which the time before the second saying begins."""
    return int(rng.integers(max(1, scene.start_frame - SHORTEST_GAP_FRAMES)))


class SaidAgain:
    """Scenes whose phrase was said just before, by the same voice in the same surroundings."""

    def __init__(self, scenes: Sequence[Scene], hidden: int, rng: np.random.Generator) -> None:
        """Choose scenes and the gap of each.

        Args:
            scenes: of the phrase.
            hidden: width of the network's GRU.
            rng: decides.
        """
        chosen = rng.permutation(len(scenes))[:SCENES]
        self.scenes = [scenes[number] for number in chosen]
        streams: list[NDArray[np.float16]] = []
        places: list[tuple[int, int]] = []
        self._first_place: list[int] = []
        self._gap_from: list[int] = []
        for number, scene in enumerate(self.scenes):
            begins = _gap_from(scene, rng)
            said = scene.features[max(0, scene.start_frame - LEAD_FRAMES) :]
            streams.append(np.concatenate([said, scene.features[begins : scene.start_frame]]))
            self._first_place.append(len(places))
            self._gap_from.append(begins)
            places += [
                (number, len(said) + at)
                for at in range(0, scene.start_frame - begins + 1, GRID_FRAMES)
            ]
        self._states = StreamStates(streams, np.array(places, np.int64), hidden)
        self._ends = [*self._first_place[1:], len(places)]

    def past(self, number: int, frame: int) -> NDArray[np.float32]:
        """Return the state [hidden] before a frame of a scene whose phrase was just said."""
        place = self._first_place[number] + max(0, frame - self._gap_from[number]) // GRID_FRAMES
        return self._states[np.array([min(place, self._ends[number] - 1)])][0]

    def refresh(self, model: TinyCRNN, rng: np.random.Generator) -> None:
        """Let the network of the moment hear all of it."""
        self._states.refresh(model, 1.0, rng)

    def forget(self) -> None:
        """Go back to the states of a network that was just switched on."""
        self._states.forget()
