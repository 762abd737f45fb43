"""A TinyCRNN in, the same network as one streaming step with explicit state out.

The step holds nothing but matrix products: a convolution that sees exactly one window is a matrix
product over the flattened window, batch norm folds into it, and the GRU cell is written out because
onnxruntime never quantises its GRU operator. Every format then quantises one kind of weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from watchword_runtime.manifest import StateSpec, StepSpec

if TYPE_CHECKING:
    from trainer.model import TinyCRNN, TinyCRNNConfig

Floats = npt.NDArray[np.float32]

FEATURES = "features"
LOGIT = "logit"
CONV1_STATE = "conv1_state"
CONV2_STATE = "conv2_state"
GRU_STATE = "gru_state"


def step_spec(config: TinyCRNNConfig) -> StepSpec:
    """Return the step's signature; a convolution that needs no past has no state."""
    context_frames = config.first_kernel_frames - config.frames_per_step
    context_steps = config.second_kernel_steps - 1
    states = []
    if context_frames:
        states.append(StateSpec(CONV1_STATE, (1, context_frames, config.channels)))
    if context_steps:
        states.append(StateSpec(CONV2_STATE, (1, context_steps, config.conv_channels)))
    states.append(StateSpec(GRU_STATE, (1, config.hidden)))
    return StepSpec(config.frames_per_step, FEATURES, LOGIT, tuple(states))


def zero_inputs(config: TinyCRNNConfig) -> tuple[Tensor, ...]:
    """Return the step's inputs at the start of a stream: silent features and zero states."""
    features = torch.zeros(1, config.frames_per_step, config.channels)
    return (features, *(torch.zeros(state.shape) for state in step_spec(config).states))


class StreamingStep(nn.Module):
    """One step of a trained TinyCRNN, in eval mode.

    `forward(features, *states)` takes raw float32 features [1, frames_per_step, channels] and the
    states of `step_spec`, and returns the logit [1, 1] and the next states in the same order.
    """

    def __init__(self, model: TinyCRNN) -> None:
        super().__init__()
        self.config = model.config
        hidden = model.config.hidden
        weight, bias = _folded(model.conv1, model.norm1)
        # The state holds centred features, so zeros are the silence before a stream; the scale
        # goes into the weights.
        self.conv1 = _linear(weight / model.config.feature_scale, bias)
        self.conv2 = _linear(*_folded(model.conv2, model.norm2))
        gru = dict(model.gru.named_parameters())
        of_input, of_state = gru["weight_ih_l0"], gru["weight_hh_l0"]
        input_bias, state_bias = gru["bias_ih_l0"], gru["bias_hh_l0"]
        gates = slice(0, 2 * hidden)
        new = slice(2 * hidden, 3 * hidden)
        # Reset and update gates read input and state alike: one product over both side by side.
        self.gates = _linear(
            torch.cat([of_input[gates], of_state[gates]], dim=1),
            input_bias[gates] + state_bias[gates],
        )
        self.new_input = _linear(of_input[new], input_bias[new])
        self.new_state = _linear(of_state[new], state_bias[new])
        self.head1 = _linear(model.head1.weight, model.head1.bias)
        self.head2 = _linear(model.head2.weight, model.head2.bias)
        self.eval()
        self.requires_grad_(requires_grad=False)

    def forward(self, features: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Return (logit, next states…); shapes as the class says."""
        waiting = list(states)
        following = []
        x = features - self.config.feature_scale
        if self.config.first_kernel_frames > self.config.frames_per_step:
            x = torch.cat([waiting.pop(0), x], dim=1)
            following.append(x[:, self.config.frames_per_step :])
        x = functional.relu(self.conv1(x.reshape(1, -1)))
        if self.config.second_kernel_steps > 1:
            past = torch.cat([waiting.pop(0), x.reshape(1, 1, -1)], dim=1)
            following.append(past[:, 1:])
            x = past.reshape(1, -1)
        x = functional.relu(self.conv2(x))
        hidden = self._gru(x, waiting.pop(0))
        logit = self.head2(functional.relu(self.head1(hidden)))
        return (logit, *following, hidden)

    def _gru(self, x: Tensor, hidden: Tensor) -> Tensor:
        """PyTorch's GRU cell, [1, inputs] and [1, hidden] → [1, hidden]."""
        size = self.config.hidden
        gates = torch.sigmoid(self.gates(torch.cat([x, hidden], dim=1)))
        reset, update = gates[:, :size], gates[:, size:]
        new = torch.tanh(self.new_input(x) + reset * self.new_state(hidden))
        return new + update * (hidden - new)


def reference_logits(model: TinyCRNN, features: Floats) -> Floats:
    """Return the original network's logits float32 [steps] for raw features [frames, channels].

    The whole stream goes through as one window: the network is causal and the GRU's state runs
    through, so this is what an endless stream gives.
    """
    with torch.inference_mode():
        logits: Floats = model(torch.from_numpy(features)[None])[0].numpy()
    return logits


def _folded(conv: nn.Conv1d, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Return weight [out, kernel × in] (time first, as a window is flattened) and bias [out]."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = conv.weight * scale[:, None, None]
    flat = weight.permute(0, 2, 1).reshape(len(weight), -1)
    return flat, norm.bias - norm.running_mean * scale


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer
