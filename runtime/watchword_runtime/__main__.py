"""The command line `watchword-listen`: bundles and sound in, a line for each detection out."""

# ruff: noqa: PLC0415 - what only some runs need is imported there: listening stays small

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from watchword_runtime.arguments import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_NO_ENGINE,
    EXIT_OK,
    parse_arguments,
    values_for,
)
from watchword_runtime.detector import Detector
from watchword_runtime.errors import NoEngineError
from watchword_runtime.gate import OPEN_DB, Gate
from watchword_runtime.listen import Actions, listen, summary, write_line
from watchword_runtime.listener import Listener
from watchword_runtime.operating import operating_point
from watchword_runtime.recordings import Limits, Recordings
from watchword_runtime.sources import piped_chunks, wav_chunks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from watchword_runtime.microphone import Microphone


class _ToldToStop(Exception):  # noqa: N818 - it is no error
    """SIGTERM came."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line on `argv` (default: the process's) and return the exit code."""
    arguments = parse_arguments(argv)
    logging.basicConfig(
        level=logging.WARNING, format="watchword-listen: %(levelname)s: %(message)s"
    )
    try:
        return _run(arguments)
    except NoEngineError as error:
        return _complain(error, EXIT_NO_ENGINE)
    except BrokenPipeError:
        # The reader of our output has left: nothing is wrong. Python would complain at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except (ValueError, OSError) as error:
        return _complain(error, EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    if arguments.list_devices:
        return _list_devices(arguments)
    detectors = load_detectors(arguments)
    if arguments.self_test:
        return max([_self_test(one, as_json=arguments.json) for one in detectors])
    if arguments.bench:
        return _bench(detectors, arguments)
    return _listen(detectors, arguments)


def run() -> None:
    """Leave the process with `main`'s exit code: the console script."""
    sys.exit(main())


def load_detectors(arguments: argparse.Namespace) -> list[Detector]:
    """Return the bundles' detectors, set as the command line says.

    Raises:
        BundleError, NoEngineError, ValueError: see `Detector.load`, `operating_point` and
            `read_public_key`.
    """
    key = None
    if arguments.public_key is not None:
        from watchword_runtime.signature import read_public_key

        key = read_public_key(arguments.public_key)
    detectors = [
        Detector.load(path, engine=arguments.engine, file=arguments.file, public_key=key)
        for path in arguments.bundle
    ]
    phrases = [one.manifest.phrase for one in detectors]
    thresholds = values_for(arguments.threshold or [], phrases, "--threshold")
    rates = values_for(arguments.sensitivity or [], phrases, "--sensitivity")
    for one in detectors:
        phrase = one.manifest.phrase
        if phrase in rates:
            one.threshold = operating_point(one.manifest, rates[phrase]).threshold
        one.threshold = thresholds.get(phrase, one.threshold)
        if arguments.refractory is not None:
            one.refractory_s = arguments.refractory
    return detectors


def _listen(detectors: Sequence[Detector], arguments: argparse.Namespace) -> int:
    actions = _actions(arguments)
    open_db = OPEN_DB if arguments.gate_db is None else arguments.gate_db
    listener = Listener(detectors, Gate(open_db) if arguments.gate else None)
    microphone = None
    code = EXIT_OK
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        if arguments.wav is not None or arguments.stdin:
            chunks = piped_chunks() if arguments.stdin else wav_chunks(arguments.wav)
        else:
            microphone = _microphone(arguments)
            chunks = microphone.chunks()
        listen(listener, chunks, actions)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except _ToldToStop:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
        if microphone is not None:
            microphone.close()
    text = summary(listener, detectors, actions.count, gated=arguments.gate)
    if microphone is not None:
        text += f"; sound lost {microphone.overruns} times, microphone {microphone.losses} times"
    write_line(sys.stderr, text)
    return code


def _stop(_number: int, _frame: Any) -> None:
    raise _ToldToStop


def _actions(arguments: argparse.Namespace) -> Actions:
    actions = Actions(as_json=arguments.json)
    if arguments.exec is not None:
        from watchword_runtime.command import Command

        actions.command = Command(
            arguments.exec, shell=arguments.exec_shell, timeout_s=arguments.exec_timeout
        )
    if arguments.save_detections is not None:
        limits = Limits(arguments.save_limit, round(arguments.save_megabytes * 1e6))
        actions.recordings = Recordings(arguments.save_detections, limits)
    return actions


def _microphone(arguments: argparse.Namespace) -> Microphone:
    from watchword_runtime.microphone import Microphone
    from watchword_runtime.recorders import choose_recorder, open_recorder

    recorder = choose_recorder(arguments.recorder)
    microphone = Microphone(lambda: open_recorder(recorder, arguments.device))
    name = arguments.device or "the default microphone"
    write_line(sys.stderr, f"Listening to {name} with {recorder}. Ctrl-C stops.")
    return microphone


def _list_devices(arguments: argparse.Namespace) -> int:
    from watchword_runtime.recorders import choose_recorder, list_devices

    recorder = choose_recorder(arguments.recorder)
    devices = list_devices(recorder)
    for one in devices:
        if arguments.json:
            write_line(sys.stdout, json.dumps(one._asdict(), ensure_ascii=False))
        else:
            write_line(sys.stdout, f"{one.name}\t{one.description}")
    if not devices:
        write_line(sys.stderr, f"{recorder} knows no microphone: is one plugged in?")
    return EXIT_OK


def _bench(detectors: Sequence[Detector], arguments: argparse.Namespace) -> int:
    from watchword_runtime import bench

    result = bench.measure(detectors, arguments)
    text = json.dumps(result.to_dict()) if arguments.json else result.to_text()
    write_line(sys.stdout, text)
    return EXIT_OK


def _self_test(detector: Detector, *, as_json: bool) -> int:
    from watchword_runtime.selftest import run_self_test

    result = run_self_test(detector)
    if as_json:
        values = {
            "file": result.file,
            "engine": result.engine,
            "steps": result.steps,
            "worst_logit_error": result.worst,
            "tolerance": result.tolerance,
            "passed": result.passed,
        }
        write_line(sys.stdout, json.dumps(values))
    else:
        verdict = "passed" if result.passed else "FAILED: do not use this file on this engine"
        write_line(
            sys.stdout,
            f"{result.file} on {result.engine}: worst logit error {result.worst:.2g} over "
            f"{result.steps} steps, allowed {result.tolerance:g}: {verdict}",
        )
    return EXIT_OK if result.passed else EXIT_FAILED


def _complain(error: Exception, code: int) -> int:
    write_line(sys.stderr, f"watchword-listen: {error}")
    return code


if __name__ == "__main__":
    run()
