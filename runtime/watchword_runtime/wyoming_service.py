"""The command line `watchword-wyoming`: bundles in, a Wyoming wake word service until stopped."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from watchword_runtime import __version__
from watchword_runtime.engines import ENGINES
from watchword_runtime.errors import NoEngineError
from watchword_runtime.signature import read_public_key
from watchword_runtime.wyoming_address import DEFAULT_PORT, DEFAULT_URI
from watchword_runtime.wyoming_models import Models, Settings

EXIT_OK, EXIT_BAD_INPUT, EXIT_NO_ENGINE, EXIT_INTERRUPTED = 0, 2, 3, 130

EPILOG = f"""\
examples:
  watchword-wyoming --model smart_mirror.zip
  watchword-wyoming --models /var/lib/watchword --uri tcp://0.0.0.0:{DEFAULT_PORT} --zeroconf

Home Assistant on another machine reaches the service only at an address of this one:
--uri tcp://0.0.0.0:{DEFAULT_PORT} listens at all of them. The protocol knows no passwords: whoever
reaches the port may have sound listened to, so keep it inside your own network.

exit codes:
  {EXIT_OK}    stopped by SIGTERM, as systemd does it
  {EXIT_BAD_INPUT}    wrong usage, or a bundle, package or address that cannot be had
  {EXIT_NO_ENGINE}    no engine that can run a model is installed
  {EXIT_INTERRUPTED}  interrupted with Ctrl-C
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `watchword-wyoming`."""
    parser = argparse.ArgumentParser(
        prog="watchword-wyoming",
        description="Serve wake word detectors to Home Assistant over the Wyoming protocol.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model",
        metavar="BUNDLE",
        action="append",
        default=[],
        type=Path,
        help="folder, .zip, .onnx or .tflite; may be given several times",
    )
    parser.add_argument(
        "--models",
        metavar="FOLDER",
        action="append",
        default=[],
        type=Path,
        help="serve every bundle in it, also those put there later; may be given several times",
    )
    parser.add_argument(
        "--uri",
        default=DEFAULT_URI,
        help="tcp://HOST[:PORT] or unix:///PATH; default: %(default)s, this machine only",
    )
    strictness = parser.add_mutually_exclusive_group()
    strictness.add_argument(
        "--threshold",
        type=_score,
        metavar="T",
        help="score from 0 to 1 instead of the bundles' own",
    )
    strictness.add_argument(
        "--sensitivity",
        type=_positive,
        metavar="N",
        help="bear N false accepts per hour: the bundles' operating points give the thresholds",
    )
    parser.add_argument(
        "--trigger-level",
        type=_level,
        default=1,
        metavar="STEPS",
        help="steps in a row that must reach the threshold; default: %(default)s",
    )
    parser.add_argument(
        "--refractory-seconds",
        type=_seconds,
        metavar="S",
        help="no second detection this soon after one; default: the bundles' own",
    )
    parser.add_argument("--engine", choices=list(ENGINES), help="default: the first that works")
    parser.add_argument(
        "--public-key",
        metavar="FILE",
        type=Path,
        help="serve only bundles that were signed with this key",
    )
    parser.add_argument(
        "--zeroconf",
        nargs="?",
        const="Watchword",
        metavar="NAME",
        help="announce the service, so that Home Assistant finds it; default name: %(const)s",
    )
    parser.add_argument("--debug", action="store_true", help="log what clients do")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line on `argv` (default: the process's) and return the exit code."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if not arguments.model and not arguments.models:
        parser.error("nothing to serve: give --model BUNDLE or --models FOLDER")
    level = logging.DEBUG if arguments.debug else logging.INFO
    logging.basicConfig(level=level, format="%(levelname)s: %(message)s")
    try:
        from watchword_runtime.wyoming_server import serve  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "wyoming":
            raise
        return _complain(
            'the package wyoming is missing: pip install "watchword-runtime[wyoming]".',
            EXIT_BAD_INPUT,
        )
    try:
        key = read_public_key(arguments.public_key) if arguments.public_key else None
        settings = Settings(
            threshold=arguments.threshold,
            sensitivity=arguments.sensitivity,
            trigger_level=arguments.trigger_level,
            refractory_s=arguments.refractory_seconds,
            engine=arguments.engine,
            public_key=key,
        )
        models = Models(arguments.model, arguments.models, settings)
        asyncio.run(serve(arguments.uri, models, announce=arguments.zeroconf))
    except NoEngineError as error:
        return _complain(error, EXIT_NO_ENGINE)
    except (ValueError, OSError, ImportError) as error:
        return _complain(error, EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return EXIT_OK


def run() -> None:
    """Leave the process with `main`'s exit code: the console script."""
    sys.exit(main())


def _score(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"a score is from 0 to 1, not {text}")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number above 0 is needed, not {text}")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"seconds are 0 or more, not {text}")
    return value


def _level(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"at least 1 step is needed, not {text}")
    return value


def _complain(error: object, code: int) -> int:
    sys.stderr.write(f"watchword-wyoming: {error}\n")
    return code


if __name__ == "__main__":
    run()
