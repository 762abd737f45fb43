"""Streams in, the states that a network is in at many places of them out."""

import numpy as np
import pytest
import torch

from trainer.model import TinyCRNN
from trainer.pasts import StreamStates

LENGTHS = (300, 420, 360)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TinyCRNN()


@pytest.fixture
def streams():
    rng = np.random.default_rng(0)
    return [rng.uniform(0, 20, (length, 40)).astype(np.float16) for length in LENGTHS]


@pytest.fixture
def places():
    return np.array([(n, start) for n in range(3) for start in (0, 90, 210)], np.int64)


def settled(model, stream, frames):
    features = torch.from_numpy(stream[None, :frames].astype(np.float32))
    return model.eval().listen(features)[1][0].detach().numpy()


def test_a_state_is_what_the_stream_before_the_place_left(model, streams, places):
    states = StreamStates(streams, places, model.config.hidden)
    assert not states[np.arange(9)].any()
    states.refresh(model.train(), 1.0, np.random.default_rng(0))
    assert model.training
    np.testing.assert_allclose(states[np.array([4])][0], settled(model, streams[1], 90), atol=1e-5)
    np.testing.assert_allclose(states[np.array([8])][0], settled(model, streams[2], 210), atol=1e-5)


def test_pasts_grow_from_one_refresh_to_the_next(model, streams, places):
    states = StreamStates(streams, places, model.config.hidden)
    rng = np.random.default_rng(1)
    states.refresh(model, 1.0, rng)
    assert not states[np.array([0, 3, 6])].any()
    for _ in range(4):
        states.refresh(model, 1.0, rng)
    assert states[np.array([0, 3, 6])].any(axis=1).all()
    states.forget()
    assert not states[np.arange(9)].any()


def test_a_share_hears_some_streams_and_leaves_the_others(model, streams, places):
    states = StreamStates(streams, places, model.config.hidden)
    states.refresh(model, 1 / 3, np.random.default_rng(2))
    heard = [bool(states[np.flatnonzero(places[:, 0] == n)].any()) for n in range(3)]
    assert sum(heard) == 1
