"""A TinyCRNN and features in, a streaming model for microWakeWord's clients out.

ESPHome registers no TANH and no SUB, and needs neither. With p = (1 + h) / 2 for the GRU's state h
and the candidate's tanh written as 2 σ(2x) − 1, the cell is p' = σ(−z) σ(2x) + σ(z) p: sums,
products and logistic functions. Activations are int16, because a state of eight bits makes errors
five times as large; weights are int8 with one scale per output. docs/esp32.md has the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from exporters.micro_client import FEATURE_SCALE, FEATURE_ZERO, PROBABILITY_SCALE
from exporters.micro_graph import INT8, INT16, UINT8, MicroGraph
from exporters.step import StreamingStep

if TYPE_CHECKING:
    from torch import Tensor, nn

    from exporters.step import Floats
    from trainer.model import TinyCRNN

Doubles = npt.NDArray[np.float64]

UNIT = 1 / 32768
"""The scale that TFLite demands of an int16 logistic function."""
GATE_SCALE = 16 / 32768
"""±16 before a logistic function: at ±8 gates cannot close, the state leaks, errors grow 5-fold."""
HEADROOM = 2.0
"""Activations may reach this many times what calibration showed: one bit of the sixteen."""
WEIGHT_STEPS = 127
INT16_STEPS = 32767
LEAST = 1e-6
"""What a size or peak is taken for when it is less: a scale must not be zero."""


@dataclass(frozen=True)
class Peaks:
    """The largest absolute value of each output of each product, float64 [outputs]."""

    conv1: Doubles
    conv2: Doubles
    gates_of_input: Doubles
    gates_of_state: Doubles
    new_of_input: Doubles
    new_of_state: Doubles
    head1: Doubles
    head2: Doubles


def convert_micro(
    model: TinyCRNN,
    calibration: Floats,
    *,
    slope: float = 1.0,
    centre: float = 0.0,
    int8_state: bool = False,
) -> bytes:
    """Return a TFLite model: int8 features [1, frames_per_step, 40] → uint8 probability [1, 1].

    The probability is σ(slope × (logit − centre)) in steps of 1/256. The states of a stream lie in
    the model's resource variables.

    Args:
        model: a network in eval mode; a convolution may need no past.
        calibration: raw float32 [frames, 40] that sets the ranges of activations.
        slope: how steeply the probability follows the logit.
        centre: the logit that becomes one half.
        int8_state: keep the GRU's state in eight bits; for comparison only.
    """
    return _Converter(model, _peaks(model, calibration), int8_state=int8_state).convert(
        slope, centre
    )


class _Value(NamedTuple):
    """A result in the graph and its scale."""

    tensor: int
    scale: float


class _Converter:
    def __init__(self, model: TinyCRNN, peaks: Peaks, *, int8_state: bool) -> None:
        self._step = StreamingStep(model)
        self._config = model.config
        self._peaks = peaks
        self._graph = MicroGraph()
        self._int8_state = int8_state

    def convert(self, slope: float, centre: float) -> bytes:
        step, graph, peaks = self._step, self._graph, self._peaks
        weight, bias = _numbers(step.conv1)
        about = self._config.feature_scale + FEATURE_SCALE * FEATURE_ZERO
        x = self._product(self._window(), (weight, bias), peaks.conv1, about=about, relu=True)
        x = self._product(self._past(x), _numbers(step.conv2), peaks.conv2, relu=True)
        state = self._gru(x)
        weight, bias = _numbers(step.head1)
        x = self._product(state, (2 * weight, bias), peaks.head1, about=0.5, relu=True)
        weight, bias = _numbers(step.head2)
        numbers = (slope * weight, slope * (bias - centre))
        peak = slope * (peaks.head2 + abs(centre))
        logit = self._product(x, numbers, peak, to=GATE_SCALE)
        # TFLite Micro quantises int16 to int8 and int8 to uint8, but not int16 to uint8.
        probability = graph.quantize(
            self._logistic(logit.tensor, 1), graph.tensor((1, 1), INT8, PROBABILITY_SCALE, -128)
        )
        result = graph.tensor((1, 1), UINT8, PROBABILITY_SCALE)
        return graph.finish(graph.quantize(probability, result))

    def _window(self) -> _Value:
        """Add the input and the frames before it, less the middle of their range."""
        graph, config = self._graph, self._config
        frames, channels = config.frames_per_step, config.channels
        window = graph.input((1, frames, channels), FEATURE_SCALE, FEATURE_ZERO)
        past = config.first_kernel_frames - frames
        if past:
            quiet = round(config.feature_scale / FEATURE_SCALE) + FEATURE_ZERO
            start = np.full((1, past, channels), quiet, np.int8)
            handle, before = graph.state("frames", start, FEATURE_SCALE, FEATURE_ZERO)
            window = graph.append(before, window)
            graph.assign(handle, graph.part(window, frames, past))
        scale = FEATURE_SCALE / 128
        return _Value(graph.widen(window, scale), scale)

    def _past(self, x: _Value) -> _Value:
        """Add the first convolution's earlier results before `x`."""
        graph, config = self._graph, self._config
        past = config.second_kernel_steps - 1
        if not past:
            return x
        latest = graph.reshape(x.tensor, (1, 1, config.conv_channels))
        start = np.zeros((1, past, config.conv_channels), np.int16)
        handle, before = graph.state("steps", start, x.scale)
        window = graph.append(before, latest)
        graph.assign(handle, graph.part(window, 1, past))
        return _Value(window, x.scale)

    def _gru(self, x: _Value) -> _Value:
        """Add the cell; its result and state are p = (1 + h) / 2."""
        step, graph, peaks = self._step, self._graph, self._peaks
        size, inputs = self._config.hidden, self._config.conv_channels
        handle, state = self._state(size)
        weight, bias = _numbers(step.gates)

        of_input = self._product(x, (weight[:, :inputs], bias), peaks.gates_of_input)
        numbers = (2 * weight[:, inputs:], np.zeros(2 * size))
        of_state = self._product(state, numbers, peaks.gates_of_state, about=0.5)
        gates = graph.add(of_input.tensor, of_state.tensor, self._tensor(2 * size, GATE_SCALE))
        reset = self._logistic(graph.part(gates, 0, size), size)
        update = graph.part(gates, size, size)
        minus_one = graph.constant(np.full((1, size), -1, np.int16), 1.0)
        opposite = graph.multiply(update, minus_one, self._tensor(size, GATE_SCALE))
        # Twice what tanh takes, so that the logistic function gives (1 + tanh) / 2.
        weight, bias = _numbers(step.new_input)
        of_input = self._product(x, (2 * weight, 2 * bias), 2 * peaks.new_of_input)
        weight, bias = _numbers(step.new_state)
        of_state = self._product(state, (4 * weight, 2 * bias), 2 * peaks.new_of_state, about=0.5)
        kept = graph.multiply(reset, of_state.tensor, self._tensor(size, of_state.scale))
        new = graph.add(of_input.tensor, kept, self._tensor(size, GATE_SCALE))
        following = graph.add(
            graph.multiply(
                self._logistic(opposite, size), self._logistic(new, size), self._tensor(size, UNIT)
            ),
            graph.multiply(self._logistic(update, size), state.tensor, self._tensor(size, UNIT)),
            self._tensor(size, UNIT),
        )
        stored = following
        if self._int8_state:
            stored = graph.quantize(
                following, graph.tensor((1, size), INT8, PROBABILITY_SCALE, -128)
            )
        graph.assign(handle, stored)
        return _Value(following, UNIT)

    def _state(self, size: int) -> tuple[int, _Value]:
        """Add the GRU's variable, one half at the start: h = 0."""
        graph = self._graph
        if self._int8_state:
            half = np.zeros((1, size), np.int8)
            handle, stored = graph.state("gru", half, PROBABILITY_SCALE, -128)
            middle = graph.constant(np.full((1, size), 1 << 14, np.int16), UNIT)
            wide = graph.add(graph.widen(stored, UNIT), middle, self._tensor(size, UNIT))
            return handle, _Value(wide, UNIT)
        handle, state = graph.state("gru", np.full((1, size), 1 << 14, np.int16), UNIT)
        return handle, _Value(state, UNIT)

    def _product(
        self,
        value: _Value,
        numbers: tuple[Doubles, Doubles],
        peak: Doubles,
        *,
        about: float = 0.0,
        relu: bool = False,
        to: float | None = None,
    ) -> _Value:
        """Add weight @ (value − about) + bias, at scale `to` if given.

        TFLite Micro's int16 product takes one weight scale for all outputs. Rows are therefore
        stored at full range, and a product with constants gives each its own size back.
        """
        graph, (weight, bias) = self._graph, numbers
        outputs = len(weight)
        sizes = np.maximum(np.abs(weight).max(1), LEAST)
        stored = np.round(weight / sizes[:, np.newaxis] * WEIGHT_STEPS).astype(np.int8)
        unit = float(np.float32(1 / WEIGHT_STEPS))
        # With the rounded weights, so that their rounding acts on value − about, not on value.
        offset = bias / sizes - unit * about * stored.sum(1)
        biases = np.round(offset / (unit * value.scale)).astype(np.int64)
        rows = graph.product(
            value.tensor,
            graph.constant(stored, unit),
            graph.constant(biases, unit * value.scale),
            self._tensor(outputs, _scale((peak / sizes).max())),
            relu=relu,
        )
        size_scale = float(np.float32(sizes.max() / INT16_STEPS))
        factors = np.maximum(np.round(sizes / size_scale), 1).astype(np.int16)[np.newaxis]
        scale = _scale(peak.max()) if to is None else to
        own = graph.constant(factors, size_scale)
        return _Value(graph.multiply(rows, own, self._tensor(outputs, scale)), scale)

    def _logistic(self, value: int, size: int) -> int:
        return self._graph.logistic(value, self._tensor(size, UNIT))

    def _tensor(self, size: int, scale: float) -> int:
        return self._graph.tensor((1, size), INT16, scale)


