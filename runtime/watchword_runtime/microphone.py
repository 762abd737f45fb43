"""A microphone that may be unplugged in, chunks of its sound for as long as anyone listens out."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Callable, NamedTuple

from watchword_runtime.errors import MicrophoneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_runtime.frontend import Pcm
    from watchword_runtime.recorder import Recorder

logger = logging.getLogger(__name__)

SILENT_S = 3.0
"""A microphone that gives nothing for so long is lost: unplugged ones often just stop."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
"""Waits between tries to have it back: each is twice the one before."""
REPORT_EVERY_S = 10.0
"""Overruns are counted, and reported no more often than this."""


class Chunk(NamedTuple):
    """A piece of a source's sound."""

    pcm: Pcm
    """int16 [samples] at 16 kHz."""
    after_gap: bool = False
    """Whether the microphone was away just before."""


class Microphone:
    """Chunks of sound, without end. What gets lost is told on the log and does not stop it."""

    def __init__(
        self,
        open_recorder: Callable[[], Recorder],
        wait: Callable[[float], None] = time.sleep,
        silent_s: float = SILENT_S,
    ) -> None:
        """Open the microphone with `open_recorder`, now and whenever it was lost.

        Raises:
            MicrophoneError: it cannot be opened now.
        """
        self._open = open_recorder
        self._wait = wait
        self._silent_s = silent_s
        self._recorder: Recorder | None = open_recorder()
        self._past_overruns = 0
        self._reported_overruns = 0
        self._report_at_s = 0.0
        self.losses = 0
        """How often the microphone went away."""

    @property
    def overruns(self) -> int:
        """How often sound was lost because this program was too slow."""
        return self._past_overruns + (self._recorder.overruns if self._recorder else 0)

    def close(self) -> None:
        """Stop recording."""
        if self._recorder is not None:
            self._past_overruns += self._recorder.overruns
            self._recorder.close()
            self._recorder = None

    def chunks(self) -> Iterator[Chunk]:
        """Yield the sound as it is recorded, until `close`.

        Raises:
            MicrophoneError: it gives no sound at all, not even once.
        """
        heard = after_gap = False
        wait_s = FIRST_WAIT_S
        while True:
            try:
                if self._recorder is None:
                    self._recorder = self._open()
                pcm = self._recorder.read(self._silent_s)
            except MicrophoneError as error:
                self.close()
                if not heard:
                    raise
                if not after_gap:
                    self.losses += 1
                logger.warning("%s; trying again in %g s.", str(error).rstrip("."), wait_s)
                self._wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                after_gap = True
                continue
            if after_gap:
                logger.warning("The microphone is back.")
            yield Chunk(pcm, after_gap)
            heard, after_gap, wait_s = True, False, FIRST_WAIT_S
            self._report_overruns()

    def _report_overruns(self) -> None:
        now_s = time.monotonic()
        if self.overruns > self._reported_overruns and now_s >= self._report_at_s:
            self._reported_overruns = self.overruns
            self._report_at_s = now_s + REPORT_EVERY_S
            logger.warning(
                "Sound was lost %d times so far: this computer is too busy.", self.overruns
            )
