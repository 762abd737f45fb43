"""Detectors and the samples of one source in, detections at their places in that source out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from watchword_runtime.frontend import SAMPLE_RATE_HZ, Pcm, silence
from watchword_runtime.group import DetectorGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_runtime.detector import Detection, Detector
    from watchword_runtime.gate import Gate, Piece

FLUSH_S = 0.5
"""Silence after the last sample: the score may rise only some steps after the phrase ends."""


class Listener:
    """One source of audio, heard by several detectors. Times count samples, never clocks."""

    def __init__(self, detectors: Sequence[Detector], gate: Gate | None = None) -> None:
        self._stream = DetectorGroup(detectors).stream()
        self._gate = gate
        self._refractory_s = {one.manifest.phrase: one.refractory_s for one in detectors}
        self._last_s: dict[str, float] = {}
        self.source_samples = 0
        """All samples so far, also those that the gate left out."""
        self.heard_samples = 0
        """Those that reached the detectors."""
        self._start_at(0)

    def hear(self, pcm: Pcm) -> list[Detection]:
        """Take int16 [samples], any number of them; return the detections that they complete.

        Raises:
            ModelError: a model gave a logit that is not finite.
        """
        self.source_samples += len(pcm)
        if self._gate is None:
            return self._feed(pcm)
        found: list[Detection] = []
        for piece in self._gate.process(pcm):
            found += self._feed_piece(piece)
        return found

    def restart(self) -> None:
        """Go on after a hole in the sound: nothing of before is remembered, times go on."""
        if self._gate is not None:
            self._gate.flush()
            self._gate.reset()
        self._start_at(self.source_samples)

    def finish(self) -> list[Detection]:
        """Hear the silence after the last sample; return what it completes."""
        found: list[Detection] = []
        for piece in self._gate.flush() if self._gate else []:
            found += self._feed_piece(piece)
        heard = self.heard_samples
        found += self._feed(silence(FLUSH_S))
        self.heard_samples = heard
        return found

    def _start_at(self, sample: int) -> None:
        self._stream.reset()
        self._start_s = sample / SAMPLE_RATE_HZ
        # The new stream knows nothing of the refractory times that the last one began.
        self._deaf_until_s = {
            phrase: time_s + self._refractory_s[phrase] for phrase, time_s in self._last_s.items()
        }

    def _feed_piece(self, piece: Piece) -> list[Detection]:
        if piece.fresh:
            self._start_at(piece.start)
        return self._feed(piece.pcm)

    def _feed(self, pcm: Pcm) -> list[Detection]:
        self.heard_samples += len(pcm)
        found: list[Detection] = []
        for one in self._stream.process(pcm):
            time_s = round(one.time_s + self._start_s, 6)
            if time_s >= self._deaf_until_s.get(one.phrase, 0.0):
                self._last_s[one.phrase] = time_s
                found.append(dataclasses.replace(one, time_s=time_s))
        return found
