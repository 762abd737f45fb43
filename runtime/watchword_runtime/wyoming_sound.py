"""PCM of one client, of any usual kind, in; int16 samples at 16 kHz out, as it arrives.

The `wyoming` package has an `AudioChunkConverter`, which is not used: it takes every chunk of more
than one channel for stereo and adds the two, so that they clip; it changes rates without a filter,
so that hiss above 8 kHz is heard as speech; and where Python has no `audioop` (from 3.13) it does
that sample by sample in Python and refuses 24 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

import numpy as np

from watchword_runtime.audio import MAX_CHANNELS
from watchword_runtime.errors import AudioError
from watchword_runtime.frontend import SAMPLE_RATE_HZ, Pcm
from watchword_runtime.resampling import StreamResampler

MIN_RATE_HZ, MAX_RATE_HZ, RATE_STEP_HZ = 4_000, 192_000, 25
"""All usual rates are multiples of 25 Hz; others would need hundreds of filters."""


@dataclass(frozen=True)
class PcmFormat:
    """How the bytes of a chunk are to be read: little-endian, channels interleaved."""

    rate_hz: int
    sample_bytes: int
    """1 is unsigned, 2, 3 and 4 are signed."""
    channels: int

    def __post_init__(self) -> None:
        for value in (self.rate_hz, self.sample_bytes, self.channels):
            if not isinstance(value, int) or isinstance(value, bool):
                raise AudioError(f"rate, width and channels must be whole numbers, not {value!r}.")
        if not MIN_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ or self.rate_hz % RATE_STEP_HZ:
            raise AudioError(
                f"{self.rate_hz} Hz is not heard here: send {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz in "
                f"steps of {RATE_STEP_HZ}, best {SAMPLE_RATE_HZ}."
            )
        if not 1 <= self.sample_bytes <= 4:
            raise AudioError(f"A sample has 1 to 4 bytes, not {self.sample_bytes}.")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise AudioError(f"1 to {MAX_CHANNELS} channels are heard, not {self.channels}.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PcmFormat:
        """Read what a Wyoming audio event says of its sound; the constructor checks it."""
        return cls(values.get("rate"), values.get("width"), values.get("channels"))  # type: ignore[arg-type]


class ClientSound:
    """One client's sound from its start. A chunk may end in the middle of a sample."""

    def __init__(self) -> None:
        self._format: PcmFormat | None = None
        self._resampler: StreamResampler | None = None
        self._rest = b""

    def process(self, data: bytes, layout: PcmFormat) -> Pcm:
        """Take the next bytes; return int16 [samples] at 16 kHz that they complete.

        Channels are averaged; of 24 and 32 bits the upper 16 are kept.
        """
        if layout != self._format:
            self._format = layout
            same_rate = layout.rate_hz == SAMPLE_RATE_HZ
            self._resampler = None if same_rate else StreamResampler(layout.rate_hz)
            self._rest = b""
        data = self._rest + data
        whole = len(data) - len(data) % (layout.sample_bytes * layout.channels)
        self._rest = data[whole:]
        samples = _to_int16(data[:whole], layout.sample_bytes)
        if layout.channels > 1:
            mean = samples.reshape(-1, layout.channels).mean(axis=1)
            samples = np.rint(mean).astype(np.int16)
        return self._resampler.process(samples) if self._resampler else samples

    def flush(self, silence_s: float) -> Pcm:
        """Return what the resampler holds back, and `silence_s` of silence, as int16 [samples]."""
        rate_hz = self._format.rate_hz if self._format else SAMPLE_RATE_HZ
        silence = np.zeros(round(silence_s * rate_hz), dtype=np.int16)
        return self._resampler.process(silence) if self._resampler else silence


def _to_int16(data: bytes, sample_bytes: int) -> Pcm:
    if sample_bytes == 1:
        return (np.frombuffer(data, dtype=np.uint8).astype(np.int16) - 128) * np.int16(256)
    columns = np.frombuffer(data, dtype=np.uint8).reshape(-1, sample_bytes)
    upper = np.ascontiguousarray(columns[:, sample_bytes - 2 :])
    return upper.view("<i2").ravel().astype(np.int16)
