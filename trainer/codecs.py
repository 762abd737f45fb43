"""A waveform in, what a telephone, an old file or a radio link leaves of it out.

The coders are libsndfile's own, not imitations; delays that they add are taken out again.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Mapping

Waveform = NDArray[np.float32]

CODED_PEAK = 0.7
"""Coders overshoot: a waveform of full scale would come back clipped."""


@dataclass(frozen=True)
class Codec:
    """How to reach one coder of libsndfile."""

    rate_hz: int
    format: str
    subtype: str
    compression: float | None = None
    """libsndfile's level: 0 best, 1 smallest."""
    delay_samples: int = 0
    """By which the decoded waveform is late, at its own rate."""
    weight: float = 1.0
    """How often it is drawn."""


CODECS: Mapping[str, Codec] = {
    "g711-mu": Codec(8000, "WAV", "ULAW", weight=3),
    "g711-a": Codec(8000, "WAV", "ALAW", weight=2),
    "mu-law-16k": Codec(16000, "WAV", "ULAW", weight=2),
    "gsm": Codec(8000, "WAV", "GSM610", weight=2),
    "adpcm": Codec(16000, "WAV", "IMA_ADPCM", weight=2),
    "vorbis": Codec(16000, "OGG", "VORBIS", compression=1.0),
    "mp3-57k": Codec(16000, "MP3", "MPEG_LAYER_III", compression=0.7),
    "mp3-24k": Codec(16000, "MP3", "MPEG_LAYER_III", compression=0.9, delay_samples=1105),
    "opus-16k": Codec(16000, "OGG", "OPUS", compression=0.9, weight=0.5),
}
"""Numbers in the names are bit rates of speech. Opus costs more than all else that is done to a
scene, so it is drawn rarely."""


def code(waveform: Waveform, name: str) -> Waveform:
    """Encode and decode.

    Args:
        waveform: float32 [samples] at 16 kHz, any level.
        name: one of `CODECS`.

    Returns:
        float32 [samples], as long, as loud and at the same time.
    """
    codec = CODECS[name]
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak == 0.0:
        return waveform
    scale = np.float32(CODED_PEAK / peak)
    sent = _resample(waveform * scale, SAMPLE_RATE_HZ, codec.rate_hz)
    options: dict[str, Any] = {}
    if codec.compression is not None:
        options["compression_level"] = codec.compression
    if codec.format == "MP3":
        options["bitrate_mode"] = "CONSTANT"
    file = io.BytesIO()
    padded = np.concatenate([sent, np.zeros(codec.delay_samples, np.float32)])
    soundfile.write(
        file, padded, codec.rate_hz, format=codec.format, subtype=codec.subtype, **options
    )
    file.seek(0)
    heard, rate_hz = soundfile.read(file, dtype="float32")
    heard = heard[codec.delay_samples :][: len(sent)]
    out = _resample(heard, int(rate_hz), SAMPLE_RATE_HZ)[: len(waveform)]
    return np.pad(out, (0, len(waveform) - len(out))) / scale


def _resample(waveform: Waveform, from_hz: int, to_hz: int) -> Waveform:
    if from_hz == to_hz:
        return waveform
    return np.asarray(soxr.resample(waveform, from_hz, to_hz, quality="MQ"), np.float32)
