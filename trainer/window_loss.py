"""Step logits of a batch in, its loss out: one logit a window, and what a stream adds to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from trainer.train import TrainConfig


def window_logits(logits: Tensor, ends: Tensor, length: int) -> Tensor:
    """Pool step logits [batch, steps] to one logit a window: log-mean-exp over the target time.

    Args:
        logits: of the network.
        ends: int64 [batch], the step in which the phrase ends.
        length: steps of the target time.
    """
    index = ends.unsqueeze(1) + torch.arange(length, device=logits.device)
    picked = logits.gather(1, index.clamp(0, logits.shape[1] - 1))
    return torch.logsumexp(picked, dim=1) - math.log(length)


class WindowLoss(nn.Module):
    """Binary cross-entropy on the windows' logits, with what a stream adds to it.

    A positive window: its logit is the log-mean-exp over the time after the phrase's end; steps
    before most of the phrase was said count as negative. A negative window has no moment that
    matters more than another: the mean of all steps and of the loudest few.
    """

    negative_weight: float
    """Of negative windows against positive ones; it begins as 1."""

    def __init__(self, config: TrainConfig, frames_per_step: int) -> None:
        super().__init__()
        self._config = config
        self._length = round(config.target_window_s * 100 / frames_per_step)
        self._bce = nn.BCEWithLogitsLoss()
        self.negative_weight = 1.0

    def forward(self, logits: Tensor, early_until: Tensor, ends: Tensor) -> Tensor:
        """Return the loss of a batch whose first len(ends) windows are the positives.

        Args:
            logits: [batch, steps].
            early_until: int64 [positives], the first step in which the phrase may be heard.
            ends: int64 [positives].
        """
        config = self._config
        positive, negative = logits[: len(ends)], logits[len(ends) :]
        pooled = window_logits(positive, ends, self._length)
        hit = self._bce(pooled, torch.ones_like(pooled))
        steps = torch.arange(logits.shape[1], device=logits.device)
        early = positive[steps.unsqueeze(0) < early_until.unsqueeze(1)]
        early_loss = self._bce(early, torch.zeros_like(early)) if len(early) else hit * 0
        worst = negative.topk(config.worst_steps, dim=1).values
        silent = self._bce(negative, torch.zeros_like(negative))
        loud = self._bce(worst, torch.zeros_like(worst))
        return hit + config.early_weight * early_loss + self.negative_weight * (silent + loud)


def heavier(weight: float, false_accepts_per_hour: float, config: TrainConfig) -> float:
    """Return what negatives weigh from now on: more while there are too many false accepts."""
    if false_accepts_per_hour <= config.target_rate_per_hour:
        return weight
    return min(weight * config.negative_growth, config.most_negative_weight)
