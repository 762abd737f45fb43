"""The libraries that run model files: which are here, which to use, one stream's session of one.

An engine is imported when it is used, and not before: a device carries one of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from watchword_runtime.errors import ModelError, NoEngineError
from watchword_runtime.onnx_engine import OnnxEngine
from watchword_runtime.tflite_engine import LitertEngine, TfliteEngine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_runtime.frontend import Floats
    from watchword_runtime.manifest import StepSpec


class Model(Protocol):
    """A loaded model file. Streams share it, also from several threads."""

    def runner(self) -> Runner:
        """Return the states of a new stream, all zero, with what runs steps on them."""


class Runner(Protocol):
    """One stream's states."""

    def run(self, features: Floats) -> list[float]:
        """Take float32 [steps, F, 40]; return the logit of each step in turn."""

    def reset(self) -> None:
        """Set all states to zero."""

    def save(self) -> list[Floats]:
        """Return the states as they are now."""

    def restore(self, states: list[Floats]) -> None:
        """Go back to states that `save` returned."""


class Engine(Protocol):
    """A library that runs model files."""

    name: str
    formats: tuple[str, ...]

    def missing(self) -> str | None:
        """Return None if the library works here, else what is wrong and what to install."""

    def load(self, content: bytes, step: StepSpec, file: str) -> Model:
        """Load a model file; `file` names it in errors.

        Raises:
            ModelError: the library refuses the file, or its tensors are not those of `step`.
        """


class Session:
    """One stream's model state; `reset` zeroes a few small arrays."""

    def __init__(self, model: Model, file: str) -> None:
        self._runner = model.runner()
        self._file = file

    def reset(self) -> None:
        """Start a new stream: all states are zero."""
        self._runner.reset()

    def run(self, features: Floats) -> list[float]:
        """Take float32 [steps, F, 40]; return the logit of each step in turn.

        Raises:
            ModelError: a logit is not finite, which would leave the detector deaf.
        """
        logits = self._runner.run(features)
        for logit in logits:
            if not math.isfinite(logit):
                raise ModelError(f"{self._file} gave the logit {logit}: export the detector again.")
        return logits

    def save(self) -> list[Floats]:
        """Return the states as they are now."""
        return self._runner.save()

    def restore(self, states: list[Floats]) -> None:
        """Go back to states that `save` returned."""
        self._runner.restore(states)

    def step(self, features: Floats) -> float:
        """Take float32 [1, F, 40]; return the logit of this step. Errors are those of `run`."""
        return self.run(features)[0]


ENGINES: dict[str, Engine] = {
    engine.name: engine for engine in (OnnxEngine(), LitertEngine(), TfliteEngine())
}
"""By name, in order of preference among those that run the same format."""


def available() -> dict[str, str | None]:
    """Return engine name → None if it works here, else what is wrong and what to install."""
    return {name: engine.missing() for name, engine in ENGINES.items()}


def choose(formats: Mapping[str, str], engine: str | None = None) -> tuple[str, Engine]:
    """Return the first file of `formats` (name → format, best first) that runs here, and how.

    Args:
        formats: model file names and their formats, in order of preference.
        engine: only this engine, by its name in `ENGINES`.

    Raises:
        ValueError: there is no engine of that name.
        NoEngineError: none that fits is installed; the message says what to install.
    """
    if engine is not None and engine not in ENGINES:
        raise ValueError(f"There is no engine {engine!r}: choose from {', '.join(ENGINES)}.")
    candidates = [ENGINES[engine]] if engine else list(ENGINES.values())
    reasons: dict[str, str] = {}
    for file, kind in formats.items():
        for candidate in candidates:
            if kind not in candidate.formats or candidate.name in reasons:
                continue
            missing = candidate.missing()
            if missing is None:
                return file, candidate
            reasons[candidate.name] = missing
    if not reasons:
        raise NoEngineError(
            f"{engine} runs {', '.join(candidates[0].formats)} files and there are only "
            f"{', '.join(formats)}: choose another engine or file."
        )
    listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise NoEngineError(f"No engine here can run {', '.join(formats)}. {listed}.")
