"""A phrase and a recipe in, the same words with another one stressed, or trailing off, out.

A stressed word is longer, higher and louder than its neighbours (D. B. Fry, "Experiments in the
perception of stress", 1958). Length and pitch are the vocoder's to change (`trainer.warp`); where
it does not speak, loudness alone makes the stress.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.speech import Speech

STRESS = (0.3, 1.0)
LOUDER_DB = 5.0
"""Of a word that is stressed in full; the figures below, too."""
HIGHER = 1.3
LONGER = 1.4
OTHERS_SHORTER = 0.9
TRAIL_OFF_DB = (4.0, 12.0)
TRAIL_OFF_FROM = 0.4
"""Share of the phrase behind which a voice may grow softer."""
GLIDE_S = 0.04
"""Time in which loudness and pitch move from one word to the next."""


@dataclass(frozen=True)
class Delivery:
    """How the words weigh against each other; the defaults leave them as they are."""

    levels_db: tuple[float, ...] = ()
    """Of each word, relative; empty where nobody knows where the words are."""
    pitches: tuple[float, ...] = ()
    """Factor on each word's fundamental frequency."""
    tempos: tuple[float, ...] = ()
    """Factor on each word's speed."""
    trail_off_db: float = 0.0
    """How much softer the phrase ends than it began."""


def draw_delivery(
    rng: np.random.Generator, words: int, stress_share: float, trail_off_share: float
) -> Delivery | None:
    """Draw how somebody weighs the words, None for as the engine did.

    Args:
        rng: decides.
        words: of the phrase; one where nobody knows where they are.
        stress_share: how often a word is stressed.
        trail_off_share: how often a voice grows softer.
    """
    stressed = int(rng.integers(words)) if rng.random() < stress_share else None
    amount = float(rng.uniform(*STRESS))
    trails = rng.random() < trail_off_share
    trail_off_db = float(rng.uniform(*TRAIL_OFF_DB))
    if words < 2:
        stressed = None
    if stressed is None and not trails:
        return None
    if stressed is None:
        return Delivery(trail_off_db=trail_off_db)

    def each(chosen: float, others: float) -> tuple[float, ...]:
        return tuple(chosen if word == stressed else others for word in range(words))

    return Delivery(
        levels_db=each(LOUDER_DB * amount, 0.0),
        pitches=each(HIGHER**amount, 1.0),
        tempos=each(LONGER**-amount, OTHERS_SHORTER**-amount),
        trail_off_db=trail_off_db if trails else 0.0,
    )


def weigh(speech: Speech, delivery: Delivery) -> Speech:
    """Make words louder and softer; nothing moves.

    Args:
        speech: its boundaries are one fewer than the delivery's words, if that has any.
        delivery: its pitches and tempos do not matter here.
    """
    moments = np.arange(len(speech.waveform), dtype=np.float64)
    gain_db = np.zeros(len(moments))
    if delivery.levels_db:
        gain_db += contour(moments, word_edges(speech), delivery.levels_db, neutral=0.0)
    if delivery.trail_off_db:
        first, last = speech.span
        fades_from = first + TRAIL_OFF_FROM * (last - first)
        gain_db -= np.interp(moments, [fades_from, last], [0.0, delivery.trail_off_db])
    louder = speech.waveform * (10 ** (gain_db / 20)).astype(np.float32)
    return speech.moved(louder, lambda moment: moment)


def word_edges(speech: Speech) -> list[int]:
    """Return where the phrase's words begin and, last, where it ends, in samples."""
    first, last = speech.span
    return [first, *speech.boundaries, last]


def contour(
    moments: NDArray[np.float64], edges: list[int], values: tuple[float, ...], *, neutral: float
) -> NDArray[np.float64]:
    """Return each word's value over time [moments], gliding from word to word.

    Args:
        moments: samples.
        edges: of the words, one more than there are.
        values: of each word.
        neutral: before the first and behind the last.
    """
    assert len(edges) == len(values) + 1
    glide = GLIDE_S * SAMPLE_RATE_HZ / 2
    steps = [neutral, *values, neutral]
    times = [at for edge in edges for at in (edge - glide, edge + glide)]
    levels = [value for pair in pairwise(steps) for value in pair]
    return np.interp(moments, np.maximum.accumulate(times), levels)


class Pacing:
    """Where moments of speech go when some words are drawn out and others hurried.

    Args:
        edges: of the words, in samples, one more than there are.
        tempos: of each word.
        samples: length of the speech.
    """

    def __init__(self, edges: list[int], tempos: tuple[float, ...], samples: int) -> None:
        assert len(edges) == len(tempos) + 1
        self._heard = np.array([0, *edges, samples], np.float64)
        lengths = np.diff(self._heard) / np.array([1.0, *tempos, 1.0])
        self._said = np.concatenate([[0.0], np.cumsum(lengths)])

    @property
    def samples(self) -> float:
        """Length of what comes out."""
        return float(self._said[-1])

    def place(self, moment: float) -> float:
        """Return where a moment goes."""
        return float(np.interp(moment, self._heard, self._said))

    def origin(self, moments: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where moments of what comes out come from."""
        return np.interp(moments, self._said, self._heard)
