"""The command line of `watchword-listen` in, its checked options out."""

from __future__ import annotations

import argparse
import math
from typing import Callable, Dict, Optional, Tuple

from watchword_runtime import __version__
from watchword_runtime.engines import ENGINES
from watchword_runtime.gate import OPEN_DB, PRE_ROLL_S
from watchword_runtime.listener import FLUSH_S
from watchword_runtime.recordings import AFTER_S, BEFORE_S, TABLE, Limits

EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_NO_ENGINE, EXIT_INTERRUPTED = 0, 1, 2, 3, 130

EPILOG = f"""\
examples:
  watchword-listen smart_mirror.zip
  watchword-listen smart_mirror.zip jarvis.zip --sensitivity 0.5 --gate --exec 'aplay ding.wav'
  watchword-listen smart_mirror.zip --wav kitchen.wav
  arecord -q -f S16_LE -r 16000 -c 1 -t raw | watchword-listen smart_mirror --stdin
  watchword-listen smart_mirror --self-test --file smart_mirror.int8.tflite

BUNDLE is the exported folder, its zip, or one .onnx or .tflite file out of it. Several listen to
the same sound. {FLUSH_S} s of silence are heard after the last sample of a file or pipe, so that a
phrase at the very end is not lost; its time may then lie up to {FLUSH_S} s behind the end.

exit codes:
  {EXIT_OK}    the sound was heard to its end, or the program was told to stop (SIGTERM); or the
       self-test passed
  {EXIT_FAILED}    the self-test found logits too far from the trained model's
  {EXIT_BAD_INPUT}    wrong usage, or a bundle, a sound or a microphone that cannot be used
  {EXIT_NO_ENGINE}    no engine that can run the model is installed
  {EXIT_INTERRUPTED}  interrupted with Ctrl-C
"""

