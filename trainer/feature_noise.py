"""Features of a stream in, features of the same stream among other sounds out.

Cheap enough to be drawn anew for every batch, where the waveform's own noise is mixed once. Of two
sounds a channel holds the louder one, and what its gain control makes of both is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.half_floats import narrowed, widened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.render import Stream


@dataclass(frozen=True)
class FeatureNoise:
    """How often and how loud."""

    share: float = 0.8
    """Of streams; the others stay as they are."""
    lowered: tuple[float, float] = (-1.0, 8.0)
    """Range by which a noise's features are lowered, in front-end values (0 to about 26)."""


class Noises:
    """Streams in which nobody speaks, to draw noise from.

    Talk is left out: where it hides a word of the phrase, any word in that place becomes the phrase
    (docs/decisions/0025).

    Args:
        streams: those that hold no clip are noise.
        config: how often and how loud.
    """

    def __init__(self, streams: Sequence[Stream], config: FeatureNoise) -> None:
        self._sounds = [stream.features for stream in streams if not len(stream.clip_ids)]
        self._config = config

    def disguise(
        self, stream: NDArray[np.float16], rng: np.random.Generator
    ) -> NDArray[np.float16]:
        """Return [frames, channels] among a noise, or as it is."""
        config = self._config
        if not self._sounds or rng.random() >= config.share:
            return stream
        sound = self._sounds[int(rng.integers(len(self._sounds)))]
        start = int(rng.integers(len(sound)))
        piece = np.take(sound, np.arange(start, start + len(stream)), axis=0, mode="wrap")
        return among(stream, piece, float(rng.uniform(*config.lowered)))


def among(
    stream: NDArray[np.float16], noise: NDArray[np.float16], lowered: float
) -> NDArray[np.float16]:
    """Return the features of two sounds heard together.

    Args:
        stream: [frames, channels], raw front-end values.
        noise: the same shape.
        lowered: what the noise loses first, in front-end values; where it is silent it stays so.
    """
    loud = widened(noise)
    quieter = np.where(loud > 0, loud - np.float32(lowered), np.float32(0))
    return narrowed(np.maximum(widened(stream), quieter))
