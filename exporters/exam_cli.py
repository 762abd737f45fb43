"""The arguments that every measurement on recordings has in, the recordings that they name out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from exporters.sound import read_sound

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


def read_recordings(options: argparse.Namespace) -> tuple[Sound, Sound]:
    """Return positives and negatives.

    Raises:
        AudioError: there are none, or a file that cannot be read.
    """
    return read_sound(options.positives), read_sound(options.negatives, options.hours * 3600)
