"""What is in a batch: the phrase, other words in scenes like its own, windows of streams."""

from dataclasses import replace

import numpy as np

from tests.trainer.small_training import FAST, SMALL, examples, frames
from trainer.feature_warp import FeatureWarp
from trainer.render import Scene
from trainer.windows import Batches

CONFIG = replace(
    FAST, alone_per_batch=5, halved_per_batch=0, joined_share=0.0, mask_share=0.0,
    warp=FeatureWarp(share=0.0),
)  # fmt: skip
LOUD = 50.0
"""No other example has such a feature."""


def other_words(seed):
    features = frames(np.random.default_rng(seed), 400)
    features[200:250] = LOUD
    return Scene(features, 200, 250, seed)


def draw(given, config=CONFIG):
    return Batches(given, config, SMALL.hidden).draw(np.random.default_rng(0))


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


def plain_phrases():
    """Phrases that are loud, among near-misses and talk that are not."""
    given = examples(0, 6)
    return replace(given, positives=tuple(other_words(seed) for seed in range(6)))


def test_halves_follow_the_other_words_and_have_only_half_of_the_phrase():
    given = replace(plain_phrases(), alone=examples(0, 3).positives)
    batch = draw(given, replace(CONFIG, halved_per_batch=7))
    positives = CONFIG.positives_per_batch
    assert batch.scenes == positives + CONFIG.alone_per_batch + 7
    assert len(batch.starts) == len(batch.ends) == positives
    assert len(batch.pasts) == len(batch.features)
    loud = (batch.features == LOUD).all(axis=2).sum(axis=1)
    whole = loud[:positives]
    assert (whole == whole[0]).all()
    halves = loud[batch.scenes - 7 : batch.scenes]
    assert ((halves > 0.3 * whole[0]) & (halves < 0.7 * whole[0])).all()
    assert not np.delete(loud, np.r_[:positives, batch.scenes - 7 : batch.scenes]).any()


def test_some_phrases_are_joined_from_two():
    given = plain_phrases()
    louder = replace(given.positives[0], features=given.positives[0].features.copy())
    louder.features[200:250] += 1
    given = replace(given, positives=(*given.positives, louder))
    alone, together = (
        draw(given, replace(CONFIG, positives_per_batch=60, joined_share=share)).features
        for share in (0.0, 1.0)
    )
    mixed = [
        ((features >= LOUD).all(axis=2) & (features == LOUD + 1).all(axis=2)).any(axis=1)
        & (features == LOUD).all(axis=2).any(axis=1)
        for features in (alone, together)
    ]
    assert not mixed[0].any()
    assert 3 < mixed[1].sum() < 40
