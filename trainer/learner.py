"""A network and its losses in, better weights and their running average out, step by step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.model import TinyCRNN

WARM_UP_SHARE = 0.05
"""Share of the steps in which the learning rate rises."""
MOST_GRADIENT = 5.0


class LearningConfig(Protocol):
    """The numbers that every training has."""

    @property
    def steps(self) -> int:
        """Optimiser steps."""

    @property
    def learning_rate(self) -> float:
        """The highest of the cycle."""

    @property
    def weight_decay(self) -> float:
        """Of AdamW."""

    @property
    def average_decay(self) -> float:
        """Share of the running average that a step leaves as it was."""


class Learner:
    """AdamW, one cycle of the learning rate, clipped gradients, and a running average of weights.

    Args:
        model: learns in place.
        config: the recipe's numbers.
    """

    def __init__(self, model: TinyCRNN, config: LearningConfig) -> None:
        self.average = copy.deepcopy(model).eval()
        """What is judged and kept."""
        self._model, self._config = model, config
        self._steps = 0
        self._optimiser = torch.optim.AdamW(
            model.learning, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser,
            config.learning_rate,
            total_steps=config.steps,
            pct_start=WARM_UP_SHARE,
            cycle_momentum=False,
        )

    def step(self, loss: Tensor) -> None:
        """Take one step down a loss of the model."""
        self.follow(torch.autograd.grad(loss, self._model.learning))

    def follow(self, gradients: Sequence[Tensor]) -> None:
        """Take one step against gradients, one for each parameter that learns."""
        for parameter, gradient in zip(self._model.learning, gradients, strict=True):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(self._model.learning, MOST_GRADIENT)
        self._optimiser.step()
        self._schedule.step()
        self._steps += 1
        young = (1 + self._steps) / (10 + self._steps)
        update_average(self.average, self._model, min(self._config.average_decay, young))


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights a little towards the current ones; counters are copied."""
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
