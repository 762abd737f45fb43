"""A model file, an engine's name and features in; logits, load time and step time out.

Also a script, `python measure.py ENGINE MODEL FEATURES.npy OUT.npz`, so that an interpreter other
than this one can run it: it needs `watchword_runtime` and one engine, and Python 3.9.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from watchword_runtime.bundle import open_bundle
from watchword_runtime.engines import ENGINES, Session

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measured:
    """What one engine made of one model file."""

    logits: Floats
    """float32 [steps]."""
    load_ms: float
    step_us: float
    """Median microseconds a step, one thread."""


def measure(engine: str, file: Path, features: Floats) -> Measured:
    """Stream raw features [frames, channels] through the file as a device would, from silence.

    Frames of an unfinished last step are left out, as in training.

    Raises:
        BundleError: the file or its manifest does not hold, or the engine refuses it.
    """
    bundle = open_bundle(file)
    step = bundle.manifest.step
    content = bundle.read(file.name)
    started = time.perf_counter()
    session = Session(ENGINES[engine].load(content, step, file.name), step, file.name)
    load_ms = (time.perf_counter() - started) * 1e3
    steps = len(features) // step.frames
    chunks = features[: steps * step.frames].reshape(steps, 1, step.frames, -1)
    logits = np.empty(steps, dtype=np.float32)
    seconds = np.empty(steps)
    for index, chunk in enumerate(chunks):
        started = time.perf_counter()
        logits[index] = session.step(chunk)
        seconds[index] = time.perf_counter() - started
    return Measured(logits, load_ms, float(np.median(seconds)) * 1e6)


def main(arguments: list[str]) -> int:
    """Measure and write `logits`, `load_ms` and `step_us`; say why on stderr if that fails."""
    engine, file, features, target = arguments
    missing = ENGINES[engine].missing()
    if missing is not None:
        sys.stderr.write(f"{engine}: {missing}\n")
        return 3
    done = measure(engine, Path(file), np.load(features, allow_pickle=False))
    np.savez(target, logits=done.logits, load_ms=done.load_ms, step_us=done.step_us)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
