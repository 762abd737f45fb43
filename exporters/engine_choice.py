"""The environment in, a way to run each engine out: in this process, in another one, or not at all.

tflite-runtime has no wheels for this process's numpy; named by WATCHWORD_TFLITE_PYTHON, an
interpreter that has it takes part in every verification.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import watchword_runtime
from exporters import measure as measure_module
from exporters.errors import ExportError
from exporters.measure import Floats, Measured, measure
from watchword_runtime.engines import available

OTHER_PYTHON = "WATCHWORD_TFLITE_PYTHON"
OTHER_ENGINE = "tflite-runtime"
TIMEOUT_S = 300
NO_ENGINE_STATUS = 3

Runner = Callable[[Path, Floats], Measured]


def runners() -> tuple[dict[str, Runner], dict[str, str]]:
    """Return engine name → how to run it, and engine name → why it cannot run here.

    Raises:
        ExportError: WATCHWORD_TFLITE_PYTHON names something that is no interpreter.
    """
    ways: dict[str, Runner] = {}
    reasons: dict[str, str] = {}
    for name, missing in available().items():
        if missing is None:
            ways[name] = _in_process(name)
        else:
            reasons[name] = missing
    other = os.environ.get(OTHER_PYTHON)
    if other and OTHER_ENGINE in reasons:
        if not os.access(other, os.X_OK) or Path(other).is_dir():
            raise ExportError(
                f"{OTHER_PYTHON} is {other!r}, which is no program: give the path of a Python that "
                f"has {OTHER_ENGINE}, or unset it."
            )
        del reasons[OTHER_ENGINE]
        ways[OTHER_ENGINE] = _elsewhere(other)
    elif OTHER_ENGINE in reasons:
        reasons[OTHER_ENGINE] += f"; or name a Python that has it in {OTHER_PYTHON}"
    return ways, reasons


def _in_process(engine: str) -> Runner:
    return lambda file, features: measure(engine, file, features)


def _elsewhere(python: str) -> Runner:
    def run(file: Path, features: Floats) -> Measured:
        # Not this process's paths: its numpy is exactly what the other interpreter cannot use.
        packages = Path(watchword_runtime.__file__).resolve().parents[1]
        with tempfile.TemporaryDirectory(prefix="watchword-verify-") as name:
            folder = Path(name)
            (folder / "path").mkdir()
            (folder / "path" / "watchword_runtime").symlink_to(packages / "watchword_runtime")
            script = shutil.copy(measure_module.__file__, folder / "path" / "measure.py")
            np.save(folder / "features.npy", features)
            command = [python, str(script), OTHER_ENGINE]
            command += [str(file.resolve()), str(folder / "features.npy"), str(folder / "out.npz")]
            done = subprocess.run(
                command,
                env={**os.environ, "PYTHONPATH": str(folder / "path")},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            if done.returncode != 0:
                told = done.stderr.strip().splitlines() or ["it said nothing"]
                advice = (
                    f"install {OTHER_ENGINE} and pymicro-features there, or unset {OTHER_PYTHON}"
                    if done.returncode == NO_ENGINE_STATUS
                    else f"try its interpreter by hand, or unset {OTHER_PYTHON}"
                )
                raise ExportError(f"{python} could not run {file.name}: {told[-1]}; {advice}.")
            with np.load(folder / "out.npz", allow_pickle=False) as out:
                return Measured(out["logits"], float(out["load_ms"]), float(out["step_us"]))

    return run
