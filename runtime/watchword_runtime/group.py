"""Several detectors and one source of audio in, the detections of all of them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from watchword_runtime.detector import Detection, Detector, FrameStream
from watchword_runtime.frontend import Floats, FrontEnd, Pcm

if TYPE_CHECKING:
    from collections.abc import Sequence


class DetectorGroup:
    """Detectors that listen together: the features are computed once for all of them."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        """Keep `detectors`, in this order.

        Raises:
            ValueError: there are none.
        """
        if not detectors:
            raise ValueError("A group needs at least one detector: pass a list of them.")
        self.detectors = tuple(detectors)

    def stream(self) -> GroupStream:
        """Start listening to one source of audio."""
        return GroupStream(self.detectors)


class GroupStream:
    """One source of audio. Each detector gives the same bits as in a stream of its own."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._front_end = FrontEnd()
        silent = self._front_end.settle()
        self._parts = [FrameStream(detector, silent) for detector in detectors]

    def reset(self) -> None:
        """Forget everything heard: what follows is the start of a new stream, at 0 s."""
        silent = self._front_end.settle()
        for part in self._parts:
            part.start(silent)

    def process(self, pcm: Pcm) -> list[Detection]:
        """Take int16 [samples] at 16 kHz, any number of them; return what they complete.

        The detections come in the order of their times, also across calls; those of the same
        time in the order of the group's detectors.

        Raises:
            TypeError: the samples are not one-dimensional int16.
            ModelError: a model gave a logit that is not finite.
        """
        frames = self._front_end.process(pcm)
        found = [one for part in self._parts for one in part.advance(frames)[1]]
        return sorted(found, key=lambda one: one.time_s)

    def scores(self, pcm: Pcm) -> list[Floats]:
        """Take int16 [samples] at 16 kHz; return each detector's float32 [steps] of scores.

        It moves the same state as `process`: use one or the other on a piece of audio.
        """
        frames = self._front_end.process(pcm)
        return [np.array(part.advance(frames)[0], dtype=np.float32) for part in self._parts]
