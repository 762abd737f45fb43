"""A .tflite file in, a model that tflite-runtime or ai-edge-litert runs out."""

from __future__ import annotations

import importlib
import importlib.util
import re
import struct
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from watchword_runtime.errors import ModelError
from watchword_runtime.tensors import (
    check_tensors,
    import_problem,
    refused,
    wanted_inputs,
    wanted_outputs,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_runtime.engines import Model
    from watchword_runtime.frontend import Floats
    from watchword_runtime.manifest import StepSpec


# A TFLite file with nothing in it. An interpreter that works answers "schema version 0 not
# equal to supported version 3"; tflite-runtime under numpy 2 imports and fails only here.
_PROBE = struct.pack("<I4sHHi", 12, b"TFL3", 4, 4, 4)


class TfliteEngine:
    """tflite-runtime on one thread: the smallest, and the one with armv7 wheels."""

    name = "tflite-runtime"
    formats: tuple[str, ...] = ("tflite",)
    _module = "tflite_runtime.interpreter"
    _package = "tflite_runtime"
    _extra = "tflite"

    def missing(self) -> str | None:
        """Return None if the interpreter can be built, else why not."""
        if importlib.util.find_spec(self._package) is None:
            return import_problem(self._package, self._extra)
        missing = import_problem(self._module, self._extra)
        if missing is not None:
            return missing
        try:
            importlib.import_module(self._module).Interpreter(model_content=_PROBE)
        except ValueError as error:
            if error.__cause__ is None:
                return None
            problem = str(error.__cause__)
        except (AttributeError, ImportError, SystemError, RuntimeError) as error:
            problem = str(error)
        return (
            f"does not work with numpy {np.__version__}: {problem} "
            f'(pip install "watchword-runtime[{self._extra}]")'
        )

    def load(self, content: bytes, step: StepSpec, file: str) -> Model:
        """Build an interpreter and match its signature to `step`; see `Engine.load`."""
        module: Any = importlib.import_module(self._module)
        try:
            interpreter = module.Interpreter(model_content=content, num_threads=1)
            interpreter.allocate_tensors()
            signatures = interpreter.get_signature_list()
        except (ValueError, RuntimeError) as error:
            raise refused(file, self.name, error) from error
        if len(signatures) != 1:
            raise ModelError(f"{file} has {len(signatures)} signatures, not one: export it again.")
        runner = interpreter.get_signature_runner(next(iter(signatures)))
        inputs = _match(runner.get_input_details(), wanted_inputs(step), file)
        outputs = _match(runner.get_output_details(), wanted_outputs(step), file)
        return _TfliteModel(interpreter, inputs, outputs, step)


class LitertEngine(TfliteEngine):
    """ai-edge-litert on one thread: TFLite's successor, the fastest of the three."""

    name = "ai-edge-litert"
    _module = "ai_edge_litert.interpreter"
    _package = "ai_edge_litert"
    _extra = "litert"


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _match(
    details: Mapping[str, Any], wanted: Mapping[str, tuple[int, ...]], file: str
) -> list[int]:
    """Return the tensor indices in the manifest's order.

    Converters rename tensors (args_0, output_0, …), so the manifest's order is met by the
    signature's names in natural order, and then the shapes must agree.
    """
    ordered = [details[name] for name in sorted(details, key=_natural)]
    if len(ordered) != len(wanted):
        raise ModelError(
            f"{file} has {len(ordered)} tensors where its manifest names {', '.join(wanted)}: "
            "export the detector again."
        )
    found = {
        name: (tuple(int(size) for size in detail["shape"]), detail["dtype"] == np.float32)
        for name, detail in zip(wanted, ordered)
    }
    check_tensors(found, wanted, file)
    return [int(detail["index"]) for detail in ordered]


class _TfliteModel:
    def __init__(
        self, interpreter: Any, inputs: list[int], outputs: list[int], step: StepSpec
    ) -> None:
        self.interpreter = interpreter
        self.inputs = inputs
        self.outputs = outputs
        self._step = step
        # An interpreter is not thread-safe, and its tensors are shared by all streams.
        self.lock = threading.Lock()

    def runner(self) -> _TfliteRunner:
        return _TfliteRunner(self, [state.shape for state in self._step.states])


class _TfliteRunner:
    """Lends its states to the interpreter for the steps of one call.

    The interpreter's copying calls cost 4 µs a step more than views of its tensors would. Views
    that outlive a call need addresses behind its back, which it may move.
    """

    def __init__(self, model: _TfliteModel, shapes: list[tuple[int, ...]]) -> None:
        self._model = model
        self._zeros = [np.zeros(shape, dtype=np.float32) for shape in shapes]
        self.reset()

    def reset(self) -> None:
        self._states = self._zeros

    def save(self) -> list[Floats]:
        return self._states  # never changed in place: each step makes new ones

    def restore(self, states: list[Floats]) -> None:
        self._states = states

    def run(self, features: Floats) -> list[float]:
        model = self._model
        interpreter = model.interpreter
        set_tensor, get_tensor, invoke = (
            interpreter.set_tensor,
            interpreter.get_tensor,
            interpreter.invoke,
        )
        features_in, *states_in = model.inputs
        logit_out, *states_out = model.outputs
        states = self._states
        logits = []
        with model.lock:
            for step in features[:, np.newaxis]:
                set_tensor(features_in, step)
                for index, state in zip(states_in, states):
                    set_tensor(index, state)
                invoke()
                logits.append(float(get_tensor(logit_out)[0, 0]))
                states = [get_tensor(index) for index in states_out]
        self._states = states
        return logits
