"""The environment in, the Python that runs each engine out; and a measurement in such a Python.

tflite-runtime has no wheels for this process's numpy; named by WATCHWORD_TFLITE_PYTHON, an
interpreter that has it takes part in every verification.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import watchword_runtime
from exporters import measure as measure_module
from exporters.errors import ExportError
from exporters.measure import (
    FEATURES_FILE,
    NO_ENGINE_STATUS,
    REFUSED_STATUS,
    RESULT_FILE,
    SOUND_FILE,
    Floats,
    Measured,
    Pcm,
)
from watchword_runtime.engines import available

OTHER_PYTHON = "WATCHWORD_TFLITE_PYTHON"
OTHER_ENGINE = "tflite-runtime"
TIMEOUT_S = 900
"""An hour of stream takes some ten seconds; this is for a machine that swaps."""

Runner = Callable[[Path, Pcm, Floats, int], Measured]
"""Takes a model file, the sound, its features and how often they are heard."""


def runners() -> tuple[dict[str, Runner], dict[str, str]]:
    """Return engine name → how to run it, and engine name → why it cannot run here.

    Raises:
        ExportError: WATCHWORD_TFLITE_PYTHON names something that is no interpreter.
    """
    ways: dict[str, Runner] = {}
    reasons: dict[str, str] = {}
    for name, missing in available().items():
        if missing is None:
            ways[name] = _runner(sys.executable, name)
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
        ways[OTHER_ENGINE] = _runner(other, OTHER_ENGINE)
    elif OTHER_ENGINE in reasons:
        reasons[OTHER_ENGINE] += f"; or name a Python that has it in {OTHER_PYTHON}"
    return ways, reasons


def _runner(python: str, engine: str) -> Runner:
    def run(file: Path, sound: Pcm, features: Floats, rounds: int) -> Measured:
        # Not this process's paths: its numpy is exactly what another interpreter cannot use.
        packages = Path(watchword_runtime.__file__).resolve().parents[1]
        with tempfile.TemporaryDirectory(prefix="watchword-verify-") as name:
            folder = Path(name)
            path = folder / "path"
            path.mkdir()
            (path / "watchword_runtime").symlink_to(packages / "watchword_runtime")
            script = shutil.copy(measure_module.__file__, path / "measure.py")
            np.save(folder / SOUND_FILE, sound)
            np.save(folder / FEATURES_FILE, features)
            command = [python, str(script), engine, str(file.resolve()), name, str(rounds)]
            try:
                done = subprocess.run(
                    command,
                    env={**os.environ, "PYTHONPATH": str(path)},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=TIMEOUT_S,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise ExportError(
                    f"{file.name} on {engine} did not end within {TIMEOUT_S} s: free some memory "
                    "and export again."
                ) from error
            if done.returncode != 0:
                raise _failure(done, python, engine, file.name)
            with np.load(folder / RESULT_FILE, allow_pickle=False) as out:
                return Measured.from_arrays(**out)

    return run


def _failure(
    done: subprocess.CompletedProcess[str], python: str, engine: str, file: str
) -> ExportError:
    told = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    if done.returncode == REFUSED_STATUS:
        return ExportError(f"{file} does not run on {engine}: {told}")
    if python == sys.executable:
        advice = "report this with the checkpoint, or leave the format out"
    elif done.returncode == NO_ENGINE_STATUS:
        advice = f"install {engine} and pymicro-features there, or unset {OTHER_PYTHON}"
    else:
        advice = f"try its interpreter by hand, or unset {OTHER_PYTHON}"
    return ExportError(f"{python} could not run {file} on {engine}: {told}; {advice}.")
