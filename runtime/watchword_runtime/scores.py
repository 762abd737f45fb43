"""A network and features in, the score of each step out; what may be the phrase is forgotten."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from watchword_runtime.decision import Forgetting, sigmoid
from watchword_runtime.frontend import CHANNELS, Floats

if TYPE_CHECKING:
    from watchword_runtime.engines import Session
    from watchword_runtime.manifest import StepSpec


class ScoreStream:
    """One network's part of a stream. However the vectors are cut, the scores are the same."""

    def __init__(
        self,
        session: Session,
        step: StepSpec,
        smoothing_steps: int,
        silent: Floats,
        *,
        forgets: bool = True,
    ) -> None:
        """Begin a stream: see `start`.

        Args:
            session: the network, with states of its own.
            step: what it takes.
            smoothing_steps: a score is that of the mean of so many logits.
            silent: what `FrontEnd.settle` returned.
            forgets: whether it forgets what may have been the phrase.
        """
        self._forgets = forgets
        self._session = session
        self._frames_per_step = step.frames
        self._logits: deque[float] = deque(maxlen=smoothing_steps)
        self._forgetting = Forgetting(step.step_s)
        self.start(silent)

    def start(self, silent: Floats) -> None:
        """Start a new stream: what `FrontEnd.settle` returned is heard first.

        A network that was just switched on misses who speaks at once, and recordings often begin
        with the phrase. In this state it is again when it has forgotten.
        """
        self._session.reset()
        self._logits.clear()
        self._forgetting.reset()
        steps = len(silent) // self._frames_per_step
        heard = silent[len(silent) - steps * self._frames_per_step :]
        self._logits.extend(self._session.run(self._cut(heard)))
        self._settled = self._session.save()
        self._pending = np.empty((0, CHANNELS), dtype=np.float32)

    def advance(self, frames: Floats) -> list[float]:
        """Take float32 [frames, 40]; return the scores of the steps that they complete.

        Raises:
            ModelError: the model gave a logit that is not finite.
        """
        frames = np.concatenate([self._pending, frames])
        size = self._frames_per_step
        end = len(frames) // size * size
        self._pending = frames[end:].copy()
        scores: list[float] = []
        at = 0
        while at < end:
            stop = min(end, at + self._forgetting.steps_until_due * size)
            for logit in self._session.run(self._cut(frames[at:stop])):
                self._logits.append(logit)
                scores.append(sigmoid(sum(self._logits) / len(self._logits)))
                if self._forgetting.due(scores[-1]) and self._forgets:
                    self._session.restore(self._settled)
            at = stop
        return scores

    def _cut(self, frames: Floats) -> Floats:
        return frames.reshape(-1, self._frames_per_step, CHANNELS)
