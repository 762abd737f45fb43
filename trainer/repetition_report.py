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

from trainer.evaluation.scores import score_after
from trainer.evaluation.surroundings import check_recordings, spread
from trainer.progress import Stage, silent
from trainer.recordings import RecordingError, find_recordings
from watchword_runtime import Detector
from watchword_runtime.errors import BundleError, NoEngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

GAPS_S = (0.5, 1.0, 2.5, 5.0)


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
        stage = Stage(silent, "again", len(files))
        heard = score_after(detector, files, files, gap_s, stage) >= threshold
        again = heard[heard[:, 0], 1]
        second = f"{100 * (1 - again.mean()):.1f} %" if len(again) else "–"
        print(f"| {gap_s:g} s | {100 * (1 - heard[:, 0].mean()):.1f} % | {second} |")  # noqa: T201
    if chosen.talk:
        talk = spread(find_recordings(chosen.talk), len(files))
        print("\n| pause after somebody else | missed |\n|---|---|")  # noqa: T201
        for gap_s in chosen.gaps:
            stage = Stage(silent, "talk", len(files))
            heard = score_after(detector, files, talk, gap_s, stage) >= threshold
            print(f"| {gap_s:g} s | {100 * (1 - heard[:, 1].mean()):.1f} % |")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
