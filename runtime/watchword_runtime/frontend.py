"""16 kHz mono int16 samples in, one float32 vector of 40 log-mel channels each 10 ms out.

Training and devices call this same code, so a model meets the features it was trained on.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

# The extension of pymicro-features itself, whose version is pinned: the Python around it builds an
# object each 10 ms, 6 % of the front end's time.
from micro_features_cpp import create_frontend, process_samples, reset_frontend

FRONT_END_NAME = "pymicro-features"
FRONT_END_VERSION = "2.0.2"
"""The version this package requires; a manifest records it."""

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 160
HOP_S = HOP_SAMPLES / SAMPLE_RATE_HZ
WINDOW_HOPS = 3
"""A vector covers 30 ms: the first one appears after three hops, then one each hop."""
CHANNELS = 40
SETTLED_FRAMES = 150
"""Vectors of silence that a stream has heard before its first sample."""

_HOP_BYTES = HOP_SAMPLES * 2
_BLOCK_BYTES = 100 * _HOP_BYTES
"""1 s: what is turned into arrays at once, since lists of floats are eight times as large."""

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


def check_pcm(pcm: Any) -> Pcm:
    """Return `pcm` if it is a one-dimensional int16 array.

    Raises:
        TypeError: it is something else; the message says how to convert it.
    """
    if not isinstance(pcm, np.ndarray):
        raise TypeError(
            f"Audio must be a numpy int16 array, not {type(pcm).__name__}: "
            "use np.frombuffer(data, dtype=np.int16) on raw 16 kHz mono PCM."
        )
    if pcm.dtype != np.int16:
        raise TypeError(
            f"Audio must be int16 samples, not {pcm.dtype}: "
            "use watchword_runtime.frontend.to_int16() on floats in [-1, 1]."
        )
    if pcm.ndim != 1:
        raise TypeError(
            f"Audio must be mono, of shape [samples], not {list(pcm.shape)}: pass one channel."
        )
    return pcm


class FrontEnd:
    """A stream of features. It keeps noise and gain state, and the samples of an unfinished hop."""

    def __init__(self) -> None:
        self._frontend = create_frontend()
        self._rest = b""

    def process(self, pcm: Pcm) -> Floats:
        """Take int16 [samples], any number of them; return float32 [frames, 40], values about 0…26.

        The features do not depend on how the audio is cut into calls.

        Raises:
            TypeError: the samples are not one-dimensional int16.
        """
        data = self._rest + check_pcm(pcm).tobytes()
        whole = len(data) - len(data) % _HOP_BYTES
        blocks = [
            self._block(data[start : min(start + _BLOCK_BYTES, whole)])
            for start in range(0, whole, _BLOCK_BYTES)
        ]
        self._rest = data[whole:]
        if len(blocks) == 1:
            return blocks[0]
        return np.concatenate(blocks) if blocks else np.empty((0, CHANNELS), dtype=np.float32)

    def _block(self, data: bytes) -> Floats:
        """Return the features of whole hops."""
        frontend = self._frontend
        # The extension takes exactly one hop a call whatever it is given, and refuses less. Its
        # vectors are lists, and empty until it has heard a window.
        vectors = [
            process_samples(frontend, data[start : start + _HOP_BYTES])[0]
            for start in range(0, len(data), _HOP_BYTES)
        ]
        values = np.fromiter(chain.from_iterable(vectors), dtype=np.float32)
        return values.reshape(-1, CHANNELS)

    def reset(self) -> None:
        """Forget all audio: what follows is the start of a new stream."""
        reset_frontend(self._frontend)
        self._rest = b""

    def settle(self) -> Floats:
        """Forget all audio, then hear silence; return its float32 [SETTLED_FRAMES, 40].

        From then on each hop gives one vector at once.
        """
        self.reset()
        return self.process(silence((SETTLED_FRAMES + WINDOW_HOPS - 1) * HOP_S))


def features(pcm: Pcm) -> Floats:
    """Return float32 [frames, 40] for int16 [samples] heard from a fresh state."""
    return FrontEnd().process(pcm)


def silence(seconds: float) -> Pcm:
    """Return int16 [samples] of nothing."""
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), dtype=np.int16)


def to_int16(waveform: npt.ArrayLike) -> Pcm:
    """Return int16 samples for floats in [-1, 1] of any shape; louder values are clipped.

    Raises:
        TypeError: the waveform holds integers, which have no agreed full scale.
        ValueError: the waveform holds a value that is not finite.
    """
    values = np.asarray(waveform)
    if values.dtype.kind != "f":
        raise TypeError(
            f"to_int16 converts floats in [-1, 1], not {values.dtype}: int16 needs no conversion."
        )
    if not np.isfinite(values).all():
        raise ValueError("The waveform holds NaN or infinite samples: check how it was made.")
    scaled = np.clip(values, -1.0, 1.0) * 32767.0
    return np.rint(scaled).astype(np.int16)
