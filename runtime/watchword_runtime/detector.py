"""A bundle in, a `Detector` out; its streams turn 16 kHz samples into scores and detections."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from watchword_runtime.bundle import LoadedBundle, open_bundle
from watchword_runtime.decision import Trigger, refractory_steps
from watchword_runtime.engines import Model, Session, choose
from watchword_runtime.errors import BundleNotFoundError
from watchword_runtime.frontend import HOP_S, Floats, FrontEnd, Pcm
from watchword_runtime.scores import ScoreStream

if TYPE_CHECKING:
    import os


@dataclass(frozen=True)
class Detection:
    """The phrase was heard."""

    phrase: str
    time_s: float
    """Seconds from the stream's start to the end of the audio that completed it."""
    score: float
    """From the threshold to 1."""


class Detector:
    """A loaded model and its decision rule. Streams share it and keep their own state."""

    def __init__(
        self, bundle: LoadedBundle, model: Model, engine_name: str, file: str, threshold: float
    ) -> None:
        self.bundle = bundle
        self.manifest = bundle.manifest
        self.engine_name = engine_name
        self.file = file
        self.threshold = threshold
        self.refractory_s = self.manifest.decision.refractory_s
        self.trigger_level = 1
        """Steps in a row that must reach the threshold."""
        self.forgets = True
        """Whether what may have been the phrase is forgotten (`Forgetting`). Like the three above,
        for streams to come."""
        self.step_s = self.manifest.step.step_s
        self.warmup_steps = self.manifest.decision.warmup_steps
        """The first steps of a stream are no detections: noise that begins with it is loud news."""
        self._model = model

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        engine: str | None = None,
        file: str | None = None,
        threshold: float | None = None,
        public_key: bytes | None = None,
    ) -> Detector:
        """Load a bundle folder, a bundle zip or one exported .onnx or .tflite file.

        Args:
            path: where it is.
            engine: "onnxruntime", "ai-edge-litert" or "tflite-runtime"; by default the first
                that is installed and runs the most preferred file.
            file: which of the bundle's model files; by default the most preferred one.
            threshold: a score from 0 to 1 instead of the manifest's.
            public_key: 32 bytes, see `signature.read_public_key`; then only a bundle that this key
                signed is loaded.

        Raises:
            BundleError: the bundle or model file cannot be used; the message names it.
            NoEngineError: no installed engine can run it; the message says what to install.
            ValueError: unknown engine, or a threshold outside 0…1.
        """
        if threshold is not None and not 0.0 <= threshold <= 1.0:
            raise ValueError(f"The threshold must be from 0 to 1, not {threshold}.")
        bundle = open_bundle(path, public_key)
        formats = bundle.formats
        if file is not None:
            if file not in formats:
                raise BundleNotFoundError(
                    f"{Path(path)} has no model file {file!r}: choose from {', '.join(formats)}."
                )
            formats = {file: formats[file]}
        chosen, runner = choose(formats, engine)
        model = runner.load(bundle.read(chosen), bundle.manifest.step, chosen)
        default = bundle.manifest.decision.threshold
        return cls(
            bundle, model, runner.name, chosen, default if threshold is None else float(threshold)
        )

    def stream(self) -> Stream:
        """Start listening to one source of audio."""
        return Stream(self)

    def session(self) -> Session:
        """Return the bare model: features in, logits out, with states of its own."""
        return Session(self._model, self.file)

    def step_end_s(self, step: int) -> float:
        """Return the seconds of audio that step `step` of a stream, counted from 0, has heard."""
        return round((step + 1) * self.manifest.step.frames * HOP_S, 6)


class FrameStream:
    """One detector's part of a stream: features in, scores and detections out."""

    def __init__(self, detector: Detector, silent: Floats) -> None:
        """Begin a stream; `silent` is what `FrontEnd.settle` returned."""
        self._detector = detector
        manifest = detector.manifest
        self._scores = ScoreStream(
            detector.session(),
            manifest.step,
            manifest.decision.smoothing_steps,
            silent,
            forgets=detector.forgets,
        )
        self._trigger = Trigger(
            detector.threshold,
            refractory_steps(detector.refractory_s, detector.step_s),
            detector.warmup_steps,
            detector.trigger_level,
        )
        self._steps = 0

    def start(self, silent: Floats) -> None:
        """Start a new stream at 0 s; see `ScoreStream.start`."""
        self._scores.start(silent)
        self._trigger.reset()
        self._steps = 0

    def advance(self, frames: Floats) -> tuple[list[float], list[Detection]]:
        """Take float32 [frames, 40]; return the scores of the steps completed, and detections.

        Raises:
            ModelError: the model gave a logit that is not finite.
        """
        detector, hit = self._detector, self._trigger.hit
        scores = self._scores.advance(frames)
        detections = [
            Detection(detector.manifest.phrase, detector.step_end_s(step), score)
            for step, score in enumerate(scores, self._steps)
            if hit(score)
        ]
        self._steps += len(scores)
        return scores, detections


class Stream:
    """One source of audio. Chunks of any length give the same results as all of it at once.

    It begins as if the room had been silent before, so that a phrase may come at once. Streams are
    independent: each may live in a thread of its own. One stream is for one thread.
    """

    def __init__(self, detector: Detector) -> None:
        self._front_end = FrontEnd()
        self._frames = FrameStream(detector, self._front_end.settle())

    def reset(self) -> None:
        """Forget everything heard: what follows is the start of a new stream, at 0 s."""
        self._frames.start(self._front_end.settle())

    def process(self, pcm: Pcm) -> list[Detection]:
        """Take int16 [samples] at 16 kHz, any number of them; return what they complete.

        Raises:
            TypeError: the samples are not one-dimensional int16.
            ModelError: the model gave a logit that is not finite.
        """
        return self._frames.advance(self._front_end.process(pcm))[1]

    def scores(self, pcm: Pcm) -> Floats:
        """Take int16 [samples] at 16 kHz; return float32 [steps], the score of each step completed.

        It moves the same state as `process`: use one or the other on a piece of audio.
        """
        scores, _ = self._frames.advance(self._front_end.process(pcm))
        return np.array(scores, dtype=np.float32)
