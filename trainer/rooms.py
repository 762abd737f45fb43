"""A seed or measured responses in, rooms out: impulse responses that start at the direct sound.

Rooms that nobody measured are simulated by pyroomacoustics: shoeboxes from a closet to a hall,
their talkers as often near, within reach, as far, across the room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.recipe import MEASURED
from trainer.sounds import SoundKind, list_sounds, read_response
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.split import Side

MAX_RESPONSE_S = 0.8
"""What is later is too quiet to matter, and longer convolutions cost time."""
MAX_REFLECTIONS = 12
"""Image sources beyond would take minutes; a diffuse tail takes over where they end."""
TAIL_FIT_S = 0.02
WALL_MARGIN_M = 0.3
NEAR_M = (0.2, 1.2)
FAR_M = (1.2, 6.0)
FADE_S = 0.05
INAUDIBLE = 1e-6
"""Share of the energy that may be cut off a response's end: 60 dB."""


@dataclass(frozen=True)
class Room:
    """One way for speech to reach a microphone."""

    name: str
    """As in recipes: `simulated:SEED:NUMBER:near|far` or `measured:NAME`."""
    response: NDArray[np.float32]
    """[samples] at 16 kHz, of unit energy; the direct sound comes first, so that a convolution
    does not move speech in time."""
    side: Side | None = None
    """The side of the split that hears it; None for both."""


def simulate_rooms(count: int, seed: int) -> list[Room]:
    """Simulate `count` rooms, near and far in turn; the same seed gives the same rooms."""
    rng = np.random.default_rng(seed)
    rooms = []
    for number in range(count):
        far = number % 2 == 1
        response = _simulate(rng, FAR_M if far else NEAR_M)
        rooms.append(Room(f"simulated:{seed}:{number}:{'far' if far else 'near'}", response))
    return rooms


def measured_rooms(folder: Path) -> list[Room]:
    """Read the rooms that were added to a folder of sounds, see `trainer.sounds`."""
    return [
        Room(MEASURED + sound.name, normalised(read_response(sound)), sound.side)
        for sound in list_sounds(folder, SoundKind.ROOMS)
    ]


def normalised(response: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut a response that starts at its direct sound to length, fade its end, give it energy 1."""
    kept = response[: int(MAX_RESPONSE_S * SAMPLE_RATE_HZ)].astype(np.float32)
    left = np.cumsum(np.square(kept[::-1], dtype=np.float64))[::-1]
    kept = kept[: int(np.count_nonzero(left > left[0] * INAUDIBLE))] if kept.any() else kept
    fade = min(int(FADE_S * SAMPLE_RATE_HZ), len(kept) // 2)
    if fade and len(kept) < len(response):
        kept[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return kept / np.float32(np.sqrt(np.sum(np.square(kept, dtype=np.float64))) + 1e-12)


def _simulate(rng: np.random.Generator, distance_m: tuple[float, float]) -> NDArray[np.float32]:
    import pyroomacoustics as pra  # noqa: PLC0415 - half a second that only rooms need

    size_m = rng.uniform([2.0, 2.0, 2.2], [8.0, 7.0, 3.6])
    reverberation_s = rng.uniform(0.12, 0.7)
    try:
        absorption, order = pra.inverse_sabine(reverberation_s, size_m)
    except ValueError:  # a room too large for so short a decay: let its walls swallow all
        absorption, order = 0.9, MAX_REFLECTIONS
    order = min(int(order), MAX_REFLECTIONS)
    room = pra.ShoeBox(
        size_m,
        fs=SAMPLE_RATE_HZ,
        materials=pra.Material(min(float(absorption), 0.95)),
        max_order=order,
    )
    microphone, source = _places(rng, size_m, distance_m)
    room.add_source(source)
    room.add_microphone(microphone)
    room.compute_rir()
    response = np.asarray(room.rir[0][0], np.float32)
    complete_s = (order + 1) * float(size_m.min()) / pra.constants.get("c")
    direct = int(np.argmax(np.abs(response)))
    tailed = _with_tail(rng, response, int(complete_s * SAMPLE_RATE_HZ), reverberation_s)
    return normalised(tailed[direct:])


def _places(
    rng: np.random.Generator, size_m: NDArray[np.float64], distance_m: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw a microphone and a talker; far ones are as far as the room allows."""
    low, high = np.full(3, WALL_MARGIN_M), size_m - WALL_MARGIN_M
    microphone = rng.uniform(low, high)
    wanted_m = np.exp(rng.uniform(*np.log(distance_m)))
    direction = rng.standard_normal((16, 3)) * [1.0, 1.0, 0.4]  # people stand and sit
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    talkers = np.clip(microphone + wanted_m * direction, low, high)
    error_m = np.abs(np.linalg.norm(talkers - microphone, axis=1) - wanted_m)
    return microphone, talkers[int(np.argmin(error_m))]


def _with_tail(
    rng: np.random.Generator, response: NDArray[np.float32], complete: int, reverberation_s: float
) -> NDArray[np.float32]:
    """Go on with decaying noise where reflections begin to be missing, at the level of that place.

    Args:
        rng: draws the noise.
        response: float32 [samples].
        complete: samples up to which every reflection is there: no later one can come so early.
        reverberation_s: time in which the level falls by 60 dB.
    """
    length = int(MAX_RESPONSE_S * SAMPLE_RATE_HZ) + complete
    out = np.zeros(length, np.float32)
    out[: min(length, len(response))] = response[:length]
    fit = out[max(0, complete - int(TAIL_FIT_S * SAMPLE_RATE_HZ)) : complete]
    level = float(np.sqrt(np.mean(np.square(fit)))) if fit.size else 0.0
    time_s = np.arange(length - complete, dtype=np.float32) / SAMPLE_RATE_HZ
    decay = 10 ** (-3 * time_s / reverberation_s)
    out[complete:] = level * decay * rng.standard_normal(len(time_s), dtype=np.float32)
    return out
