"""What is in a batch: the phrase, other words in scenes like its own, windows of streams."""

from dataclasses import replace

import numpy as np

from tests.trainer.small_training import FAST, SMALL, examples, frames
from trainer.feature_warp import FeatureWarp
from trainer.render import Scene
from trainer.windows import Batches

CONFIG = replace(FAST, alone_per_batch=5, mask_share=0.0, warp=FeatureWarp(share=0.0))
LOUD = 50.0
"""No other example has such a feature."""


def other_words(seed):
    features = frames(np.random.default_rng(seed), 400)
    features[200:250] = LOUD
    return Scene(features, 200, 250, seed)


def draw(given):
    return Batches(given, CONFIG, SMALL.hidden).draw(np.random.default_rng(0))


def test_other_words_follow_the_phrases_and_end_where_a_phrase_would():
    given = replace(examples(0, 6), alone=tuple(other_words(seed) for seed in range(3)))
    batch = draw(given)
    positives = CONFIG.positives_per_batch
    assert batch.scenes == positives + CONFIG.alone_per_batch
    assert len(batch.starts) == len(batch.ends) == positives
    loud = (batch.features == LOUD).all(axis=2)
    assert np.flatnonzero(loud.any(axis=1)).tolist() == list(range(positives, batch.scenes))
    first, last = CONFIG.right_edge_frames
    behind = loud.shape[1] - 1 - np.array([np.flatnonzero(row)[-1] for row in loud if row.any()])
    assert ((behind >= first) & (behind < last)).all()
    assert len(batch.pasts) == len(batch.features)


def test_without_other_words_a_batch_is_smaller():
    batch = draw(examples(0, 6))
    assert batch.scenes == CONFIG.positives_per_batch
    rest = CONFIG.near_per_batch + CONFIG.plain_per_batch
    assert len(batch.features) == len(batch.pasts) == batch.scenes + rest
