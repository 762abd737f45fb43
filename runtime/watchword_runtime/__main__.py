"""The command line `watchword-listen`: a bundle and sound in, a line for each detection out."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from typing import TYPE_CHECKING, TextIO

import numpy as np

from watchword_runtime import __version__
from watchword_runtime.audio import pcm_chunks, read_wav
from watchword_runtime.detector import Detector
from watchword_runtime.engines import ENGINES
from watchword_runtime.errors import AudioError, NoEngineError
from watchword_runtime.frontend import SAMPLE_RATE_HZ
from watchword_runtime.selftest import run_self_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchword_runtime.detector import Detection
    from watchword_runtime.frontend import Pcm

FLUSH_S = 0.5
"""Silence after the last sample: the score may rise only some steps after the phrase ends."""

EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_NO_ENGINE, EXIT_INTERRUPTED = 0, 1, 2, 3, 130

EPILOG = f"""\
examples:
  watchword-listen smart_mirror.zip --wav kitchen.wav
  arecord -q -f S16_LE -r 16000 -c 1 -t raw | watchword-listen smart_mirror --stdin
  watchword-listen smart_mirror --self-test --file smart_mirror.int8.tflite

BUNDLE is the exported folder, its zip, or one .onnx or .tflite file out of it.
After the last sample {FLUSH_S} s of silence are heard too, so that a phrase at the very end
is not lost; its time may then lie up to that much behind the end.

exit codes:
  {EXIT_OK}    the sound was heard to its end, with or without detections; or the self-test passed
  {EXIT_FAILED}    the self-test found logits too far from the trained model's
  {EXIT_BAD_INPUT}    wrong usage, or a bundle or sound that cannot be used
  {EXIT_NO_ENGINE}    no engine that can run the model is installed
  {EXIT_INTERRUPTED}  interrupted with Ctrl-C
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `watchword-listen`."""
    parser = argparse.ArgumentParser(
        prog="watchword-listen",
        description="Print a line whenever a detector hears its phrase.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="folder, .zip, .onnx or .tflite")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--wav", metavar="FILE", help="listen to a WAV file of any usual kind")
    source.add_argument(
        "--stdin", action="store_true", help="listen to raw 16 kHz mono s16le PCM as it arrives"
    )
    source.add_argument(
        "--self-test",
        action="store_true",
        help="check the chosen file and engine against the bundle's golden vectors",
    )
    parser.add_argument(
        "--threshold", type=float, metavar="T", help="score from 0 to 1 instead of the bundle's"
    )
    parser.add_argument("--engine", choices=list(ENGINES), help="default: the first that works")
    parser.add_argument(
        "--file", metavar="NAME", help="model file of the bundle; default: its most preferred one"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line on `argv` (default: the process's) and return the exit code."""
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        detector = Detector.load(
            arguments.bundle,
            engine=arguments.engine,
            file=arguments.file,
            threshold=arguments.threshold,
        )
        if arguments.self_test:
            return _self_test(detector, as_json=arguments.json)
        chunks = _piped() if arguments.stdin else _slices(arguments.wav)
        return _listen(detector, chunks, as_json=arguments.json)
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


def run() -> None:
    """Leave the process with `main`'s exit code: the console script."""
    sys.exit(main())


def _listen(detector: Detector, chunks: Iterable[Pcm], *, as_json: bool) -> int:
    stream = detector.stream()
    heard_samples = found = 0
    for chunk in chunks:
        heard_samples += len(chunk)
        found += _report(stream.process(chunk), as_json=as_json)
    silence = np.zeros(round(FLUSH_S * SAMPLE_RATE_HZ), dtype=np.int16)
    found += _report(stream.process(silence), as_json=as_json)
    _line(
        sys.stderr,
        f"{found} detection{'' if found == 1 else 's'} in {heard_samples / SAMPLE_RATE_HZ:.1f} s "
        f"({detector.file} on {detector.engine_name}, threshold {detector.threshold:g})",
    )
    return EXIT_OK


def _report(detections: list[Detection], *, as_json: bool) -> int:
    for found in detections:
        if as_json:
            values = {"phrase": found.phrase, "time_s": found.time_s, "score": found.score}
            _line(sys.stdout, json.dumps(values, ensure_ascii=False))
        else:
            _line(sys.stdout, f"{found.time_s:9.2f} s  {found.phrase}  score {found.score:.3f}")
    return len(detections)


def _self_test(detector: Detector, *, as_json: bool) -> int:
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
        _line(sys.stdout, json.dumps(values))
    else:
        verdict = "passed" if result.passed else "FAILED: do not use this file on this engine"
        _line(
            sys.stdout,
            f"{result.file} on {result.engine}: worst logit error {result.worst:.2g} over "
            f"{result.steps} steps, allowed {result.tolerance:g}: {verdict}",
        )
    return EXIT_OK if result.passed else EXIT_FAILED


def _piped() -> Iterator[Pcm]:
    if sys.stdin.isatty():
        raise AudioError(
            "--stdin hears a pipe, not a keyboard: arecord … -t raw | watchword-listen …"
        )
    return pcm_chunks(sys.stdin.buffer)


def _slices(wav: str) -> Iterator[Pcm]:
    pcm = read_wav(wav)
    for start in range(0, len(pcm), SAMPLE_RATE_HZ):
        yield pcm[start : start + SAMPLE_RATE_HZ]


def _line(out: TextIO, text: str) -> None:
    out.write(f"{text}\n")
    out.flush()


def _complain(error: Exception, code: int) -> int:
    _line(sys.stderr, f"watchword-listen: {error}")
    return code


if __name__ == "__main__":
    run()
