"""A training of seconds: made-up features, a small network, runs kept in memory."""

from dataclasses import replace

import numpy as np

from trainer.dataset import Examples
from trainer.distillation import DistilConfig
from trainer.model import TinyCRNNConfig
from trainer.render import Scene, Stream
from trainer.train import TrainConfig

SMALL = TinyCRNNConfig(conv_channels=16, hidden=16, head=8, dropout=0.0)
FAST = TrainConfig(
    steps=120,
    positives_per_batch=8,
    near_per_batch=4,
    plain_per_batch=8,
    judge_times=3,
    backbone=None,
)
SEVERAL = replace(FAST, steps=60, runs=3, distil=DistilConfig(steps=30))


def frames(rng, count):
    return rng.uniform(4, 8, (count, 40)).astype(np.float16)


def scene(seed, clip_id=0):
    """A low sweep followed by a high one is the phrase."""
    rng = np.random.default_rng(seed)
    features = frames(rng, 400)
    features[200:225, :12] += 12
    features[225:250, 25:] += 12
    return Scene(features, 200, 250, clip_id)


def stream(seed, near):
    """The same in the wrong order is a near-miss."""
    rng = np.random.default_rng(1000 + seed)
    features = frames(rng, 900)
    spans = []
    if near:
        for start in (250, 600):
            features[start : start + 25, 25:] += 12
            features[start + 25 : start + 50, :12] += 12
            spans.append((start, start + 50))
    return Stream(features, np.array(spans, np.int32).reshape(-1, 2), np.arange(len(spans)))


def examples(first, count):
    seeds = range(first, first + count)
    return Examples(
        tuple(scene(s, s) for s in seeds),
        tuple(stream(s, near=True) for s in seeds),
        tuple(stream(s, near=False) for s in seeds),
    )


class Shelf:
    """Keeps runs in memory."""

    def __init__(self):
        self.runs = {}

    def load(self, number):
        return self.runs.get(number)

    def keep(self, number, verdict, model):
        self.runs[number] = (verdict, model)
