"""A model file, an engine's name and sound in; logits, scores and what they cost out.

Run as a script in a process of its own, `python measure.py ENGINE MODEL FOLDER ROUNDS`: its memory
is then the engine's and not the exporter's, and an interpreter other than this one can run it. It
needs `watchword_runtime`, one engine and Python 3.9.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from watchword_runtime import Detector
from watchword_runtime.engines import ENGINES
from watchword_runtime.errors import BundleError
from watchword_runtime.frontend import SAMPLE_RATE_HZ

Floats = npt.NDArray[np.float32]
Pcm = npt.NDArray[np.int16]

SOUND_FILE, FEATURES_FILE, RESULT_FILE = "sound.npy", "features.npy", "result.npz"
NO_ENGINE_STATUS, REFUSED_STATUS = 3, 4
CHUNKS = (1, 7, 1601, 159, 160, 161, 16_001, 2, 4_799, 479, 48_017, 13)
"""Samples a call, over and over: less than a hop, a hop and one sample around it, seconds."""
MEMORY_AFTER_S = 30
"""What a process holds after so much sound is what it goes on holding; the sound itself grows."""


@dataclass(frozen=True)
class Measured:
    """What one engine made of one model file."""

    logits: Floats
    """float32 [rounds, steps]: the features again and again as one stream, states carried."""
    scores: Floats
    """float32 [steps]: what a `Stream` made of the sound, fed in CHUNKS."""
    load_ms: float
    """Of the file, with the engine imported already."""
    step_us: float
    """Median microseconds a step, one thread."""
    step_p99_us: float
    memory_mb: float | None
    """Resident MB of the process while it listens; None where the system does not say."""

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what `from_arrays` reads back."""
        memory = np.nan if self.memory_mb is None else self.memory_mb
        times = np.array([self.load_ms, self.step_us, self.step_p99_us, memory])
        return {"logits": self.logits, "scores": self.scores, "times": times}

    @classmethod
    def from_arrays(
        cls, logits: Floats, scores: Floats, times: npt.NDArray[np.float64]
    ) -> Measured:
        """Read back what `to_arrays` returned."""
        load_ms, step_us, step_p99_us, memory = times.tolist()
        known = None if np.isnan(memory) else memory
        return cls(logits, scores, load_ms, step_us, step_p99_us, known)


def measure(engine: str, file: Path, sound: Pcm, features: Floats, rounds: int) -> Measured:
    """Stream the sound through a `Detector` as a device would, and the features through its model.

    Frames of an unfinished last step are left out, as in training.

    Args:
        engine: name in `ENGINES`.
        file: a model file with its manifest inside.
        sound: int16 [samples] at 16 kHz.
        features: float32 [frames, channels], the front end's for this sound.
        rounds: how often the features are heard, one after the other.

    Raises:
        BundleError: the file or its manifest does not hold, the engine refuses it, or a logit is
            not finite.
    """
    started = time.perf_counter()
    detector = Detector.load(file, engine=engine)
    load_ms = (time.perf_counter() - started) * 1e3
    scores, memory_mb = _listen(detector, sound)
    session = detector.session()
    frames = detector.manifest.step.frames
    steps = len(features) // frames
    chunks = features[: steps * frames].reshape(steps, 1, frames, -1)
    logits = np.empty((rounds, steps), dtype=np.float32)
    seconds = np.empty(steps)
    for heard in range(rounds):
        for index, chunk in enumerate(chunks):
            started = time.perf_counter()
            logits[heard, index] = session.step(chunk)
            seconds[index] = time.perf_counter() - started
    median, p99 = np.percentile(seconds, (50, 99)) * 1e6
    return Measured(logits, scores, load_ms, float(median), float(p99), memory_mb)


def _listen(detector: Detector, sound: Pcm) -> tuple[Floats, float | None]:
    """Return the scores float32 [steps] and the memory of this process in MB."""
    # The network is compared, step by step: one that forgets in another step is not another one.
    detector.forgets = False
    stream = detector.stream()
    scores, memory_mb, at, turn = [], None, 0, 0
    while at < len(sound):
        size = CHUNKS[turn % len(CHUNKS)]
        scores.append(stream.scores(np.array(sound[at : at + size])))
        at += size
        turn += 1
        if memory_mb is None and at >= min(MEMORY_AFTER_S * SAMPLE_RATE_HZ, len(sound)):
            memory_mb = resident_mb()
    return np.concatenate(scores), memory_mb


def resident_mb() -> float | None:
    """Return the resident memory of this process, 10⁶ bytes, or None where there is no /proc."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith("VmRSS:")), None)
    return None if kib is None else int(kib) * 1024 / 1e6


def main(arguments: list[str]) -> int:
    """Measure and write the result; say why on stderr if that fails."""
    engine, file, name, rounds = arguments
    folder = Path(name)
    missing = ENGINES[engine].missing()
    if missing is not None:
        sys.stderr.write(f"{engine}: {missing}\n")
        return NO_ENGINE_STATUS
    # Mapped, not read: the sound of ten minutes would count as the engine's memory.
    sound = np.load(folder / SOUND_FILE, mmap_mode="r", allow_pickle=False)
    features = np.load(folder / FEATURES_FILE, mmap_mode="r", allow_pickle=False)
    try:
        done = measure(engine, Path(file), sound, features, int(rounds))
    except BundleError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED_STATUS
    arrays: Any = done.to_arrays()
    np.savez(folder / RESULT_FILE, **arrays)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
