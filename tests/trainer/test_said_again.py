"""Scenes in which the phrase was said just before."""

import numpy as np
import pytest
import torch

from trainer.model import TinyCRNN, TinyCRNNConfig
from trainer.render import Scene
from trainer.said_again import GRID_FRAMES, LEAD_FRAMES, SHORTEST_GAP_FRAMES, SaidAgain, twice

SMALL = TinyCRNNConfig(conv_channels=16, hidden=16, head=8, dropout=0.0)


@pytest.fixture
def scenes():
    rng = np.random.default_rng(0)
    return [
        Scene(rng.uniform(0, 20, (400, 40)).astype(np.float16), 200 + 10 * n, 290, n)
        for n in range(5)
    ]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TinyCRNN(SMALL).eval()


def settled(model, features):
    usable = len(features) // 3 * 3
    heard = torch.from_numpy(features[None, :usable].astype(np.float32))
    return model.listen(heard)[1][0].detach().numpy()


def test_the_past_of_a_scene_is_its_own_phrase_and_the_time_up_to_a_frame(scenes, model):
    again = SaidAgain(scenes, SMALL.hidden, np.random.default_rng(1))
    assert sorted(scene.clip_id for scene in again.scenes) == [0, 1, 2, 3, 4]
    assert not again.past(0, 100).any()  # nothing was heard yet
    again.refresh(model, np.random.default_rng(2))
    for number, scene in enumerate(again.scenes):
        begins = again._gap_from[number]
        assert begins <= scene.start_frame - SHORTEST_GAP_FRAMES
        said = scene.features[scene.start_frame - LEAD_FRAMES :]
        at = 2 * GRID_FRAMES
        if begins + at > scene.start_frame:
            continue
        before = np.concatenate([said, scene.features[begins : begins + at]])
        found = again.past(number, begins + at + 5)
        np.testing.assert_allclose(found, settled(model, before), atol=1e-4)
        early = again.past(number, 0)
        np.testing.assert_allclose(early, settled(model, said), atol=1e-4)
    again.forget()
    assert not again.past(0, 100).any()


def test_twice_is_the_scene_and_its_phrase_once_more(scenes):
    scene = scenes[1]
    both = twice(scene, np.random.default_rng(0))
    assert np.array_equal(both[:400], scene.features)
    second = len(both) - 400
    assert second - (400 - scene.start_frame) >= SHORTEST_GAP_FRAMES
    assert np.array_equal(both[400:], scene.features[400 - second :])