def _scale(peak: float) -> float:
    return float(np.float32(max(peak, LEAST) * HEADROOM / INT16_STEPS))


def _numbers(layer: nn.Linear) -> tuple[Doubles, Doubles]:
    weight: Doubles = layer.weight.detach().double().numpy()
    bias: Doubles = layer.bias.detach().double().numpy()
    return weight, bias


def _peaks(model: TinyCRNN, features: Floats) -> Peaks:
    """Run the trained network over the features and see how far each output goes."""
    config, step = model.config, StreamingStep(model)
    usable = len(features) // config.frames_per_step * config.frames_per_step

    def peak(values: Tensor) -> Doubles:
        largest: Doubles = values.abs().amax(0).double().numpy()
        return largest

    with torch.inference_mode():
        x = model.normalise(torch.from_numpy(features[np.newaxis, :usable])).transpose(1, 2)
        x = functional.pad(x, (model.first_context_frames, 0))
        first = functional.relu(model.norm1(model.conv1(x)))
        x = functional.pad(first, (model.second_context_steps, 0))
        second = functional.relu(model.norm2(model.conv2(x)))[0].T
        states = model.gru(second[None])[0][0]
        before = torch.cat([torch.zeros(1, config.hidden), states[:-1]])
        weight = step.gates.weight
        head = functional.relu(step.head1(states))
        return Peaks(
            conv1=peak(first[0].T),
            conv2=peak(second),
            gates_of_input=peak(second @ weight[:, : config.conv_channels].T + step.gates.bias),
            gates_of_state=peak(before @ weight[:, config.conv_channels :].T),
            new_of_input=peak(step.new_input(second)),
            new_of_state=peak(step.new_state(before)),
            head1=peak(head),
            head2=peak(step.head2(head)),
        )
