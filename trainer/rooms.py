"""A seed in, room impulse responses out: shoebox rooms simulated by pyroomacoustics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_RESPONSE_S = 0.5
MAX_REFLECTIONS = 12
WALL_MARGIN_M = 0.4


def simulate_rooms(count: int, seed: int) -> list[NDArray[np.float32]]:
    """Simulate `count` rooms from a closet to a hall, talkers near and far.

    Args:
        count: how many responses.
        seed: the same seed gives the same rooms.

    Returns:
        Impulse responses, float32 [samples] at 16 kHz, each starting at its direct sound, so that
        a convolution does not move speech in time, and scaled to unit energy.
    """
    import pyroomacoustics as pra  # noqa: PLC0415 - half a second that only rooms need

    rng = np.random.default_rng(seed)
    responses = []
    for _ in range(count):
        size_m = rng.uniform([2.0, 2.0, 2.2], [8.0, 7.0, 3.6])
        reverberation_s = rng.uniform(0.12, 0.6)
        try:
            absorption, order = pra.inverse_sabine(reverberation_s, size_m)
        except ValueError:  # a room too large for so short a decay: let its walls swallow all
            absorption, order = 0.9, MAX_REFLECTIONS
        room = pra.ShoeBox(
            size_m,
            fs=SAMPLE_RATE_HZ,
            materials=pra.Material(min(float(absorption), 0.95)),
            max_order=min(int(order), MAX_REFLECTIONS),
        )
        low, high = np.full(3, WALL_MARGIN_M), size_m - WALL_MARGIN_M
        room.add_source(rng.uniform(low, high))
        room.add_microphone(rng.uniform(low, high))
        room.compute_rir()
        response = np.asarray(room.rir[0][0], np.float32)
        direct = int(np.argmax(np.abs(response)))
        response = response[direct : direct + int(MAX_RESPONSE_S * SAMPLE_RATE_HZ)]
        responses.append(response / np.sqrt(np.sum(response**2) + 1e-12))
    return responses
