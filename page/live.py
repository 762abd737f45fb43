"""Chunks of sound that a browser sends come in; scores and detections go back while they last.

The browser waits for the answer to a chunk before it sends the next one with all that was said
meanwhile: a slow machine answers later and loses nothing. Every chunk has a number; one that comes
twice, because somebody pressed a button elsewhere on the page, is taken once.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from watchword_runtime.decision import Trigger, refractory_steps
from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from watchword_runtime.detector import Detector

LONGEST_S = 600.0
"""Nobody is listened to for longer."""
MOST_CHUNK_S = 60.0
LEAST_RATE_HZ, MOST_RATE_HZ = 8_000, 192_000
HERE = Path(__file__).parent


class ChunkError(ValueError):
    """The browser sent what is no chunk of sound."""


@dataclass(frozen=True)
class Chunk:
    """What a browser recorded since the last one."""

    session: str
    """Of one press of the button."""
    number: int
    """From 1."""
    rate_hz: int
    samples: NDArray[np.int16]
    last: bool

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Chunk:
        """Read what `microphone.js` sends; nothing in it is trusted.

        Raises:
            ChunkError: It is something else, or more than it should be.
        """
        try:
            session, number = str(values["session"])[:40], int(values["number"])
            rate_hz, last = int(values["rate_hz"]), bool(values["last"])
            text = str(values["pcm"])
            samples = np.frombuffer(base64.b64decode(text, validate=True), "<i2")
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise ChunkError(f"The browser sent no sound ({error}). Reload the page.") from error
        if not LEAST_RATE_HZ <= rate_hz <= MOST_RATE_HZ:
            raise ChunkError(f"The browser records at {rate_hz} Hz, which cannot be used.")
        if len(samples) > MOST_CHUNK_S * rate_hz:
            raise ChunkError("The connection was gone for too long. Start again.")
        return cls(session, number, rate_hz, samples.astype(np.int16), last)


@dataclass
class Live:
    """One listening to one person: the detector's stream and all that it was given."""

    detector: Detector
    session: str
    number: int = 0
    """Of the last chunk that was taken."""
    parts: list[NDArray[np.int16]] = field(default_factory=list)
    detections: list[tuple[float, float]] = field(default_factory=list)
    """Second and score of each."""
    steps: int = 0
    scores: list[float] = field(default_factory=list)
    """Of the last chunk."""
    ended: bool = False

    def __post_init__(self) -> None:
        detector = self.detector
        self._stream = detector.stream()
        self._trigger = Trigger(
            detector.threshold,
            refractory_steps(detector.refractory_s, detector.step_s),
            detector.warmup_steps,
        )
        self._resampler: Any = None

    @property
    def samples(self) -> int:
        """How many were heard, at 16 kHz."""
        return sum(len(part) for part in self.parts)

    def take(self, chunk: Chunk) -> None:
        """Hear a chunk, unless it was heard before.

        Raises:
            ModelError: The model gave a number that is none.
        """
        if self.ended or chunk.number <= self.number:
            return
        self.number = chunk.number
        pcm = self._at_16_khz(chunk)
        self.parts.append(pcm)
        self.steps += len(self.scores)
        self.scores = self._stream.scores(pcm).tolist()
        for step, score in enumerate(self.scores, self.steps):
            if self._trigger.hit(score):
                self.detections.append((self.detector.step_end_s(step), score))
        self.ended = chunk.last or self.samples >= LONGEST_S * SAMPLE_RATE_HZ

    def pcm(self) -> NDArray[np.int16]:
        """Return all that was heard: int16 [samples] at 16 kHz."""
        return np.concatenate(self.parts) if self.parts else np.zeros(0, np.int16)

    def answer(self) -> dict[str, Any]:
        """Return what `microphone.js` draws."""
        return {
            "session": self.session,
            "phrase": self.detector.manifest.phrase,
            "threshold": self.detector.threshold,
            "step_s": self.detector.step_s,
            "first_s": self.detector.step_end_s(0),
            "number": self.number,
            "first_step": self.steps,
            "scores": [round(score, 4) for score in self.scores],
            "detections": [[time_s, round(score, 4)] for time_s, score in self.detections],
            "ended": self.ended,
        }

    def _at_16_khz(self, chunk: Chunk) -> NDArray[np.int16]:
        if chunk.rate_hz == SAMPLE_RATE_HZ:
            return chunk.samples
        if self._resampler is None:
            import soxr  # noqa: PLC0415 - most browsers record at 16 kHz when asked to

            self._resampler = soxr.ResampleStream(chunk.rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")
        floats = chunk.samples.astype(np.float32) / 32767
        return to_int16(self._resampler.resample_chunk(floats, last=chunk.last))


_mount = st.components.v2.component(
    "watchword_microphone",
    html=(HERE / "microphone.html").read_text("utf-8"),
    css=(HERE / "microphone.css").read_text("utf-8"),
    js=(HERE / "microphone.js").read_text("utf-8"),
)


def microphone(answer: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """Show the microphone; return the newest chunk that its browser sent, None before the first."""
    return _mount(key=key, data=dict(answer), on_chunk_change=_nothing).get("chunk")


def _nothing() -> None:
    """Be there: a component keeps only the values that somebody waits for."""
