"""The arguments of `watchword benchmark`; what it does is in `watchword.benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from watchword.arguments import PRESETS, add_command, engine_names, seed

if TYPE_CHECKING:
    from watchword.arguments import Commands

BENCHMARK_PHRASES = (
    *("smart mirror", "view glass", "alexa", "hey jarvis"),
    *("okay nabu", "computer", "stop the press", "turn on the lights"),
)
HELD_OUT = ("flite", "nanotts")
"""Both repeated here, and held against the originals by a test, as all of `arguments`."""


def add_benchmark(commands: Commands) -> None:
    """Add the command `benchmark`."""
    command = add_command(
        commands,
        "benchmark",
        help="train a fixed list of phrases and say how good they are",
        description="""\
Train each phrase from each seed with some speech engines held out, export, and measure the int8
artifact: on recordings of people where there are some, on the held-out voices, on near-misses, and
against false accepts on recordings without the phrase. One table says how it went.

What is finished is kept in OUT and not done again: a stopped run goes on, and several may run at
once with different phrases.""",
        example="watchword benchmark --out bench --negatives radio/ --preset quick --seeds 0 1 2",
    )
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="folder of results and detectors")
    where.add_argument("--report", type=Path, metavar="OUT", help="only print what is there")
    command.add_argument("--negatives", type=Path, help="recordings of people without the phrases")
    command.add_argument(
        "--recordings", type=Path, help="recordings of the phrases, a folder each: view_glass/"
    )
    command.add_argument("--noise", type=Path, help="noise to mix under positives, at 10 dB")
    command.add_argument(
        "--phrases", nargs="+", default=BENCHMARK_PHRASES, metavar="PHRASE", help="(the fixed list)"
    )
    command.add_argument(
        "--seeds", nargs="+", type=seed, default=(0,), metavar="N", help="trainings of each (0)"
    )
    command.add_argument(
        "--preset", choices=PRESETS, default="standard", help="how large a training (standard)"
    )
    command.add_argument(
        "--hold-out",
        type=engine_names,
        default=HELD_OUT,
        metavar="A,B",
        help=f"speech engines that never speak in training ({','.join(HELD_OUT)})",
    )
    command.add_argument(
        "--from-nothing",
        action="store_true",
        help="start from random weights instead of the backbone",
    )
    command.add_argument(
        "--rivals",
        action="store_true",
        help="also measure other projects' detectors, for the phrases that they know",
    )
    command.add_argument(
        "--fp32", action="store_true", help="measure the fp32 artifacts, too: what int8 costs"
    )
    command.add_argument("--json", type=Path, help="write everything measured to this file")
