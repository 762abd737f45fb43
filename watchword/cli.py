"""Arguments in, exit code out: the commands of `watchword`.

Heavy parts are imported by the command that needs them: `watchword check` answers a page while
somebody types and must not wait for torch.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from watchword.arguments import (
    EPILOG,
    PRESETS,
    add_command,
    add_engine_choice,
    add_json_lines,
    positive,
    seed,
)
from watchword.benchmark_cli import add_benchmark
from watchword.corpus_cli import add_corpus
from watchword.evaluation_cli import add_evaluate
from watchword.speak import add_speak
from watchword.speed_cli import add_speed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword.arguments import Commands

logger = logging.getLogger(__name__)

INTERRUPTED = 130


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

    check = add_command(
        commands,
        "check",
        help="say how a phrase is read and whether it can work",
        description="""\
Look a phrase up, without making anything: how it is pronounced, how long it takes to say, and what
will go wrong with it. A phrase that cannot work is refused with a reason (exit code 2).""",
        example='watchword check "smart mirror"',
    )
    check.add_argument("phrase", nargs="?", help="what the device should listen for, in quotes")
    check.add_argument("--language", default="en", help="only en is supported (en)")
    check.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
    check.add_argument(
        "--lines",
        action="store_true",
        help="answer each line of standard input, a phrase as a JSON string, as --json does",
    )

    texts = add_command(
        commands,
        "texts",
        help="show the texts that a phrase is trained on",
        description="""\
Show what the voices will be asked to say: the phrase, what sounds like it (the smaller the number,
the closer), its words in other company, and sentences without it.""",
        example='watchword texts "smart mirror" --count 5',
    )
    texts.add_argument("phrase", help="what the device should listen for, in quotes")
    texts.add_argument("--count", type=positive, default=20, help="texts of each kind (20)")
    texts.add_argument("--seed", type=seed, default=0, help="another number, other texts (0)")

    train = add_command(
        commands,
        "train",
        help="make a detector",
        description="""\
Make the speech, train, export, verify: OUT becomes a folder with model files for a device, OUT.zip
the same in one file, OUT.work what `watchword export` and a second run need.

Clips are kept and reused, so that a second run of a phrase makes only a few new ones. A run that
was stopped goes on from what it finished.""",
        example='watchword train "hey jarvis" --preset quick --out out/jarvis',
    )
    train.add_argument("phrase", help="what the device should listen for, in quotes")
    train.add_argument(
        "--preset",
        choices=PRESETS,
        default="standard",
        help="quick: a first detector in minutes; standard: the balance; best: hours (standard)",
    )
    train.add_argument("--out", type=Path, required=True, help="folder of the bundle; OUT.zip too")
    train.add_argument("--seed", type=seed, default=0, help="decides every draw (0)")
    train.add_argument("--language", default="en", help="only en is supported (en)")
    add_engine_choice(train)

    train.add_argument(
        "--from-nothing",
        action="store_true",
        help="start from random weights instead of the backbone",
    )

    add_evaluate(commands)

    export = add_command(
        commands,
        "export",
        help="write the artifacts of a training again",
        description="""\
Export and verify a finished training: with another converter version, or after files were lost.""",
        example="watchword export out/jarvis.work --out out/jarvis",
    )
    export.add_argument(
        "training", type=Path, help="what a training left: OUT.work, or WATCHWORD_HOME/jobs/N"
    )
    export.add_argument("--out", type=Path, required=True, help="folder of the bundle; OUT.zip too")
    export.add_argument(
        "--audio",
        type=Path,
        help="verify on these recordings, with and without the phrase (what the training kept)",
    )

    sign = add_command(
        commands,
        "sign",
        help="sign bundles, so that devices take no others",
        description="""\
