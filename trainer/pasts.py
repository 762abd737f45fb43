"""Streams and the network of the moment in, the states out that it is in wherever a window begins.

A window of training is three seconds long, a device listens for days. A network that only ever
began its windows afresh goes, in a long stream, into states that no window showed it: on the very
streams that it had learnt from, one fired ten times as often as on windows cut out of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from trainer.half_floats import padded
from trainer.validation import BATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.model import TinyCRNN


class StreamStates:
    """Remembers the GRU's state at many places of many streams, each after its stream's past."""

    def __init__(
        self, streams: Sequence[NDArray[np.float16]], places: NDArray[np.int64], hidden: int
    ) -> None:
        """Begin with the states of a network that was just switched on.

        Args:
            streams: features [frames, channels] of each stream.
            places: [places, 2], a stream's number and a frame of it.
            hidden: width of the GRU.
        """
        self._streams = streams
        self._places = places
        self._rows = [np.flatnonzero(places[:, 0] == number) for number in range(len(streams))]
        self._states = np.zeros((len(places), hidden), np.float32)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the states [places, hidden] at these places."""
        return self._states[places]

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the states [count, hidden] at random places."""
        return self._states[rng.integers(len(self._states), size=count)]

    def forget(self) -> None:
        """Go back to the states of a network that was just switched on."""
        self._states[:] = 0.0

    @torch.no_grad()
    def refresh(self, model: TinyCRNN, share: float, rng: np.random.Generator) -> None:
        """Run a share of the streams through the network, each from where another one left it.

        So the pasts grow longer with every refresh, as they do on a device.
        """
        was_training = model.training
        model.eval()
        count = max(1, round(share * len(self._streams)))
        chosen = rng.choice(len(self._streams), size=count, replace=False)
        order = sorted(chosen, key=lambda number: len(self._streams[number]))
        for first in range(0, len(order), BATCH):
            self._hear(model, order[first : first + BATCH], rng)
        model.train(was_training)

    def _hear(self, model: TinyCRNN, numbers: Sequence[int], rng: np.random.Generator) -> None:
        """Run some streams, padded behind to one length, and keep the states at their places."""
        before = self.draw(len(numbers), rng)
        device = next(model.parameters()).device
        features = torch.from_numpy(padded([self._streams[n] for n in numbers])).to(device)
        heard = model.encode(features, torch.from_numpy(before).to(device)).cpu().numpy()
        for number, past, states in zip(numbers, before, heard, strict=True):
            rows = self._rows[number]
            steps_before = self._places[rows, 1] // model.config.frames_per_step
            states_from_start = np.concatenate([past[None], states])
            self._states[rows] = states_from_start[steps_before]
