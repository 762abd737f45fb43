"""A group of subcommands in, the parser of `watchword evaluate` among them out."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from watchword.arguments import INFERENCE_ENGINES, add_command, seed

if TYPE_CHECKING:
    from watchword.arguments import Commands

PLOT_SUFFIXES = (".html", ".svg", ".png")
"""Repeated here, and held against the original by a test: what draws is slow to import."""


def add_evaluate(commands: Commands) -> None:
    """Add the command with everything that it takes."""
    evaluate = add_command(
        commands,
        "evaluate",
        help="measure a detector on recordings",
        description="""\
Stream recordings through the shipped artifact: miss rate at several rates of false accepts per
hour, with 95 % bounds, 2 s refractory. Folders are searched for wav, flac, ogg, opus and mp3.

Positives are heard clean, with noise at each level, in rooms, and in rooms with noise, as far as
--noise and --rooms are given; with --talk also after somebody else, and said again.""",
        example="watchword evaluate out/jarvis --positives said/ --negatives radio/",
    )
    evaluate.add_argument("bundle", type=Path, help="bundle folder, zip or one model file")
    evaluate.add_argument("--positives", type=Path, required=True, help="recordings of the phrase")
    evaluate.add_argument("--negatives", type=Path, required=True, help="recordings without it")
    evaluate.add_argument("--noise", type=Path, help="noise to mix under the positives")
    evaluate.add_argument(
        "--snr",
        type=_decibels,
        nargs="+",
        metavar="DB",
        help="speech over noise in dB, one or several (10)",
    )
    evaluate.add_argument(
        "--talk", type=Path, help="recordings of other people, heard before the positives"
    )
    evaluate.add_argument("--rooms", type=Path, help="impulse responses to hear the positives in")
    evaluate.add_argument(
        "--seed", type=seed, default=0, help="decides which room and which piece of noise (0)"
    )
    evaluate.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE.tsv",
        help="who spoke: a table, tab-separated, with a column path",
    )
    evaluate.add_argument(
        "--group-by",
        nargs="+",
        metavar="COLUMN",
        help="columns of that table to compare: speaker, gender, accent, age, … (speaker)",
    )
    evaluate.add_argument("--file", help="which model file of the bundle (the preferred one)")
    evaluate.add_argument(
        "--engine", choices=INFERENCE_ENGINES, help="which inference engine (the first that works)"
    )
    evaluate.add_argument("--json", type=Path, help="write everything measured to this file")
    evaluate.add_argument(
        "--plot", type=_plot, metavar="FILE", help="draw the DET curve: .html, .svg or .png"
    )
    evaluate.add_argument(
        "--save-false-accepts",
        type=Path,
        metavar="DIR",
        help="write 3 s of audio around each false accept to this new folder",
    )


def _decibels(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of dB")
    return value


def _plot(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in PLOT_SUFFIXES:
        raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(PLOT_SUFFIXES)}")
    return path
