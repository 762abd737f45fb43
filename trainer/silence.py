"""A network in, the states that silence leaves it in out: how windows of training begin.

On a device the network has been running for hours when somebody speaks, and the front end maps a
quiet room, or steady noise, to nothing. A network that was only ever just switched on when its
windows began is hard of hearing after a quiet minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from trainer.model import TinyCRNN

SILENT_SHARE = 0.4
"""Windows that begin after silence, of those that begin after nothing else (`trainer.pasts`); the
others begin as on a device that was just switched on."""
SILENCES = 32
FRAMES = (60, 900)
REFRESH_EVERY = 25
"""Draws after which silence is heard anew: the network changes."""


class SilentStates:
    """Draws the states of the GRU that windows begin in."""

    def __init__(self, model: TinyCRNN) -> None:
        self._model = model
        self._states = torch.zeros(SILENCES, model.config.hidden, device=_device(model))
        self._draws = 0

    def draw(self, count: int, rng: np.random.Generator) -> Tensor:
        """Return states [count, hidden]; zeros for the windows that begin with a fresh network."""
        if self._draws % REFRESH_EVERY == 0:
            self._hear(int(rng.integers(*FRAMES)))
        self._draws += 1
        rows = torch.from_numpy(rng.integers(SILENCES, size=count))
        silent = torch.from_numpy(rng.random((count, 1)) < SILENT_SHARE).to(self._states)
        return self._states[rows] * silent

    @torch.no_grad()
    def _hear(self, frames: int) -> None:
        """Let the network hear nothing for so long, half of it from where it was before."""
        start = self._states.clone()
        start[::2] = 0.0
        silence = start.new_zeros(SILENCES, frames, self._model.config.channels)
        training = self._model.training
        self._model.eval()
        self._states = self._model.listen(silence, start)[1]
        self._model.train(training)


def _device(model: TinyCRNN) -> torch.device:
    return next(model.parameters()).device
