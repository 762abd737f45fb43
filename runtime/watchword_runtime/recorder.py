"""What a program that records a microphone is: the protocol that the rest of the runtime hears."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from watchword_runtime.frontend import Pcm

CHUNK_S = 0.1
"""What a recorder gives at once."""
BUFFER_S = 10.0
"""How much sound waits for a device that is busy; what comes after is an overrun."""


class Device(NamedTuple):
    """A microphone that can be listened to."""

    name: str
    """What `--device` takes."""
    description: str


class Recorder(Protocol):
    """A microphone that is recording."""

    overruns: int
    """How often sound was lost because it was not fetched in time."""

    def read(self, timeout_s: float) -> Pcm:
        """Return the next int16 [samples] at 16 kHz.

        Raises:
            MicrophoneError: the microphone has gone, or gave nothing for `timeout_s`.
        """

    def close(self) -> None:
        """Stop recording. It never raises: the device may be gone."""
