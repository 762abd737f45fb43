"""A phrase comes in; what the command line says of its clips, bucket by bucket, goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from db.clip_search import ClipFilter
from page.command import CommandError, NotRunError, ask

TIMEOUT_S = 180.0

BUCKETS = {
    "positive": "The phrase",
    "confuser": "Sounds alike",
    "in_between": "Its words in other company",
    "plain": "Other speech",
}
"""What a person calls each bucket, by the trainer's names."""


class BucketsError(RuntimeError):
    """Nothing is known of the buckets; the message says why."""


@dataclass(frozen=True)
class Stock:
    """What there is for one bucket."""

    bucket: str
    """One of `BUCKETS`."""
    clips: int
    hours: float
    target: int | None
    """How many a standard training wants; None for recordings of people, which nobody makes."""


@dataclass(frozen=True)
class Buckets:
    """What there is to learn a phrase from."""

    phrase: str
    stock: tuple[Stock, ...]
    filters: dict[str, ClipFilter]
    """Which clips each bucket has."""


def find_buckets(phrase: str) -> Buckets:
    """Ask `watchword corpus stats` about a phrase.

    Raises:
        BucketsError: It is no phrase, or the command failed or took too long.
    """
    try:
        return ask(["corpus", "stats", "--json", "--filters", "--", phrase], TIMEOUT_S, _read)
    except NotRunError as error:
        raise BucketsError(f"The clips could not be sorted: {error}. Try again.") from error
    except CommandError as error:
        raise BucketsError(str(error)) from error


def _read(answer: dict[str, Any]) -> Buckets:
    return Buckets(
        phrase=str(answer["phrase"]),
        stock=tuple(
            Stock(str(row["bucket"]), int(row["clips"]), float(row["hours"]), row["target"])
            for row in answer["buckets"]
        ),
        filters={name: ClipFilter(**values) for name, values in answer["filters"].items()},
    )
