"""Arguments in, exit code out: the commands of `watchword`.

Heavy parts are imported by the command that needs them: `watchword check` answers a page while
somebody types and must not wait for torch.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

PRESETS = ("quick", "standard", "best")
INTERRUPTED = 130

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


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="watchword",
        description="Type a phrase, get a detector that runs on a Raspberry Pi, with proof.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="say more while working")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    check = commands.add_parser("check", help="say how a phrase is read and whether it can work")
    check.add_argument("phrase")
    check.add_argument("--language", default="en")
    check.add_argument("--json", action="store_true", help="one JSON object instead of sentences")

    texts = commands.add_parser("texts", help="show the texts that a phrase is trained on")
    texts.add_argument("phrase")
    texts.add_argument("--count", type=_positive, default=20, help="texts of each bucket (20)")
    texts.add_argument("--seed", type=int, default=0)

    train = commands.add_parser(
        "train",
        help="make a detector",
        description="Make the speech, train, export, verify. Clips are kept and reused: a second "
        "run of a phrase makes only a few new ones.",
        epilog='example: watchword train "hey jarvis" --preset quick --out out/jarvis\n\n' + EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument("phrase")
    train.add_argument(
        "--preset",
        choices=PRESETS,
        default="standard",
        help="quick: a first detector in minutes; standard: the balance; best: about an hour",
    )
    train.add_argument("--out", type=Path, required=True, help="folder of the bundle; OUT.zip too")
    train.add_argument("--seed", type=int, default=0, help="decides every draw (0)")
    train.add_argument("--language", default="en")

    evaluate = commands.add_parser(
        "evaluate",
        help="measure a detector on recordings",
        description="Stream recordings through the shipped artifact: miss rate at several rates "
        "of false accepts per hour, with 95 % bounds, 2 s refractory.",
    )
    evaluate.add_argument("bundle", type=Path, help="bundle folder, zip or one model file")
    evaluate.add_argument("--positives", type=Path, required=True, help="recordings of the phrase")
    evaluate.add_argument("--negatives", type=Path, required=True, help="recordings without it")
    evaluate.add_argument("--noise", type=Path, help="noise to mix under the positives")
    evaluate.add_argument("--snr", type=float, default=10.0, help="its level in dB (10)")
    evaluate.add_argument("--file", help="which model file of the bundle (the preferred one)")
    evaluate.add_argument("--engine", help="which inference engine (the first that works)")
    evaluate.add_argument("--json", type=Path, help="write everything measured to this file")

    export = commands.add_parser(
        "export",
        help="write the artifacts of a training again",
        description="Export a finished training's folder (WATCHWORD_HOME/jobs/N, or OUT.work).",
    )
    export.add_argument("training", type=Path)
    export.add_argument("--out", type=Path, required=True)

    voices = commands.add_parser("voices", help="fetch what is missing of the default voices")
    voices.add_argument("--list", action="store_true", help="only say what is there")

    doctor = commands.add_parser(
        "doctor", help="say what works here, what is missing, how to get it"
    )
    doctor.add_argument("--thorough", action="store_true", help="let every single voice speak")

    app = commands.add_parser("app", help="open the page and run its worker")
    app.add_argument("--port", type=_positive, default=8501)
    app.add_argument("--address", default="127.0.0.1", help="loopback unless you say otherwise")

    worker = commands.add_parser("worker", help="work on the jobs that the page queues")
    worker.add_argument("--once", action="store_true", help="end when the queue is empty")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return value


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    options = build_parser().parse_args(arguments)
    level = logging.INFO if options.verbose or options.command == "worker" else logging.ERROR
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    from watchword import commands

    try:
        code = getattr(commands, options.command)(options)
    except KeyboardInterrupt:
        print(
            "\nStopped. Clips that were made are kept; run the same command again.", file=sys.stderr
        )
        code = INTERRUPTED
    except Exception as error:  # the last place: every error becomes a sentence and a code
        from watchword import failures

        if options.verbose or not failures.is_foreseen(error):
            logger.exception("%s failed", options.command)
        print(f"watchword: {failures.explain(error)}", file=sys.stderr)
        code = failures.exit_code(error)
    sys.exit(code)
