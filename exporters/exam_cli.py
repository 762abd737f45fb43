"""The arguments that every measurement on recordings has in, the recordings that they name out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from exporters.exam import PAUSE_S, Exam, join
from exporters.sound import read_sound, spread

if TYPE_CHECKING:
    import argparse

    from exporters.sound import Sound


def add_recordings(parser: argparse.ArgumentParser) -> None:
    """Add `--positives`, `--negatives` and `--hours`."""
    parser.add_argument(
        "--positives", type=Path, required=True, help="recordings of the phrase, one in each"
    )
    parser.add_argument("--negatives", type=Path, required=True, help="recordings without it")
    parser.add_argument("--hours", type=float, default=10.0, help="of negatives at most (10)")


def read_exam(options: argparse.Namespace, step_s: float) -> Exam:
    """Return the recordings as one stream; the positives come last, with PAUSE_S before each.

    Raises:
        AudioError: there are none, or a file that cannot be read.
    """
    positives, negatives = read_recordings(options)
    return join(negatives, spread(positives, PAUSE_S), step_s)


def read_recordings(options: argparse.Namespace) -> tuple[Sound, Sound]:
    """Return positives and negatives.

    Raises:
        AudioError: there are none, or a file that cannot be read.
    """
    return read_sound(options.positives), read_sound(options.negatives, options.hours * 3600)
