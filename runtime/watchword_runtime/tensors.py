"""A step signature and the tensors a file really has in, nothing out, or a named error."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING

from watchword_runtime.errors import ModelError
from watchword_runtime.frontend import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_runtime.manifest import StepSpec


def import_problem(module: str, extra: str) -> str | None:
    """Import the module; return None, or why that fails and what to do."""
    install = f'pip install "watchword-runtime[{extra}]"'
    if importlib.util.find_spec(module) is None:
        return f"not installed ({install})"
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as error:
        return f"does not import: {error} (reinstall: {install})"
    return None


def refused(file: str, engine: str, error: BaseException) -> ModelError:
    """Return the error that says why an engine does not take a file."""
    return ModelError(
        f"{engine} cannot load {file}: {str(error).strip()}. "
        "Copy the file again, or export the detector again."
    )


def check_tensors(
    found: Mapping[str, tuple[tuple[int, ...], bool]],
    wanted: Mapping[str, tuple[int, ...]],
    file: str,
) -> None:
    """Compare name → (shape, is float32) with name → shape."""
    if list(found) != list(wanted):
        raise ModelError(
            f"{file} has the tensors {', '.join(found)} and its manifest names "
            f"{', '.join(wanted)}: export the detector again."
        )
    for name, shape in wanted.items():
        if found[name] != (shape, True):
            kind = "float32" if found[name][1] else "another type than float32"
            raise ModelError(
                f"{file}: tensor {name} is {kind} {list(found[name][0])} and its manifest says "
                f"float32 {list(shape)}: export the detector again."
            )


def wanted_inputs(step: StepSpec) -> dict[str, tuple[int, ...]]:
    """Return the model's input names and shapes, in order."""
    shapes: dict[str, tuple[int, ...]] = {step.input: (1, step.frames, CHANNELS)}
    shapes.update((state.name, state.shape) for state in step.states)
    return shapes


def wanted_outputs(step: StepSpec) -> dict[str, tuple[int, ...]]:
    """Return the model's output names and shapes, in order."""
    shapes: dict[str, tuple[int, ...]] = {step.output: (1, 1)}
    shapes.update((state.output, state.shape) for state in step.states)
    return shapes
