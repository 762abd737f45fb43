"""Half floats, as features are kept, in; single ones, as networks read them, out, and back.

numpy converts one number after the other, torch as many at once as the processor can: twenty times
as fast, where a step of training converts a million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def widened(features: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return the same numbers as float32."""
    if not features.flags.writeable:
        features = features.copy()  # torch warns of arrays that it could but must not change
    singles: NDArray[np.float32] = torch.from_numpy(features).float().numpy()
    return singles


def narrowed(features: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return the nearest half floats of an array that was just computed."""
    halves: NDArray[np.float16] = torch.from_numpy(features).half().numpy()
    return halves


def padded(streams: Sequence[NDArray[np.float16]]) -> NDArray[np.float32]:
    """Stack streams [frames, channels] to [streams, longest, channels], with zeros behind them."""
    shape = (len(streams), max(map(len, streams)), streams[0].shape[1])
    batch = np.zeros(shape, np.float16)
    for row, stream in enumerate(streams):
        batch[row, : len(stream)] = stream
    return widened(batch)
