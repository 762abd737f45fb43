"""A network and the validation side in, a verdict out: what chooses checkpoints and thresholds.

The rates here come from synthetic voices that training never heard. They rank checkpoints and
place the first operating points; `trainer.evaluate` measures what ships on recordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from trainer.half_floats import padded
from trainer.rates import Scores, count_false_accepts, threshold_allowing
from watchword_runtime.decision import refractory_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.dataset import Examples
    from trainer.model import TinyCRNN

SMOOTHING_CHOICES = (3, 6, 10)
"""Steps whose mean decides: 0.09, 0.18 and 0.3 s. Longer means steadier and later."""
SHORTER_GAINS = 0.02
"""A shorter mean must cost so much less than the longest: validation has a hundred phrases, and on
people the longest was the best for every network that was looked at (docs/accuracy.md)."""
SMOOTHING_STEPS = 6
"""The decision is made on the mean of so many logits."""
REFRACTORY_S = 2.0
LATE_S = 0.6
"""A detection counts up to this long after the end of a phrase or of a near-miss."""
JUDGED_RATES = (2.0, 8.0, 30.0)
"""False accepts per hour at which checkpoints are compared: low enough to matter, high enough to
be counted in the minutes of negatives that a validation has."""
NEAR_WEIGHT = 0.5
BATCH = 32


@dataclass(frozen=True)
class Verdict:
    """How a network does on validation voices."""

    miss_rates: tuple[float, ...]
    """At JUDGED_RATES."""
    near_accepted: float
    """Share of near-misses accepted at the first of JUDGED_RATES."""
    false_accepts_per_hour: float
    """At a threshold of 0.5."""
    cost: float
    """What is compared: lower is better."""

    def live(self) -> dict[str, float]:
        """Return the figures that a progress chart shows."""
        return {
            "miss_rate": self.miss_rates[0],
            "near_accepted": self.near_accepted,
            "false_accepts_per_hour": self.false_accepts_per_hour,
        }


@dataclass(frozen=True)
class ValidationScores:
    """Smoothed logits of every validation example."""

    positives: NDArray[np.float32]
    """[scenes], the loudest step around the phrase."""
    near: NDArray[np.float32]
    """[near-misses], the loudest step around each."""
    near_clip_ids: NDArray[np.int64]
    plain: tuple[Scores, ...]
    """[steps] of each plain stream."""
    hours: float
    step_s: float
    smoothing_steps: int

    @property
    def refractory_steps(self) -> int:
        """REFRACTORY_S in steps."""
        return refractory_steps(REFRACTORY_S, self.step_s)

    def threshold_for(self, rate_per_hour: float) -> float:
        """Return the lowest logit that keeps the plain streams within a rate."""
        allowed = int(rate_per_hour * self.hours)
        return threshold_allowing(allowed, self.plain, self.refractory_steps)

    def false_accepts(self, logit: float) -> int:
        """Count detections in the plain streams at a threshold."""
        return count_false_accepts(self.plain, logit, self.refractory_steps)


def smooth(logits: NDArray[np.float32], steps: int = SMOOTHING_STEPS) -> NDArray[np.float32]:
    """Return the mean of the last `steps` logits at each step, as the runtime's detector does."""
    sums = np.cumsum(np.concatenate([np.zeros(1), logits.astype(np.float64)]))
    last = np.arange(1, len(logits) + 1)
    first = np.maximum(last - steps, 0)
    return ((sums[last] - sums[first]) / (last - first)).astype(np.float32)


@torch.no_grad()
def batch_logits(
    model: TinyCRNN, features: Sequence[NDArray[np.float16]]
) -> list[NDArray[np.float32]]:
    """Return logits [steps] for each stream; padding behind a causal network changes nothing."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    order = np.argsort([len(item) for item in features], kind="stable")
    out: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(features)
    per_step = model.config.frames_per_step
    for first in range(0, len(order), BATCH):
        rows = order[first : first + BATCH]
        batch = padded([features[row] for row in rows])
        logits = model(torch.from_numpy(batch).to(device)).cpu().numpy()
        for place, row in enumerate(rows):
            out[row] = logits[place, : len(features[row]) // per_step]
    model.train(was_training)
    return out


def score(
    model: TinyCRNN, examples: Examples, smoothing_steps: int = SMOOTHING_STEPS
) -> ValidationScores:
    """Run a network over every validation example, as streams."""
    per_step = model.config.frames_per_step
    late = round(LATE_S * 100)

    def loudest(logits: NDArray[np.float32], start: int, end: int) -> float:
        scores = smooth(logits, smoothing_steps)[start // per_step : (end + late) // per_step + 1]
        return float(scores.max()) if len(scores) else -np.inf

    scenes = examples.positives
    positives = [
        loudest(logits, scene.start_frame, scene.end_frame)
        for scene, logits in zip(
            scenes, batch_logits(model, [scene.features for scene in scenes]), strict=True
        )
    ]
    near, ids = [], []
    for stream, logits in zip(
        examples.near, batch_logits(model, [s.features for s in examples.near]), strict=True
    ):
        near += [loudest(logits, int(start), int(end)) for start, end in stream.spans]
        ids.append(stream.clip_ids)
    plain = batch_logits(model, [stream.features for stream in examples.plain])
    return ValidationScores(
        positives=np.array(positives, np.float32),
        near=np.array(near, np.float32),
        near_clip_ids=np.concatenate(ids) if ids else np.zeros(0, np.int64),
        plain=tuple(smooth(logits, smoothing_steps) for logits in plain),
        hours=examples.negative_hours,
        step_s=per_step / 100,
        smoothing_steps=smoothing_steps,
    )


def choose_smoothing(model: TinyCRNN, examples: Examples) -> int:
    """Return the smoothing that costs clearly least, else the longest: noise disturbs it least."""
    longest = max(SMOOTHING_CHOICES)
    costs = {steps: judge(model, examples, steps).cost for steps in SMOOTHING_CHOICES}
    best = min(SMOOTHING_CHOICES, key=lambda steps: costs[steps])
    return best if costs[best] < costs[longest] - SHORTER_GAINS else longest


def judge(model: TinyCRNN, examples: Examples, smoothing_steps: int = SMOOTHING_STEPS) -> Verdict:
    """Return how a network does; the mean miss rate over JUDGED_RATES and the near-misses count."""
    scores = score(model, examples, smoothing_steps)
    thresholds = [scores.threshold_for(rate) for rate in JUDGED_RATES]
    misses = tuple(float(np.mean(scores.positives < threshold)) for threshold in thresholds)
    near = float(np.mean(scores.near >= thresholds[0])) if len(scores.near) else 0.0
    return Verdict(
        miss_rates=misses,
        near_accepted=near,
        false_accepts_per_hour=scores.false_accepts(0.0) / max(scores.hours, 1e-9),
        cost=float(np.mean(misses)) + NEAR_WEIGHT * near,
    )
