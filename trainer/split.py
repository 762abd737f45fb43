"""The people behind a clip in, the side of the split they are on out: no voice is on both sides."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

VALIDATION_SHARE = 0.2


class Side(StrEnum):
    """Where a voice's clips go."""

    TRAIN = "train"
    VALIDATION = "validation"


def side_of_person(person: str) -> Side:
    """Return the side of one person (`engine:name`): decided by the name alone, for ever.

    So two phrases and two runs agree, and a clip that is reused never changes sides.
    """
    share = int.from_bytes(hashlib.sha256(person.encode()).digest()[:4]) / 2**32
    return Side.VALIDATION if share < VALIDATION_SHARE else Side.TRAIN


def side_of(people: Iterable[str]) -> Side | None:
    """Return the side of a voice with these people behind it, None when they are on both."""
    sides = {side_of_person(person) for person in people}
    return sides.pop() if len(sides) == 1 else None


def join_people(people: Iterable[str]) -> str:
    """Write people as a clip's `speaker` column."""
    return "+".join(sorted(people))


def split_people(speaker: str) -> list[str]:
    """Read a clip's `speaker` column."""
    return speaker.split("+")
