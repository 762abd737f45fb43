"""What every command's parser is made with: its frame, the exit codes, numbers that are checked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeAlias

PRESETS = ("quick", "standard", "best")
SPEECH_ENGINES = (
    *("kokoro", "piper", "hibari", "nanotts", "flite", "espeak", "festival"),
    *("bark", "elevenlabs"),
)
PAID_ENGINES = ("elevenlabs",)
INFERENCE_ENGINES = ("onnxruntime", "ai-edge-litert", "tflite-runtime")
"""Repeated here, and held against the originals by a test: what has them is heavy to import."""
EPILOG = """\
exit codes:
  0    done
  1    the work failed; the message says why
  2    the command or its input is wrong
  3    something is missing here: voices, an engine, a converter
  4    the disk is full
  130  interrupted

Everything Watchword keeps is in one folder: $WATCHWORD_HOME, else ~/.local/share/watchword.
"""

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
    """What `ArgumentParser.add_subparsers` returns; argparse gives it no public name."""


def add_command(
    commands: Commands,
    name: str,
    *,
    help: str,  # noqa: A002 - argparse's name
    description: str,
    example: str,
) -> argparse.ArgumentParser:
    """Add one command with its help, one example and the exit codes; return its parser."""
    return commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=f"example: {example}\n\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def positive(text: str) -> int:
    """Read a whole number of 1 or more, for argparse's `type`."""
    return _number(text, at_least=1)


def seed(text: str) -> int:
    """Read a whole number of 0 or more, for argparse's `type`."""
    return _number(text, at_least=0)


def engine_names(text: str) -> tuple[str, ...]:
    """Read names of speech engines with commas between them, for argparse's `type`."""
    return _names(text, SPEECH_ENGINES)


def add_engine_choice(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that makes speech."""
    parser.add_argument(
        "--engines",
        type=engine_names,
        metavar="A,B",
        help="which speech engines may speak, with commas (all that work here)",
    )
    parser.add_argument(
        "--allow-paid",
        type=lambda text: _names(text, PAID_ENGINES),
        default=(),
        metavar="A,B",
        help="agree to what these speech engines charge: elevenlabs (none)",
    )


def add_json_lines(parser: argparse.ArgumentParser) -> None:
    """Add the option of every long command that a program follows."""
    parser.add_argument(
        "--json-lines",
        action="store_true",
        help="one JSON object a line: progress and, last, the result",
    )


def _names(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        what = ", ".join(map(repr, wrong)) or repr(text)
        raise argparse.ArgumentTypeError(f"{what}: choose from {', '.join(known)}")
    return names


def _number(text: str, *, at_least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = at_least - 1
    if value < at_least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {at_least} or more")
    return value
