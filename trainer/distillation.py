"""Networks and the streams that they learnt from in, one that says what they say on average out.

Trainings that differ only in their draws differ by much, and so does what one network says of a
longer and of a shorter throat saying the same. Where they err they err differently: the mean of the
outputs of all networks for all throats is better than any of them (docs/decisions/0024). A device
runs one network once, so one of them learns to say what the mean says, on whole streams, as a
device hears them, whichever throat it is shown and whatever sounds beside it. Then it learns from
itself in the same way (docs/decisions/0025).

Method: G. Hinton et al., "Distilling the knowledge in a neural network", 2015.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from trainer.feature_noise import FeatureNoise, Noises
from trainer.feature_warp import shift_channels
from trainer.half_floats import padded
from trainer.halves import Halves, Window
from trainer.learner import Learner
from trainer.side_threads import AT_ONCE, side_threads
from trainer.validation import batch_logits
from trainer.windows import mask_channels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor, Future

    from numpy.typing import NDArray

    from trainer.dataset import Examples
    from trainer.model import TinyCRNN


STREAMS_AT_ONCE = 512
"""Of which a moved copy is in memory."""


@dataclass(frozen=True)
class DistilConfig:
    """How the mean of several networks is learnt."""

    rounds: int = 2
    """In all but the first, a network is its own teacher."""
    steps: int = 900
    """Of each round: about twice through everything, for the preset `quick`."""
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    temperature: float = 3.0
    """Logits are divided by it, so that near-misses are told from silence."""
    most_logit: float = 8.0
    """What is beyond, on either side, says no more."""
    most_for_others: float = -2.0
    """Whatever the teachers take for the phrase where nobody says it: it is learnt as no more."""
    throats: tuple[float, ...] = (-0.7, 0.0, 0.7)
    """The teachers hear each stream moved by so many channels, and their mean counts."""
    throat_share: float = 0.7
    """Share of the streams that the student hears moved."""
    throat_channels: float = 1.0
    """By up to so many channels, either way."""
    noise: FeatureNoise = field(default_factory=FeatureNoise)
    """The student hears most streams among other sounds, and is to say what was said without."""
    halved: float = 1.0
    """Of the phrases, how many are also shown with one half said otherwise (`trainer.halves`)."""
    attention: float = 4.0
    """How much more a step counts in which the teachers hear the phrase."""
    attention_from_logit: float = -2.0
    """Where half of that begins."""
    batch_frames: int = 18_000
    """Three minutes of streams, their padding included."""
    average_decay: float = 0.99
    mask_share: float = 0.15
    mask_channels: int = 6

    @property
    def all_steps(self) -> int:
        """Of all rounds."""
        return self.rounds * self.steps


Tell = Callable[[int, Mapping[str, float]], None]
"""Is told of a step of all rounds and its live figures; of the same step, without any, while the
teachers hear what is to be learnt."""


def distil(
    student: TinyCRNN,
    teachers: Sequence[TinyCRNN],
    examples: Examples,
    config: DistilConfig,
    *,
    rng: np.random.Generator,
    tell: Tell,
) -> TinyCRNN:
    """Let a network learn what others say on average.

    Args:
        student: where it starts from; it is left as it is.
        teachers: of the same shape of output.
        examples: what they learnt from.
        config: the recipe.
        rng: decides order, throats and masks.
        tell: may raise to stop the work.
    """
    material = _Material(examples, config, rng)
    for number in range(config.rounds):
        before = number * config.steps

        def tell_of(step: int, live: Mapping[str, float], before: int = before) -> None:
            tell(before + step, live)

        with side_threads() as threads:
            targets = material.targets(teachers, threads, lambda: tell_of(0, {}))
            student = _learn(student, targets, material, threads, rng=rng, tell=tell_of)
        teachers = [student]
    return student


class _Material:
    """What is learnt from: streams, and what may be said of them."""

    def __init__(self, examples: Examples, config: DistilConfig, rng: np.random.Generator) -> None:
        self.config = config
        self.streams = [scene.features for scene in (*examples.positives, *examples.alone)]
        halves = Halves((*examples.near, *examples.plain))
        for scene in examples.positives if config.halved else ():
            if rng.random() < config.halved:
                phrase = Window(scene.features, scene.start_frame, scene.end_frame)
                self.streams.append(halves.other(phrase, rng))
        self.streams += [stream.features for stream in (*examples.near, *examples.plain)]
        self.noises = Noises(examples.plain, config.noise)
        self._most = [config.most_logit] * len(examples.positives)
        self._most += [config.most_for_others] * (len(self.streams) - len(self._most))

    def targets(
        self, teachers: Sequence[TinyCRNN], threads: Executor, waiting: Callable[[], None]
    ) -> list[NDArray[np.float32]]:
        """Return what is to be said of each stream, logits [steps]."""
        config = self.config
        means = mean_logits(
            teachers, self.streams, config.throats, config.most_logit, threads, waiting=waiting
        )
        return [
            np.minimum(mean, np.float32(most)) for mean, most in zip(means, self._most, strict=True)
        ]


def _learn(
    student: TinyCRNN,
    targets: Sequence[NDArray[np.float32]],
    material: _Material,
    threads: Executor,
    *,
    rng: np.random.Generator,
    tell: Tell,
) -> TinyCRNN:
    """Return what a student has become in one round."""
    model = _without_chance(student)
    learner = Learner(model, material.config)
    lessons = _lessons(model, targets, material, threads, rng)
    for step, (loss, gradients) in enumerate(lessons, 1):
        learner.follow(gradients)
        if step % 20 == 0 or step == material.config.steps:
            tell(step, {"loss": loss})
    return learner.average


def _lessons(
    model: TinyCRNN,
    targets: Sequence[NDArray[np.float32]],
    material: _Material,
    threads: Executor,
    rng: np.random.Generator,
) -> Iterator[tuple[float, tuple[torch.Tensor, ...]]]:
    """Yield the loss and the gradients of each step.

    While one is followed the next is under way already, so it is that of the weights of a step
    before; on every machine, so that a training is the same on all of them.
    """
    config, streams = material.config, material.streams

    def lesson(
        copied: TinyCRNN, rows: Sequence[int], rng: np.random.Generator
    ) -> tuple[float, tuple[torch.Tensor, ...]]:
        device = next(copied.parameters()).device
        moved = [shift_channels(streams[r], _throat(config, rng)) for r in rows]
        shown = [material.noises.disguise(stream, rng) for stream in moved]
        wanted, there = _padded_targets([targets[r] for r in rows])
        masked = mask_channels(padded(shown), config.mask_share, config.mask_channels, rng)
        said, _ = copied.listen(torch.from_numpy(masked).to(device))
        loss = _difference(said, wanted.to(device), there.to(device), config)
        return float(loss.detach()), torch.autograd.grad(loss, copied.learning)

    copies = [copy.deepcopy(model) for _ in range(AT_ONCE)]
    batches = draw_batches([len(stream) for stream in streams], config.batch_frames, rng)
    under_way: deque[Future[tuple[float, tuple[torch.Tensor, ...]]]] = deque()
    for step in range(config.steps):
        copied = copies[step % AT_ONCE]
        copied.load_state_dict(model.state_dict())
        under_way.append(threads.submit(lesson, copied, next(batches), rng.spawn(1)[0]))
        if len(under_way) == AT_ONCE:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def mean_logits(
    teachers: Sequence[TinyCRNN],
    streams: Sequence[NDArray[np.float16]],
    throats: Sequence[float],
    most: float,
    threads: Executor,
    *,
    waiting: Callable[[], None] = lambda: None,
) -> list[NDArray[np.float32]]:
    """Return the mean of the teachers' logits [steps] for each stream, each within ±`most`.

    Args:
        teachers: of the same shape of output.
        streams: features [frames, channels].
        throats: in channels, how far each stream is moved; each teacher hears all of them.
        most: what is beyond says no more.
        threads: a few streams of one throat are heard in each.
        waiting: is called every few seconds; may raise to stop the work.
    """
    firsts = range(0, len(streams), STREAMS_AT_ONCE)
    pieces = [streams[first : first + STREAMS_AT_ONCE] for first in firsts]
    moved = [(piece, throat) for piece in pieces for throat in throats]
    answers = threads.map(partial(_heard_by, teachers), *zip(*moved, strict=True))
    means: list[NDArray[np.float32]] = []
    for _ in pieces:
        heard: list[list[NDArray[np.float32]]] = []
        for _ in throats:
            waiting()
            heard += next(answers)
        means += [np.clip(np.mean(said, axis=0), -most, most) for said in zip(*heard, strict=True)]
    return means


def _heard_by(
    teachers: Sequence[TinyCRNN], streams: Sequence[NDArray[np.float16]], throat: float
) -> list[list[NDArray[np.float32]]]:
    """Return each teacher's logits of the streams, moved by so many channels."""
    moved = [shift_channels(stream, throat) for stream in streams]
    return [batch_logits(teacher, moved) for teacher in teachers]


def _without_chance(student: TinyCRNN) -> TinyCRNN:
    """Return a copy that learns without dropout and by its own statistics, not a batch's.

    What it is to say is known exactly; chance would only be in the way.
    """
    model = copy.deepcopy(student).eval()
    model.gru.train()  # nothing in it depends on that, and cuDNN learns in no other mode
    return model


def _throat(config: DistilConfig, rng: np.random.Generator) -> float:
    """Draw by how many channels a stream is moved, 0 for one that stays as it is."""
    if rng.random() >= config.throat_share:
        return 0.0
    return float(rng.uniform(-config.throat_channels, config.throat_channels))


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


def _padded_targets(
    targets: Sequence[NDArray[np.float32]],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return targets [streams, steps] and where there are any."""
    wanted = np.zeros((len(targets), max(map(len, targets))), np.float32)
    there = np.zeros(wanted.shape, bool)
    for row, target in enumerate(targets):
        wanted[row, : len(target)] = target
        there[row, : len(target)] = True
    return torch.from_numpy(wanted), torch.from_numpy(there)


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
