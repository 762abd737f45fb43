"""A window with the phrase in; the same window with half of the phrase said otherwise, out.

A network that has heard a few hundred near-misses takes anything that ends in "glass" for "view
glass": there are more words than it can be shown. Put together from features, half of the phrase
and half of anything that anybody said, they cost nothing and never run out. So that a joint is no
sign of a near-miss, some of the phrases have one too: between two people who say it
(docs/decisions/0026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.feature_warp import to_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.render import Stream

CUT = (0.35, 0.65)
"""Where the halves meet, as a share of the phrase."""
ECHO_FRAMES = 5
"""What somebody else says in place of the second half covers the phrase's last echo."""


class Window(NamedTuple):
    """Features with the phrase in them."""

    features: NDArray[np.float16]
    """[frames, 40], raw front-end values."""
    start: int
    """Frame in which the phrase begins; negative where the window begins later."""
    end: int
    """First frame behind it."""


class Halves:
    """Puts other words in the place of half of a phrase.

    Args:
        streams: what is said in them, by anybody, comes in the phrase's place.
    """

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = [stream.features for stream in streams]
        self._spans = np.array(
            [(number, *span) for number, stream in enumerate(streams) for span in stream.spans],
            np.int64,
        ).reshape(-1, 3)
        self._lengths = self._spans[:, 2] - self._spans[:, 1]

    def other(self, window: Window, rng: np.random.Generator) -> NDArray[np.float16]:
        """Return the features of a window in which one half of the phrase is something else.

        Where nothing that long is said anywhere, the half is silent.
        """
        features, start, cut, end = _halved(window, rng)
        half = slice(start, cut) if rng.random() < 0.5 else slice(cut, end + ECHO_FRAMES)
        features[half] = self._said(len(features[half]), rng)
        return features

    def _said(self, frames: int, rng: np.random.Generator) -> NDArray[np.float16] | float:
        """Draw what somebody says, half of the time from where they begin."""
        rows = np.flatnonzero(self._lengths >= frames)
        if not len(rows):
            return 0.0
        number, start, end = self._spans[rows[int(rng.integers(len(rows)))]]
        room = int(end - start) - frames
        at = int(start) + int(rng.integers(room + 1)) * int(rng.random() < 0.5)
        return self._streams[number][at : at + frames]


def joined(window: Window, donor: Window, rng: np.random.Generator) -> Window:
    """Return a window in which another one's phrase takes the place of one half, at its pace."""
    features, start, cut, end = _halved(window, rng)
    first = rng.random() < 0.5
    half = slice(start, cut) if first else slice(cut, end)
    theirs, begin, middle, stop = _halved(donor, rng, share=(cut - start) / max(end - start, 1))
    piece = theirs[begin:middle] if first else theirs[middle:stop]
    if len(features[half]) and len(piece):
        features[half] = to_length(piece, len(features[half]))
    return Window(features, window.start, window.end)


def _halved(
    window: Window, rng: np.random.Generator, share: float | None = None
) -> tuple[NDArray[np.float16], int, int, int]:
    """Return a copy of the features, and the frames of the phrase's start, joint and end in it."""
    share = float(rng.uniform(*CUT)) if share is None else share
    start, end = max(window.start, 0), min(window.end, len(window.features))
    return window.features.copy(), start, start + round((end - start) * share), end
