"""A phrase comes in; what the command line says of its clips, bucket by bucket, goes out."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.clip_search import ClipFilter

ROOT = Path(__file__).parents[1]
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
    command = [sys.executable, "-m", "watchword", "corpus", "stats", "--json", "--filters"]
    try:
        done = subprocess.run(
            [*command, "--", phrase],
            cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise BucketsError(f"The clips could not be sorted: {error}. Try again.") from error
    try:
        return _read(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError) as error:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BucketsError(last.removeprefix("watchword: ")) from error


def _read(answer: dict[str, Any]) -> Buckets:
    return Buckets(
        phrase=str(answer["phrase"]),
        stock=tuple(
            Stock(str(row["bucket"]), int(row["clips"]), float(row["hours"]), row["target"])
            for row in answer["buckets"]
        ),
        filters={name: ClipFilter(**values) for name, values in answer["filters"].items()},
    )
