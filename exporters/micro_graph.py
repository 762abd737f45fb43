"""Quantised tensors and operators in, the bytes of a TFLite model that keeps its own state out.

Converters do not make such files without TensorFlow, and this network needs few operators: they are
written down one by one with TFLite's schema. Only operators that ESPHome's `micro_wake_word`
registers have a method here; docs/esp32.md lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from exporters.tflite_slim import FILE_IDENTIFIER, slim

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[Any]

SCHEMA_VERSION = 3
"""What ESPHome compares with its own; another is refused."""

NO_BIAS = -1

INT8 = schema.TensorType.INT8
INT16 = schema.TensorType.INT16
UINT8 = schema.TensorType.UINT8

_OPS = schema.BuiltinOperator
_TYPES = {
    np.dtype(np.int8): INT8,
    np.dtype(np.uint8): UINT8,
    np.dtype(np.int16): INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
}


class MicroGraph:
    """A model in the making. Methods add an operator and return the number of its result.

    A tensor is known by its number in the main subgraph. Values are `scale × (stored − zero)`.
    """

    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = SCHEMA_VERSION
        self._model.operatorCodes = []
        self._model.buffers = [schema.BufferT()]
        self._main = _subgraph()
        self._start = _subgraph()
        self._model.subgraphs = [self._main, self._start]
        self._codes: dict[int, int] = {}
        once = schema.CallOnceOptionsT()
        once.initSubgraphIndex = 1
        self._operate(_OPS.CALL_ONCE, [], [], options=once)

    def input(self, shape: Sequence[int], scale: float, zero: int) -> int:
        """Add an int8 input."""
        number = self.tensor(shape, INT8, scale, zero)
        self._main.inputs.append(number)
        return number

    def tensor(self, shape: Sequence[int], kind: int, scale: float, zero: int = 0) -> int:
        """Add a tensor that an operator will fill."""
        return _tensor(self._main, shape, kind, _quantization(scale, zero))

    def constant(self, values: Array, scale: float | None = None) -> int:
        """Add stored values, plain numbers or with a scale and zero point 0."""
        quantization = None if scale is None else _quantization(scale, 0)
        return self._constant(self._main, values, quantization)

    def state(self, name: str, start: Array, scale: float, zero: int = 0) -> tuple[int, int]:
        """Add a variable that begins as `start`; return its handle and what it holds now."""
        graph = self._start
        first = self._constant(graph, start, _quantization(scale, zero))
        self._operate(_OPS.ASSIGN_VARIABLE, [self._handle(graph, name), first], [], graph=graph)
        handle = self._handle(self._main, name)
        now = self.tensor(start.shape, _TYPES[start.dtype], scale, zero)
        self._operate(_OPS.READ_VARIABLE, [handle], [now])
        return handle, now

    def assign(self, handle: int, value: int) -> None:
        """Make the variable hold `value` from the next step on."""
        self._operate(_OPS.ASSIGN_VARIABLE, [handle, value], [])

    def reshape(self, value: int, shape: Sequence[int]) -> int:
        """Add the same stored values in another shape."""
        return self._reshaped(value, shape, self._main.tensors[value].quantization)

    def _reshaped(self, value: int, shape: Sequence[int], quantization: Any) -> int:
        """Add the stored values in another shape and with another meaning."""
        kind = self._main.tensors[value].type
        result = _tensor(self._main, shape, kind, quantization)
        options = schema.ReshapeOptionsT()
        options.newShape = np.array(shape, np.int32)
        target = self.constant(np.array(shape, np.int32))
        self._operate(_OPS.RESHAPE, [value, target], [result], options=options)
        return result

    def widen(self, value: int, scale: float) -> int:
        """Add int8 values as int16 [1, all] of zero point 0: exact, less `scale × zero point`.

        ESPHome registers nothing else that TFLite 2.17 would take from int8 to int16 (its QUANTIZE
        does not). A product of int16 with int8 weights gives int16, and weights need not be
        constant: here they are the values, in a column, and what they multiply is a one.
        """
        source = self._main.tensors[value]
        count, own = int(np.prod(source.shape)), float(source.quantization.scale[0])
        column = self._reshaped(value, (count, 1), _quantization(own, 0))
        one = self.constant(np.ones((1, 1), np.int16), 1.0)
        return self.product(one, column, NO_BIAS, self.tensor((1, count), INT16, scale))

    def append(self, old: int, new: int) -> int:
        """Add `old` followed by `new` along the time axis 1; both have the same scale."""
        shape = list(self._shape(old))
        shape[1] += self._shape(new)[1]
        result = self._like(old, shape)
        options = schema.ConcatenationOptionsT()
        options.axis = 1
        self._operate(_OPS.CONCATENATION, [old, new], [result], options=options)
        return result

    def part(self, value: int, first: int, count: int) -> int:
        """Add `count` entries along axis 1, from `first` on."""
        shape = list(self._shape(value))
        begin, end = np.zeros(len(shape), np.int32), np.array(shape, np.int32)
        begin[1], end[1], shape[1] = first, first + count, count
        result = self._like(value, shape)
        limits = [begin, end, np.ones(len(shape), np.int32)]
        self._operate(
            _OPS.STRIDED_SLICE,
            [value, *(self.constant(limit) for limit in limits)],
            [result],
            options=schema.StridedSliceOptionsT(),
        )
        return result

    def product(
        self, value: int, weight: int, bias: int, result: int, *, relu: bool = False
    ) -> int:
        """Add weight [out, in] times all of `value`, plus the int64 bias [out]."""
        options = schema.FullyConnectedOptionsT()
        kinds = schema.ActivationFunctionType
        options.fusedActivationFunction = kinds.RELU if relu else kinds.NONE
        self._operate(
            _OPS.FULLY_CONNECTED,
            [value, weight, bias],
            [result],
            options=options,
        )
        return result

    def add(self, one: int, other: int, result: int) -> int:
        """Add a sum, element by element."""
        options = schema.AddOptionsT()
        options.potScaleInt16 = False
        self._operate(_OPS.ADD, [one, other], [result], options=options)
        return result

    def multiply(self, one: int, other: int, result: int) -> int:
        """Add a product, element by element."""
        options = schema.MulOptionsT()
        self._operate(_OPS.MUL, [one, other], [result], options=options)
        return result

    def logistic(self, value: int, result: int) -> int:
        """Add 1 / (1 + exp(-value)) of int16 values; the result's scale must be 1/32768."""
        self._operate(_OPS.LOGISTIC, [value], [result])
        return result

    def quantize(self, value: int, result: int) -> int:
        """Add the same values with the type and scale of `result`."""
        options = schema.QuantizeOptionsT()
        self._operate(_OPS.QUANTIZE, [value], [result], options=options)
        return result

    def finish(self, result: int) -> bytes:
        """Return the model, with `result` as its one output."""
        self._main.outputs.append(result)
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self._model.Pack(builder), file_identifier=FILE_IDENTIFIER)
        return slim(bytes(builder.Output()))

    def _like(self, value: int, shape: Sequence[int]) -> int:
        source = self._main.tensors[value]
        return _tensor(self._main, shape, source.type, source.quantization)

    def _shape(self, value: int) -> Array:
        shape: Array = self._main.tensors[value].shape
        return shape

    def _handle(self, graph: Any, name: str) -> int:
        options = schema.VarHandleOptionsT()
        options.container, options.sharedName = "", name
        handle = _tensor(graph, [], schema.TensorType.RESOURCE, None)
        self._operate(_OPS.VAR_HANDLE, [], [handle], options=options, graph=graph)
        return handle

    def _constant(self, graph: Any, values: Array, quantization: Any) -> int:
        number = _tensor(graph, values.shape, _TYPES[values.dtype], quantization)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        graph.tensors[number].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        return number

    def _operate(
        self,
        code: int,
        inputs: list[int],
        outputs: list[int],
        *,
        options: Any = None,
        graph: Any = None,
    ) -> None:
        if code not in self._codes:
            entry = schema.OperatorCodeT()
            entry.builtinCode, entry.version = code, 1
            # Older readers know only this field; 127 sends them to the other.
            entry.deprecatedBuiltinCode = min(code, 127)
            self._codes[code] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(entry)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes[code]
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        if options is not None:
            name = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            operator.builtinOptions = options
        (graph or self._main).operators.append(operator)


def _subgraph() -> Any:
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
    return graph


def _tensor(graph: Any, shape: Sequence[int], kind: int, quantization: Any) -> int:
    tensor = schema.TensorT()
    tensor.shape = np.array(shape, np.int32)
    tensor.type = kind
    tensor.quantization = quantization
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _quantization(scale: float, zero: int) -> Any:
    quantization = schema.QuantizationParametersT()
    quantization.scale = np.array([scale], np.float32)
    quantization.zeroPoint = np.array([zero], np.int64)
    return quantization
