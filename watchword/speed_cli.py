"""The arguments of `watchword speed`, and the command itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from watchword.arguments import add_command, positive

if TYPE_CHECKING:
    import argparse

    from watchword.arguments import Commands


def add_speed(commands: Commands) -> None:
    """Add the command `speed`."""
    command = add_command(
        commands,
        "speed",
        help="say what listening costs, beside other projects' packages",
        description="""\
Let the bundle listen on each engine that is here, and pymicro-wakeword and pyopen-wakeword with the
models inside them, to the same audio on one thread: CPU time, time of a step, memory, import and
load, bytes on disk, with one phrase and with several. Every measurement has a process of its own,
and all take turns.""",
        example="watchword speed out/jarvis --json speed.json",
    )
    command.add_argument("bundle", type=Path, help="a bundle's folder or zip")
    command.add_argument(
        "--phrases",
        nargs="+",
        type=positive,
        default=(1, 5, 20),
        metavar="N",
        help="how many detectors at once, one always among them (1 5 20)",
    )
    command.add_argument("--rounds", type=positive, default=5, help="of all contenders (5)")
    command.add_argument("--minutes", type=positive, default=1, help="of audio that each hears (1)")
    command.add_argument(
        "--without-rivals", action="store_true", help="measure Watchword's own engines only"
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write every figure too")


def speed(options: argparse.Namespace) -> int:
    """Measure, print the tables, write the JSON."""
    from watchword.speed import contenders, made_up_audio, run
    from watchword.speed_table import (
        many_phrases_table,
        memory_table,
        one_phrase_table,
        summary,
    )
    from watchword.summary import write_json

    phrases = sorted({1, *options.phrases})
    entrants = contenders(options.bundle, phrases, rivals=not options.without_rivals)
    measured = run(
        entrants,
        made_up_audio(options.minutes + 1 / 6),  # the first ten seconds are not counted
        options.rounds,
        lambda line: print(line, file=sys.stderr),
    )
    if options.json:
        write_json(summary(measured, options.minutes), options.json)
    print(one_phrase_table(measured))
    if len(phrases) > 1:
        print(f"\n{many_phrases_table(measured)}")
    print(f"\n{memory_table(measured)}")
    return 0
