"""Networks and the streams that they learnt from in, one that says what they say on average out.

Trainings that differ only in their draws differ by much, and where they err they err differently:
the mean of their outputs is better than any of them (docs/accuracy.md). A device runs one network,
so one of them learns to say what the mean says, on whole streams, as a device hears them.

Method: G. Hinton et al., "Distilling the knowledge in a neural network", 2015.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from trainer.learner import Learner
from trainer.validation import batch_logits
from trainer.windows import mask_channels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from trainer.dataset import Examples
    from trainer.model import TinyCRNN


@dataclass(frozen=True)
class DistilConfig:
    """How the mean of several networks is learnt."""

    steps: int = 900
    """About three times through everything, for the preset `quick`."""
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    temperature: float = 3.0
    """Logits are divided by it, so that near-misses are told from silence."""
    most_logit: float = 8.0
    """What is beyond, on either side, says no more."""
    attention: float = 4.0
    """How much more a step counts in which the teachers hear the phrase."""
    attention_from_logit: float = -2.0
    """Where half of that begins."""
    batch_frames: int = 18_000
    """Three minutes of streams, their padding included."""
    average_decay: float = 0.99
    mask_share: float = 0.15
    mask_channels: int = 6


def distil(
    student: TinyCRNN,
    teachers: Sequence[TinyCRNN],
    examples: Examples,
    config: DistilConfig,
    *,
    rng: np.random.Generator,
    tell: Callable[[int, float], None],
) -> TinyCRNN:
    """Let a network learn what others say on average.

    Args:
        student: where it starts from; it is left as it is.
        teachers: of the same shape of output.
        examples: what they learnt from.
        config: the recipe.
        rng: decides order and masks.
        tell: is told of steps and loss.
    """
    streams = [scene.features for scene in (*examples.positives, *examples.alone)]
    streams += [stream.features for stream in (*examples.near, *examples.plain)]
    targets = mean_logits(teachers, streams, config.most_logit)
    model = copy.deepcopy(student).train()
    learner = Learner(model, config)
    device = next(model.parameters()).device
    batches = draw_batches([len(stream) for stream in streams], config.batch_frames, rng)
    for step in range(1, config.steps + 1):
        rows = next(batches)
        features, wanted, there = _padded([streams[r] for r in rows], [targets[r] for r in rows])
        masked = mask_channels(features, config.mask_share, config.mask_channels, rng)
        said, _ = model.listen(torch.from_numpy(masked).to(device))
        loss = _difference(said, wanted.to(device), there.to(device), config)
        learner.step(loss)
        if step % 20 == 0 or step == config.steps:
            tell(step, float(loss.detach()))
    return learner.average


def mean_logits(
    teachers: Sequence[TinyCRNN], streams: Sequence[NDArray[np.float16]], most: float
) -> list[NDArray[np.float32]]:
    """Return the mean of the teachers' logits [steps] for each stream, each within ±`most`."""
    sums = [np.zeros(1, np.float32)] * len(streams)
    for teacher in teachers:
        heard = batch_logits(teacher, streams)
        sums = [total + logits for total, logits in zip(sums, heard, strict=True)]
    return [np.clip(total / len(teachers), -most, most) for total in sums]


def draw_batches(
    lengths: Sequence[int], most: int, rng: np.random.Generator
) -> Iterator[list[int]]:
    """Yield numbers of streams of like length, again and again through all, without end.

    Args:
        lengths: frames of each stream.
        most: frames of a batch when all of its streams are padded to the longest; a stream that is
            longer is a batch of its own.
        rng: decides who is with whom, and the order.
    """
    while True:
        order = np.argsort(np.array(lengths) * rng.uniform(0.8, 1.25, len(lengths)))
        batches: list[list[int]] = [[]]
        longest = 0
        for number in order.tolist():
            longest = max(longest, lengths[number])
            if batches[-1] and longest * (len(batches[-1]) + 1) > most:
                batches.append([])
                longest = lengths[number]
            batches[-1].append(number)
        for at in rng.permutation(len(batches)):
            yield batches[at]


def _padded(
    streams: Sequence[NDArray[np.float16]], targets: Sequence[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], torch.Tensor, torch.Tensor]:
    """Return features [streams, frames, 40], targets [streams, steps] and where there are any."""
    frames, steps = max(map(len, streams)), max(map(len, targets))
    features = np.zeros((len(streams), frames, streams[0].shape[1]), np.float32)
    wanted = np.zeros((len(streams), steps), np.float32)
    there = np.zeros((len(streams), steps), bool)
    for row, (stream, target) in enumerate(zip(streams, targets, strict=True)):
        features[row, : len(stream)] = stream
        wanted[row, : len(target)] = target
        there[row, : len(target)] = True
    return features, torch.from_numpy(wanted), torch.from_numpy(there)


def _difference(
    said: torch.Tensor, wanted: torch.Tensor, there: torch.Tensor, config: DistilConfig
) -> torch.Tensor:
    """Return the cross-entropy of softened logits; loud steps count more, padding nothing."""
    weight = 1 + config.attention * torch.sigmoid(wanted - config.attention_from_logit)
    each = nn.functional.binary_cross_entropy_with_logits(
        said / config.temperature,
        torch.sigmoid(wanted / config.temperature),
        weight=weight * there,
        reduction="sum",
    )
    return each / (weight * there).sum()
