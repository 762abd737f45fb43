"""An .onnx file in, a model that onnxruntime runs out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from watchword_runtime.tensors import (
    check_tensors,
    import_problem,
    refused,
    wanted_inputs,
    wanted_outputs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_runtime.engines import Model
    from watchword_runtime.frontend import Floats
    from watchword_runtime.manifest import StepSpec


class OnnxEngine:
    """onnxruntime on one CPU thread."""

    name = "onnxruntime"
    formats: tuple[str, ...] = ("onnx",)

    def missing(self) -> str | None:
        """Return None if onnxruntime imports, else why not."""
        return import_problem("onnxruntime", "onnx")

    def load(self, content: bytes, step: StepSpec, file: str) -> Model:
        """Build an inference session and check its tensors; see `Engine.load`."""
        runtime: Any = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = runtime.InferenceSession(
                content, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own exceptions share no other base
            raise refused(file, self.name, error) from error

        def shapes(tensors: Any) -> dict[str, tuple[tuple[int, ...], bool]]:
            return {t.name: (tuple(t.shape), t.type == "tensor(float)") for t in tensors}

        check_tensors(shapes(session.get_inputs()), wanted_inputs(step), file)
        check_tensors(shapes(session.get_outputs()), wanted_outputs(step), file)
        return _OnnxModel(session, step)


class _OnnxModel:
    def __init__(self, session: Any, step: StepSpec) -> None:
        self._session = session
        self._inputs = list(wanted_inputs(step))
        self._outputs = list(wanted_outputs(step))

    def run(self, features: Floats, states: Sequence[Floats]) -> tuple[float, list[Floats]]:
        feed = dict(zip(self._inputs, [features, *states]))
        logit, *states_out = self._session.run(self._outputs, feed)
        return float(logit[0, 0]), states_out
