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
    from collections.abc import Mapping, Sequence

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
        return _TfliteModel(interpreter, inputs, outputs)


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
    def __init__(self, interpreter: Any, inputs: list[int], outputs: list[int]) -> None:
        self._interpreter = interpreter
        self._inputs = inputs
        self._outputs = outputs
        # The interpreter's tensors are shared by all streams, which may live in several threads.
        self._lock = threading.Lock()

    def run(self, features: Floats, states: Sequence[Floats]) -> tuple[float, list[Floats]]:
        interpreter = self._interpreter
        with self._lock:
            for index, value in zip(self._inputs, [features, *states]):
                interpreter.set_tensor(index, value)
            interpreter.invoke()
            logit, *states_out = [interpreter.get_tensor(index) for index in self._outputs]
        return float(logit[0, 0]), states_out
