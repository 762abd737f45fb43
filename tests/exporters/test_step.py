import dataclasses

import numpy as np
import pytest
import torch

from exporters.step import StreamingStep, reference_logits, step_spec, zero_inputs
from trainer.model import TinyCRNN, TinyCRNNConfig


def stream_through(model: TinyCRNN, features: np.ndarray) -> np.ndarray:
    step = StreamingStep(model)
    frames = model.config.frames_per_step
    _, *states = zero_inputs(model.config)
    logits = []
    for start in range(0, len(features) - frames + 1, frames):
        chunk = torch.from_numpy(features[start : start + frames])[None]
        logit, *states = step(chunk, *states)
        logits.append(logit.item())
    return np.array(logits, dtype=np.float32)


SMALL = TinyCRNNConfig(conv_channels=12, hidden=10, head=6)
SHAPES = [
    SMALL,
    TinyCRNNConfig(),
    dataclasses.replace(SMALL, first_kernel_frames=3),
    dataclasses.replace(SMALL, second_kernel_steps=1),
    dataclasses.replace(SMALL, first_kernel_frames=9, frames_per_step=4, second_kernel_steps=5),
]


@pytest.mark.parametrize("config", SHAPES)
def test_step_gives_the_logits_of_the_window(config, make_model, make_features) -> None:
    model = make_model(config)
    features = make_features(1_001, seed=3)
    expected = reference_logits(model, features)
    assert expected.std() > 1
    # Logits up to 6 in float32: without AVX-512 sums of another order were 1.5e-5 apart.
    np.testing.assert_allclose(stream_through(model, features), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("config", SHAPES)
def test_spec_fits_the_module(config: TinyCRNNConfig) -> None:
    spec = step_spec(config)
    features, *states = zero_inputs(config)
    assert features.shape == (1, spec.frames, config.channels)
    assert tuple(tuple(state.shape) for state in states) == tuple(s.shape for s in spec.states)
    logit, *following = StreamingStep(TinyCRNN(config).eval())(features, *states)
    assert logit.shape == (1, 1)
    assert [tuple(state.shape) for state in following] == [s.shape for s in spec.states]


def test_default_spec_names_every_state() -> None:
    spec = step_spec(TinyCRNNConfig())
    assert [(s.name, s.shape) for s in spec.states] == [
        ("conv1_state", (1, 2, 40)),
        ("conv2_state", (1, 2, 64)),
        ("gru_state", (1, 64)),
    ]
    assert spec.step_s == pytest.approx(0.03)


def test_step_leaves_the_network_as_it_was(model: TinyCRNN) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    StreamingStep(model)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(value.requires_grad for value in model.parameters())