Sign bundles with a private key; a device that was given the public key then takes these and no
others. Or make the two keys, or check a signature as a device does.""",
        example="watchword sign out/jarvis out/jarvis.zip --key me.key",
    )
    sign.add_argument("bundle", type=Path, nargs="*", help="bundle folders and zips to sign")
    what = sign.add_mutually_exclusive_group(required=True)
    what.add_argument("--key", type=Path, help="sign with this private key")
    what.add_argument(
        "--new-key", type=Path, metavar="FILE", help="write a private key, and FILE.pub"
    )
    what.add_argument(
        "--check", type=Path, metavar="FILE.pub", help="check the signatures with this public key"
    )

    add_benchmark(commands)
    add_speed(commands)
    add_corpus(commands)
    add_speak(commands)

    pretrain = add_command(
        commands,
        "pretrain",
        help="make the backbone that trainings start from",
        description="""\
Learn phonemes from every transcribed clip in the database, recordings of people and voices, and
write the weights that trainings start from. What was rendered and learnt is kept: a stopped run
goes on. The shipped backbone was made by this command (docs/backbone.md).""",
        example="watchword pretrain --sentences 4000 --out backbone.safetensors",
    )
    pretrain.add_argument("--out", type=Path, required=True, help="the weights' file")
    pretrain.add_argument(
        "--sentences", type=seed, default=0, help="sentences to synthesise first (0)"
    )
    pretrain.add_argument("--steps", type=positive, default=12_000, help="of training (12000)")
    pretrain.add_argument(
        "--start", type=Path, help="weights of an earlier pretraining to go on from (none)"
    )
    pretrain.add_argument("--seed", type=seed, default=0, help="decides every draw (0)")

    voices = add_command(
        commands,
        "voices",
        help="fetch what is missing of the default voices",
        description="""\
Fetch the default voices into WATCHWORD_HOME/voices, checked against pinned hashes; what is there
already is not fetched again, and a download that was cut goes on where it stopped.""",
        example="watchword voices",
    )
    voices.add_argument("--list", action="store_true", help="only say what is there")
    voices.add_argument(
        "--json", action="store_true", help="only say what each speech engine has, as JSON"
    )
    add_json_lines(voices)

    doctor = add_command(
        commands,
        "doctor",
        help="say what works here, what is missing, how to get it",
        description="""\
Let each speech engine speak and each inference engine load; say what is missing and how to get it.
Engines that are missing are no fault as long as one speaks and one infers.""",
        example="watchword doctor",
    )
    doctor.add_argument("--thorough", action="store_true", help="let every single voice speak")
    add_json_lines(doctor)

    _add_app(commands)
    return parser


def _add_app(commands: Commands) -> None:
    """Add the page and its worker."""
    app = add_command(
        commands,
        "app",
        help="open the page and run its worker",
        description="""\
Serve the page and work on what it queues, until Ctrl-C. A worker that dies is started again.
Several workers divide the machine's cores among themselves: each job then takes longer.""",
        example="watchword app --port 8600",
    )
    app.add_argument("--port", type=positive, default=8501, help="where the page listens (8501)")
    app.add_argument(
        "--address", default="127.0.0.1", help="loopback unless you say otherwise (127.0.0.1)"
    )
    app.add_argument("--workers", type=positive, default=1, help="how many jobs run at a time (1)")

    worker = add_command(
        commands,
        "worker",
        help="work on the jobs that the page queues",
        description="""\
Claim jobs one after the other and say in a log what happens. Several may run side by side.""",
        example="watchword worker --once",
    )
    worker.add_argument("--once", action="store_true", help="end when the queue is empty")
    worker.add_argument(
        "--cores",
        type=positive,
        metavar="N",
        help="how many cores a job may use at a time (all): for several workers on one machine",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    options = build_parser().parse_args(arguments)
    level = logging.INFO if options.verbose or options.command == "worker" else logging.ERROR
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    from watchword import commands

    try:
        code = getattr(commands, options.command)(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(
            "\nStopped. Clips that were made are kept; run the same command again.", file=sys.stderr
        )
        code = INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough: `watchword texts … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:  # the last place: every error becomes a sentence and a code
        from watchword import failures

        if options.verbose or not failures.is_foreseen(error):
            logger.exception("%s failed", options.command)
        print(f"watchword: {failures.explain(error)}", file=sys.stderr)
        code = failures.exit_code(error)
    sys.exit(code)
