"""A detector's file and samples come in; its scores go out, through the runtime that devices run.

What was heard is asked again at any threshold without running the network again. Nothing here
needs torch: the runtime brings numpy and one inference engine, loaded when something is tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watchword_runtime.decision import detection_steps, refractory_steps
from watchword_runtime.engines import ENGINES
from watchword_runtime.frontend import SAMPLE_RATE_HZ, features, silence
from watchword_runtime.listener import FLUSH_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from watchword_runtime.detector import Detector
    from watchword_runtime.manifest import ModelFile

EXCERPT_BEFORE_S, EXCERPT_AFTER_S = 3.0, 1.0
"""Around the end of a phrase; as `watchword-listen --save-detections` keeps."""


@dataclass(frozen=True)
class Choice:
    """A model file and what runs it here."""

    file: str
    engine: str
    """Empty where nothing here runs it."""
    missing: str = ""
    """What to install, where nothing does."""


@dataclass(frozen=True)
class Heard:
    """What a detector made of a piece of sound."""

    pcm: NDArray[np.int16]
    """[samples] at 16 kHz."""
    scores: NDArray[np.float32]
    """[steps], 0 to 1; some are of the silence that was put behind the sound."""
    times_s: NDArray[np.floating]
    """[steps], the end of the sound that each has heard."""
    features: NDArray[np.float32]
    """[frames, 40], log-mel, one each 10 ms."""
    refractory: int
    """Steps."""
    warmup: int
    """Steps."""

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return len(self.pcm) / SAMPLE_RATE_HZ

    def detections(self, threshold: float) -> list[int]:
        """Return the steps at which a device with this threshold would wake."""
        return detection_steps(self.scores, threshold, self.refractory, self.warmup)


def choices(files: Sequence[ModelFile]) -> list[Choice]:
    """Return every file with each engine that runs it here, best first; the others at the end."""
    found: list[Choice] = []
    deaf: list[Choice] = []
    for file in files:
        engines = [engine for engine in ENGINES.values() if file.format in engine.formats]
        missing = {engine.name: engine.missing() for engine in engines}
        works = [name for name, why in missing.items() if why is None]
        found += [Choice(file.file, name) for name in works]
        if not works:
            why = "; ".join(str(reason) for reason in missing.values()) or "no engine runs it"
            deaf.append(Choice(file.file, "", why))
    return found + deaf


def hear(detector: Detector, pcm: NDArray[np.int16]) -> Heard:
    """Run a detector over a piece of sound, and the silence behind it.

    Args:
        detector: as the runtime loaded it.
        pcm: int16 [samples] at 16 kHz.

    Raises:
        ModelError: The model gave a number that is none.
    """
    scores = detector.stream().scores(np.concatenate([pcm, silence(FLUSH_S)]))
    return Heard(
        pcm,
        scores,
        detector.step_end_s(0) + detector.step_s * np.arange(len(scores)),
        features(pcm),
        refractory_steps(detector.manifest.decision.refractory_s, detector.step_s),
        detector.warmup_steps,
    )


def excerpt(pcm: NDArray[np.int16], start_s: float, end_s: float) -> NDArray[np.int16]:
    """Return the samples between two moments, as far as there are any."""
    first, last = (max(0, round(at * SAMPLE_RATE_HZ)) for at in (start_s, end_s))
    return pcm[first:last]


def likeliest_s(heard: Heard, threshold: float, phrase_s: float) -> tuple[float, float]:
    """Return where the phrase most likely is that was not detected: the highest score below.

    Args:
        heard: what the detector made of it.
        threshold: that was not reached.
        phrase_s: how long to make the stretch.
    """
    scores = heard.scores.copy()
    scores[: heard.warmup] = 0
    for step in heard.detections(threshold):  # what was detected was not missed
        scores[max(0, step - heard.refractory) : step + heard.refractory] = 0
    end_s = min(float(heard.times_s[int(np.argmax(scores))]) + 0.2, heard.seconds)
    start_s = max(0.0, end_s - phrase_s)
    return start_s, min(heard.seconds, max(end_s, start_s + phrase_s))