PerPhrase = Tuple[Optional[str], float]
"""A phrase, or None for all of them, and a number for it."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `watchword-listen`."""
    parser = argparse.ArgumentParser(
        prog="watchword-listen",
        description="Print a line whenever a detector hears its phrase.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "bundle",
        metavar="BUNDLE",
        nargs="*",
        help="folder, .zip, .onnx or .tflite; after them, - is short for --stdin",
    )
    _add_sources(parser)
    _add_decisions(parser)
    _add_actions(parser)
    model = parser.add_argument_group("which model runs")
    model.add_argument("--engine", choices=list(ENGINES), help="default: the first that works")
    model.add_argument(
        "--file", metavar="NAME", help="model file of the bundle; default: its most preferred one"
    )
    model.add_argument(
        "--public-key",
        metavar="FILE",
        help="load only bundles that this key signed: the .pub file of `watchword sign`",
    )
    checks = parser.add_argument_group("instead of listening")
    checks.add_argument(
        "--self-test",
        action="store_true",
        help="check the chosen file and engine against the bundle's golden vectors",
    )
    checks.add_argument(
        "--bench",
        action="store_true",
        help="measure time and memory on this device, on --wav FILE or on sound made here",
    )
    checks.add_argument("--list-devices", action="store_true", help="list the microphones")
    checks.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the options of `argv`; leave the program with code 2 where they make no sense."""
    parser = build_parser()
    arguments = parser.parse_intermixed_args(argv)
    if "-" in arguments.bundle:
        arguments.bundle = [one for one in arguments.bundle if one != "-"]
        arguments.stdin = True
    if arguments.stdin and arguments.wav is not None:
        parser.error("choose one sound: --wav FILE or --stdin")
    if (arguments.stdin or arguments.wav is not None) and (arguments.device or arguments.recorder):
        parser.error("--device and --recorder are for a microphone, not for --wav or --stdin")
    modes = [name for name in ("self_test", "bench", "list_devices") if getattr(arguments, name)]
    if len(modes) > 1:
        parser.error("choose one of --self-test, --bench and --list-devices")
    if arguments.stdin and modes:
        parser.error(f"--{modes[0].replace('_', '-')} does not listen to --stdin")
    if not arguments.bundle and not arguments.list_devices:
        parser.error("name a bundle: a folder, .zip, .onnx or .tflite file")
    if arguments.gate_db is not None and not arguments.gate:
        parser.error("--gate-db needs --gate")
    if arguments.exec_shell and arguments.exec is None:
        parser.error("--exec-shell needs --exec")
    return arguments


def values_for(given: list[PerPhrase], phrases: list[str], option: str) -> Dict[str, float]:
    """Return phrase → value of an option that may name phrases.

    Raises:
        ValueError: it names a phrase that no bundle has.
    """
    for phrase, _ in given:
        if phrase is not None and phrase not in phrases:
            raise ValueError(
                f"{option} names {phrase!r}, and the bundles hear {', '.join(map(repr, phrases))}."
            )
    everywhere = [value for phrase, value in given if phrase is None]
    values = dict.fromkeys(phrases, everywhere[-1]) if everywhere else {}
    values.update({phrase: value for phrase, value in given if phrase is not None})
    return values


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to listen to (default: the microphone)")
    group.add_argument("--wav", metavar="FILE", help="a WAV file of any usual kind")
    group.add_argument(
        "--stdin", action="store_true", help="raw 16 kHz mono s16le PCM, as it arrives"
    )
    group.add_argument(
        "--device",
        metavar="NAME",
        help="a microphone of --list-devices; default: the system's default one",
    )
    group.add_argument(
        "--recorder",
        choices=("sounddevice", "arecord"),
        help="what records the microphone; default: sounddevice where it is installed",
    )


def _add_decisions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what counts as the phrase")
    strictness = group.add_mutually_exclusive_group()
    strictness.add_argument(
        "--threshold",
        type=_per_phrase(_share),
        action="append",
        metavar="[PHRASE=]T",
        help="score from 0 to 1 instead of the bundle's; may be repeated for several phrases",
    )
    strictness.add_argument(
        "--sensitivity",
        type=_per_phrase(_at_least_zero),
        action="append",
        metavar="[PHRASE=]N",
        help="at most N false accepts per hour: takes the threshold that the bundle measured",
    )
    group.add_argument(
        "--refractory",
        type=_at_least_zero,
        metavar="S",
        help="seconds after a detection without another of the phrase; default: the bundle's",
    )
    group.add_argument(
        "--gate",
        action="store_true",
        help=f"skip what is quiet, to save power; {PRE_ROLL_S:g} s from before are kept",
    )
    group.add_argument(
        "--gate-db",
        type=_at_least_zero,
        metavar="DB",
        help=f"how much louder than the room opens the gate; default: {OPEN_DB:g}",
    )


def _add_actions(parser: argparse.ArgumentParser) -> None:
    limits = Limits()
    group = parser.add_argument_group("what happens on a detection")
    group.add_argument("--json", action="store_true", help="print JSON, one object a line")
    group.add_argument(
        "--exec",
        metavar="CMD",
        help="run a program; WATCHWORD_PHRASE, _SCORE, _TIME_S, … are in its environment",
    )
    group.add_argument(
        "--exec-shell", action="store_true", help="give CMD to /bin/sh: pipes and variables work"
    )
    group.add_argument(
        "--exec-timeout",
        type=_above_zero,
        default=60.0,
        metavar="S",
        help="end CMD after so many seconds; default: 60",
    )
    group.add_argument(
        "--save-detections",
        metavar="DIR",
        help=f"keep the audio from {BEFORE_S:g} s before to {AFTER_S:g} s after, listed in {TABLE}",
    )
    group.add_argument(
        "--save-limit",
        type=_count,
        default=limits.files,
        metavar="N",
        help=f"recordings in DIR; the oldest go first; default: {limits.files}",
    )
    group.add_argument(
        "--save-megabytes",
        type=_above_zero,
        default=limits.total_bytes / 1e6,
        metavar="N",
        help=f"their size in all; default: {limits.total_bytes / 1e6:g}",
    )


def _per_phrase(number: Callable[[str], float]) -> Callable[[str], PerPhrase]:
    def parse(text: str) -> PerPhrase:
        phrase, equals, value = text.rpartition("=")
        return phrase.strip() if equals else None, number(value)

    return parse


def _at_least_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"must be at least 0, not {text}")
    return value


def _above_zero(text: str) -> float:
    value = _at_least_zero(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _share(text: str) -> float:
    value = _at_least_zero(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1, not {text}")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)
