"""Phoneme strings in, CTC labels out; and how wrong a guess at them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.articulation import SYMBOLS, split_phonemes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BLANK = 0
"""The label that says nothing; phonemes count from one."""
CLASSES = len(SYMBOLS) + 1
_LABELS = {symbol: number for number, symbol in enumerate(SYMBOLS, 1)}


def labels_of(phonemes: str) -> NDArray[np.int64]:
    """Return int64 [phonemes]: the labels of a reading, without stress, length and punctuation."""
    return np.array([_LABELS[symbol] for symbol in split_phonemes(phonemes)], np.int64)


def frames_needed(labels: NDArray[np.int64]) -> int:
    """Return the steps that CTC needs for labels: one each, and a blank between equal ones."""
    return len(labels) + int(np.count_nonzero(labels[1:] == labels[:-1]))


def greedy(log_probabilities: NDArray[np.float32]) -> list[int]:
    """Return the labels of the best path through [steps, CLASSES], repeats and blanks removed."""
    best = log_probabilities.argmax(axis=1)
    changed = np.concatenate([[True], best[1:] != best[:-1]])
    return [int(label) for label in best[changed] if label != BLANK]


def edits(said: Sequence[int], heard: Sequence[int]) -> int:
    """Return the substitutions, deletions and insertions that turn one into the other."""
    above = list(range(len(heard) + 1))
    for i, label in enumerate(said, 1):
        row = [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j - 1] + (label != other), above[j] + 1, row[j - 1] + 1))
        above = row
    return above[-1]
