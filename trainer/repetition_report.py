"""`python -m trainer.repetition_report BUNDLE --positives FOLDER`: is a phrase heard a second time?

Who was not understood says it again. Each recording is said twice in a quiet room, with a gap; how
often the second is missed where the first was heard says whether hearing the phrase makes deaf.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainer.evaluation.surroundings import check_recordings
from trainer.recordings import RecordingError, find_recordings, read_recording
from trainer.speech import INT16_SCALE, active_span
from watchword_runtime import Detector
from watchword_runtime.errors import BundleError, NoEngineError
from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GAPS_S = (1.0, 2.5, 5.0, 9.0)
BEFORE_S = 3.0
AFTER_S = 1.0
ROOM_BELOW_DB = 40.0
"""The room's own noise, below the speech."""


def say_twice(
    pcm: NDArray[np.int16], gap_s: float, rng: np.random.Generator
) -> tuple[NDArray[np.int16], int]:
    """Return a recording said twice in a quiet room, and the sample in the middle of the gap."""
    speech = pcm.astype(np.float32) / INT16_SCALE
    first, last = active_span(speech)
    speech = speech[first:last]
    before, gap, after = (
        np.zeros(int(seconds * SAMPLE_RATE_HZ), np.float32)
        for seconds in (BEFORE_S, gap_s, AFTER_S)
    )
    scene = np.concatenate([before, speech, gap, speech, after])
    level = np.sqrt(np.mean(np.square(speech))) * 10 ** (-ROOM_BELOW_DB / 20)
    scene += rng.normal(0, level, len(scene)).astype(np.float32)
    scene /= max(1.0, float(np.abs(scene).max()))
    return to_int16(scene), len(before) + len(speech) + len(gap) // 2


def heard_twice(
    detector: Detector, files: Sequence[Path], gap_s: float, threshold: float
) -> NDArray[np.bool_]:
    """Return [recordings, 2], whether the first and the second saying reach a threshold.

    Raises:
        RecordingError: a file cannot be read.
    """
    stream = detector.stream()
    warmup = detector.warmup_steps
    heard = np.zeros((len(files), 2), bool)
    for number, path in enumerate(files):
        scene, middle = say_twice(read_recording(path), gap_s, np.random.default_rng(number))
        stream.reset()
        scores = stream.scores(scene)
        step = int(middle / SAMPLE_RATE_HZ / detector.step_s)
        heard[number] = scores[warmup:step].max() >= threshold, scores[step:].max() >= threshold
    return heard


def main(arguments: Sequence[str] | None = None) -> int:
    """Print, for each gap, how many are missed the first and the second time."""
    options = argparse.ArgumentParser(prog="python -m trainer.repetition_report")
    options.add_argument("bundle", type=Path)
    options.add_argument("--positives", type=Path, required=True, help="the phrase, once a file")
    options.add_argument("--threshold", type=float, help="instead of the detector's own")
    options.add_argument("--gaps", type=float, nargs="+", default=GAPS_S, metavar="SECONDS")
    chosen = options.parse_args(arguments)
    try:
        return _report(chosen)
    except (RecordingError, BundleError, NoEngineError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2


def _report(chosen: argparse.Namespace) -> int:
    if min(chosen.gaps) <= 0:
        raise ValueError("A gap lasts longer than 0 s.")
    detector = Detector.load(chosen.bundle, threshold=chosen.threshold)
    files = find_recordings(chosen.positives)
    check_recordings(files)
    threshold = detector.threshold
    print(f"{detector.manifest.phrase}: {len(files)} recordings, threshold {threshold:.4f}")  # noqa: T201
    print("| gap | missed the first time | the second, of those heard the first |\n|---|---|---|")  # noqa: T201
    for gap_s in chosen.gaps:
        heard = heard_twice(detector, files, gap_s, threshold)
        again = heard[heard[:, 0], 1]
        second = f"{100 * (1 - again.mean()):.1f} %" if len(again) else "–"
        print(f"| {gap_s:g} s | {100 * (1 - heard[:, 0].mean()):.1f} % | {second} |")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
