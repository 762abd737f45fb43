"""Feature windows in, the same speech hurried or drawn out and by another throat out.

Cheap enough to be drawn anew for every batch, where the waveform's own variants are made once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.half_floats import narrowed, widened

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class FeatureWarp:
    """How often and how far windows are changed."""

    share: float = 0.5
    """Of windows; the others stay as they were recorded."""
    pace: tuple[float, float] = (0.75, 1.35)
    """Range of the factor on the pace; above 1 is faster."""
    channels: float = 1.5
    """Largest shift along the 40 channels: a shorter or longer throat, as vocal tract length
    perturbation does it (N. Jaitly and G. Hinton, 2013)."""

    def draw_pace(self, rng: np.random.Generator) -> float:
        """Draw a factor on the pace, 1 for windows that stay as they are."""
        if rng.random() >= self.share:
            return 1.0
        return float(np.exp(rng.uniform(*np.log(self.pace))))

    def draw_shift(self, rng: np.random.Generator) -> float:
        """Draw a shift in channels, 0 for windows that stay as they are."""
        if rng.random() >= self.share:
            return 0.0
        return float(rng.uniform(-self.channels, self.channels))


def to_length(window: NDArray[np.float16], frames: int) -> NDArray[np.float16]:
    """Stretch or squeeze [any, 40] to [frames, 40], linearly between frames."""
    if len(window) == frames:
        return window
    return _between(window, np.linspace(0, len(window) - 1, frames))


def shift_channels(window: NDArray[np.float16], channels: float) -> NDArray[np.float16]:
    """Move [frames, 40] up by so many channels, linearly between them; the edge is repeated."""
    if channels == 0.0:
        return window
    count = window.shape[1]
    places = np.clip(np.arange(count) - channels, 0, count - 1)
    return np.ascontiguousarray(_between(window.T, places).T)


def _between(rows: NDArray[np.float16], places: NDArray[np.float64]) -> NDArray[np.float16]:
    """Return the rows at fractional places."""
    left = np.floor(places).astype(int)
    right = np.minimum(left + 1, len(rows) - 1)
    share = (places - left).astype(np.float32)[:, None]
    return narrowed(widened(rows[left]) * (1 - share) + widened(rows[right]) * share)
