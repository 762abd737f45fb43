"""`python -m trainer.repetition_report BUNDLE --positives FOLDER`: is a phrase heard a second time?

Who was not understood says it again. Each recording is said twice in a quiet room, with a gap; how
often the second is missed where the first was heard says whether hearing the phrase makes deaf.
With `--talk FOLDER` somebody else says something before it, as loud: whether talk makes deaf.
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

GAPS_S = (0.5, 1.0, 2.5, 5.0)
BEFORE_S = 3.0
AFTER_S = 1.0
ROOM_BELOW_DB = 40.0
"""The room's own noise, below the speech."""


def say_after(
    first: NDArray[np.int16], then: NDArray[np.int16], gap_s: float, rng: np.random.Generator
) -> tuple[NDArray[np.int16], int]:
    """Return one recording and another, as loud, in a quiet room, and the middle of the gap."""
    speech = _spoken(then)
    loudness = np.sqrt(np.mean(np.square(speech)))
    before = _spoken(first)
    before = before * np.float32(loudness / max(np.sqrt(np.mean(np.square(before))), 1e-9))
    start, gap, end = (
        np.zeros(int(seconds * SAMPLE_RATE_HZ), np.float32)
        for seconds in (BEFORE_S, gap_s, AFTER_S)
    )
    scene = np.concatenate([start, before, gap, speech, end])
    level = loudness * 10 ** (-ROOM_BELOW_DB / 20)
    scene += rng.normal(0, level, len(scene)).astype(np.float32)
    scene /= max(1.0, float(np.abs(scene).max()))
    return to_int16(scene), len(start) + len(before) + len(gap) // 2


def _spoken(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    speech = pcm.astype(np.float32) / INT16_SCALE
    first, last = active_span(speech)
    return speech[first:last]


def heard_after(
    detector: Detector,
    files: Sequence[Path],
    gap_s: float,
    threshold: float,
    talk: Sequence[Path] = (),
) -> NDArray[np.bool_]:
    """Return [recordings, 2], whether something reaches a threshold before the gap, and after it.

    Args:
        detector: as the runtime loaded it.
        files: the phrase, once in each.
        gap_s: between what is said first and the phrase.
        threshold: a score.
        talk: what is said first, in turn; the recording itself where there is none.

    Raises:
        RecordingError: a file cannot be read.
    """
    stream = detector.stream()
    warmup = detector.warmup_steps
    heard = np.zeros((len(files), 2), bool)
    for number, path in enumerate(files):
        phrase = read_recording(path)
        first = read_recording(talk[number % len(talk)]) if talk else phrase
        scene, middle = say_after(first, phrase, gap_s, np.random.default_rng(number))
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
    options.add_argument("--talk", type=Path, help="recordings of other people, said before it")
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
        heard = heard_after(detector, files, gap_s, threshold)
        again = heard[heard[:, 0], 1]
        second = f"{100 * (1 - again.mean()):.1f} %" if len(again) else "–"
        print(f"| {gap_s:g} s | {100 * (1 - heard[:, 0].mean()):.1f} % | {second} |")  # noqa: T201
    if chosen.talk:
        talk = find_recordings(chosen.talk)
        print("\n| pause after somebody else | missed |\n|---|---|")  # noqa: T201
        for gap_s in chosen.gaps:
            heard = heard_after(detector, files, gap_s, threshold, talk)
            print(f"| {gap_s:g} s | {100 * (1 - heard[:, 1].mean()):.1f} % |")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
