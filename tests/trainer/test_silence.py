"""What windows of training begin with: a fresh network, or one that heard nothing for long."""

import numpy as np
import torch

from trainer import silence
from trainer.model import TinyCRNN


def test_states_are_fresh_or_those_of_a_network_in_silence():
    torch.manual_seed(0)
    model = TinyCRNN()
    states = silence.SilentStates(model).draw(2_000, np.random.default_rng(0))
    fresh = (states == 0).all(dim=1)
    assert 0.5 < fresh.float().mean() < 0.7
    _, settled = model.eval().listen(torch.zeros(1, 1_500, 40))
    assert torch.allclose(states[~fresh].mean(dim=0), settled[0], atol=1e-2)


def test_listening_leaves_the_network_as_it_was():
    model = TinyCRNN().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    silence.SilentStates(model).draw(4, np.random.default_rng(0))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_stream_cut_in_two_hears_what_the_whole_one_hears():
    torch.manual_seed(1)
    model = TinyCRNN().eval()
    features = torch.zeros(1, 600, 40)
    features[:, 300:] = torch.rand(1, 300, 40) * 20
    whole, last = model.listen(features)
    _, state = model.listen(features[:, :297])
    rest, end = model.listen(features[:, 297:], state)
    # Only the convolutions' first two steps look across the cut.
    assert torch.allclose(whole[:, 99 + 40 :], rest[:, 40:], atol=0.05)
    assert torch.allclose(last, end, atol=0.05)
