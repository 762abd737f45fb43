"""A bundle and recordings in, a table of what the runtime and microWakeWord's client hear out.

`python -m exporters.micro_proof BUNDLE --positives FOLDER --negatives FOLDER` streams the same
samples through the runtime and through the unmodified package pymicro-wakeword, and through TFLite
Micro, which is what runs on an ESP32, where the package tflite-micro is installed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exporters.exam_cli import add_recordings, read_exam
from exporters.micro_artifact import MICRO
from exporters.micro_client import quantised_steps
from watchword_runtime.decision import detection_steps, refractory_steps
from watchword_runtime.detector import Detector
from watchword_runtime.errors import AudioError, BundleError
from watchword_runtime.frontend import SAMPLE_RATE_HZ, features

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporters.exam import Exam
    from exporters.step import Floats
    from watchword_runtime.frontend import Pcm

RATES_PER_HOUR = (0.5, 2.0, 10.0)
PCM_CHUNK = 16_000


@dataclass(frozen=True)
class Listener:
    """One way to hear, and what it heard."""

    name: str
    scores: Floats
    """float32 [steps], averaged as this listener averages."""
    cutoff: float
    """A score from here on is a detection."""


def listeners(bundle: Path, pcm: Pcm) -> Iterator[Listener]:
    """Hear the whole stream in each way that is installed here."""
    detector = Detector.load(bundle)
    detector.forgets = False  # the clients do not
    yield Listener(
        f"watchword-runtime, {detector.file} on {detector.engine_name}",
        detector.stream().scores(pcm),
        detector.threshold,
    )
    config = micro_config(bundle)
    yield client(config, pcm)
    micro = micro_interpreter(config, pcm)
    if micro is not None:
        yield micro


def micro_config(bundle: Path) -> Path:
    """Return the bundle's microWakeWord manifest.

    Raises:
        FileNotFoundError: the bundle has none.
    """
    found = sorted(bundle.glob(f"*_{MICRO}.json"))
    if not found:
        raise FileNotFoundError(
            f"{bundle} holds no microWakeWord manifest: pass the folder of a bundle whose "
            "export made one (its README says so)."
        )
    return found[0]


def client(config: Path, pcm: Pcm) -> Listener:
    """Hear with pymicro-wakeword as it is published."""
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures  # noqa: PLC0415

    word, front_end = MicroWakeWord.from_config(config), MicroWakeWordFeatures()
    given = [
        word.process_streaming_prob(frame)
        for start in range(0, len(pcm), PCM_CHUNK)
        for frame in front_end.process_streaming(pcm[start : start + PCM_CHUNK].tobytes())
    ]
    version = importlib.metadata.version("pymicro-wakeword")
    scores = np.array(given[word.stride - 1 :: word.stride], np.float32)
    cutoff = float(np.nextafter(np.float32(word.probability_cutoff), np.float32(1)))
    return Listener(f"pymicro-wakeword {version}, {config.name}", scores, cutoff)


def micro_interpreter(config: Path, pcm: Pcm) -> Listener | None:
    """Hear with TFLite Micro in an arena of the manifest's size, deciding as ESPHome does."""
    try:
        from tflite_micro import runtime  # noqa: PLC0415
    except ImportError:
        return None
    manifest = json.loads(config.read_text(encoding="utf-8"))
    micro, content = manifest["micro"], (config.parent / manifest["model"]).read_bytes()
    arena = micro["tensor_arena_size"]
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena)
    frames = interpreter.get_input_details(0)["shape"][1]
    given = []
    for chunk in quantised_steps(features(pcm), frames):
        interpreter.set_input(chunk, 0)
        interpreter.invoke()
        given.append(int(interpreter.get_output(0)[0, 0]))
    window = micro["sliding_window_size"]
    sums = np.convolve(given, np.ones(window, np.int64))[: len(given)]
    name = f"TFLite Micro in {arena:,} bytes, ESPHome's rule"
    cutoff = int(255 * micro["probability_cutoff"]) * window + 1
    return Listener(name, (sums / (256 * window)).astype(np.float32), cutoff / (256 * window))


def table(exam: Exam, heard: Sequence[Listener], refractory_s: float) -> str:
    """Return the comparison as Markdown."""
    per_step = exam.step_s * SAMPLE_RATE_HZ
    spans = [
        (int(first / per_step), int(last / per_step))
        for first, last in exam.sound.spans[exam.negative_files :]
    ]
    verdicts = [
        tuple(bool((one.scores[first:last] >= one.cutoff).any()) for first, last in spans)
        for one in heard
    ]
    rates = ", ".join(f"{rate:g}" for rate in RATES_PER_HOUR)
    heads = ("listener", "detected", "false accepts", "heard as the first", f"at {rates}/h")
    lines = [
        f"{len(spans)} recordings of the phrase, {exam.hours:.2f} h without it.",
        "",
        "| " + " | ".join(heads) + " |",
        "| --- " * len(heads) + "|",
    ]
    waiting = refractory_steps(refractory_s, exam.step_s)
    for one, verdict in zip(heard, verdicts, strict=True):
        wrong = len(detection_steps(one.scores[: exam.negative_steps], one.cutoff, waiting, 0))
        same = sum(a == b for a, b in zip(verdict, verdicts[0], strict=True))
        equal = ", ".join(f"{np.mean(exam.heard(one.scores, rate)):.1%}" for rate in RATES_PER_HOUR)
        lines.append(
            f"| {one.name} | {sum(verdict)} of {len(spans)} ({np.mean(verdict):.1%}) | {wrong} "
            f"({wrong / exam.hours:.2f}/h) | {same} of {len(spans)} | {equal} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m exporters.micro_proof", description=__doc__)
    parser.add_argument("bundle", type=Path, help="folder of a bundle")
    add_recordings(parser)
    options = parser.parse_args(arguments)
    try:
        manifest = Detector.load(options.bundle).manifest
        exam = read_exam(options, manifest.step.step_s)
        heard = list(listeners(options.bundle, exam.sound.samples))
    except (AudioError, BundleError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except ImportError as error:
        sys.stderr.write(f'{error}. Install it: pip install "watchword[rivals]".\n')
        return 2
    sys.stdout.write(table(exam, heard, manifest.decision.refractory_s))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
