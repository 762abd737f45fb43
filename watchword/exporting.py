"""A finished training's folder in, a verified bundle and the training's report beside it out."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from exporters.bundle import export_bundle
from exporters.sound import read_sound
from exporters.step import step_spec
from trainer.model import load_checkpoint
from trainer.operating import decision
from trainer.progress import Progress
from watchword.errors import OutTakenError, TrainingMissingError
from watchword.verification_sound import SOUND_FILE
from watchword_runtime.manifest import (
    FORMAT_VERSION,
    MANIFEST_FILE,
    FrontEndSpec,
    Manifest,
    OperatingPoint,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.model import TinyCRNN
    from trainer.progress import Report

CALIBRATION_FILE = "calibration.npz"
CHECKPOINT_FOLDER = "checkpoint"
REPORT_FILE = "report.json"
"""In the work folder; `export_training` copies it beside the bundle."""


@dataclass(frozen=True)
class Result:
    """What came out."""

    bundle: Path
    zip: Path
    metrics: Mapping[str, Any]
    verification: list[Mapping[str, Any]]
    skipped: Mapping[str, str]
    """Formats that could not be made, and why."""
    report: Path | None = None
    """What it does at each threshold; None for a training of an earlier version."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the job's row."""
        return {
            "bundle": str(self.bundle),
            "zip": str(self.zip),
            "metrics": dict(self.metrics),
            "verification": [dict(row) for row in self.verification],
            "skipped": dict(self.skipped),
            "report": None if self.report is None else str(self.report),
        }


class StageClock:
    """Passes progress on and keeps the minutes of each stage."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._stage = ""
        self._since_s = time.monotonic()
        self.minutes: dict[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        """Take progress; the time since the last belongs to the last's stage."""
        now_s = time.monotonic()
        if self._stage:
            spent = (now_s - self._since_s) / 60
            self.minutes[self._stage] = self.minutes.get(self._stage, 0.0) + spent
        self._stage, self._since_s = progress.stage, now_s
        self._report(progress)


def check_out(out: Path) -> None:
    """Refuse a target that an export would refuse, before minutes of work instead of after them.

    Raises:
        OutTakenError: there is something else than a bundle or an empty folder.
    """
    if not out.exists() or (out / MANIFEST_FILE).is_file():
        return
    if not out.is_dir() or any(out.iterdir()):
        raise OutTakenError(f"{out} exists and holds no detector: choose another folder.")


_META = frozenset({"request", "operating_points", "smoothing_steps", "provenance", "minutes"})
"""What a training writes beside its weights and an export needs."""


def read_training(work: Path) -> tuple[TinyCRNN, dict[str, Any], NDArray[np.float32]]:
    """Return the network, its meta values and the calibration features [frames, 40]."""
    try:
        model, meta = load_checkpoint(work / CHECKPOINT_FOLDER)
        with np.load(work / CALIBRATION_FILE, allow_pickle=False) as stored:
            calibration = stored["features"].astype(np.float32)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise TrainingMissingError(
            f"{work} holds no finished training that can be read ({error}). Give the folder that "
            "`watchword train` left beside the detector (OUT.work), or train again."
        ) from error
    missing = sorted(_META - meta.keys())
    if missing:
        raise TrainingMissingError(
            f"The training in {work} is of an earlier version: it does not say "
            f"{', '.join(missing)}. Train again."
        )
    return model, meta, calibration


def export_training(work: Path, out: Path, report: Report, audio: Path | None = None) -> Result:
    """Write the bundle of a finished training.

    Args:
        work: the folder that the training left.
        out: the bundle's folder; the zip is written beside it.
        report: receives the stage `export`.
        audio: recordings to verify on, a file or a folder, instead of the training's own sound.

    Raises:
        TrainingMissingError: `work` holds no finished training, or a damaged one.
        AudioError: `audio` holds no sound.
        OutTakenError: `out` holds something that is not a detector.
        ExportError: an artifact does not behave as the network does; nothing is left in `out`.
    """
    clock = report if isinstance(report, StageClock) else StageClock(report)
    clock(Progress("export", 0.0, None, "reading the checkpoint"))
    check_out(out)
    started_s = time.monotonic()
    model, meta, calibration = read_training(work)
    if audio is None:
        audio = work / SOUND_FILE
        if not audio.is_file():
            raise TrainingMissingError(
                f"The training in {work} is of an earlier version and kept no {SOUND_FILE}: name "
                "recordings to verify on with --audio, a minute of the phrase and of other speech."
            )
    sound = read_sound(audio).samples

    def tell(share: float, text: str) -> None:
        spent_s = time.monotonic() - started_s
        eta_s = spent_s * (1 - share) / share if share > 0 else None
        clock(Progress("export", share, eta_s, text))

    points = tuple(OperatingPoint.from_dict(point) for point in meta["operating_points"])
    spec = step_spec(model.config)
    exported = export_bundle(
        work / CHECKPOINT_FOLDER,
        out,
        manifest=Manifest(
            format_version=FORMAT_VERSION,
            phrase=meta["phrase"],
            language=meta["request"]["language"],
            files=(),
            front_end=FrontEndSpec(),
            step=spec,
            decision=decision(points, spec.step_s, meta["smoothing_steps"]),
            operating_points=points,
            provenance=meta["provenance"],
        ),
        calibration=calibration,
        sound=sound,
        progress=tell,
    )
    minutes = meta["minutes"] | clock.minutes
    return Result(
        bundle=exported.folder,
        zip=exported.zip,
        metrics={
            "validation": {**meta["validation"], "operating_points": meta["operating_points"]},
            "parameters": meta["parameters"],
            "corpus": meta.get("corpus"),
            "minutes": {stage: round(value, 2) for stage, value in minutes.items()},
        },
        verification=exported.verification.to_dict()["checks"],
        skipped=exported.skipped,
        report=_copy_report(work, out),
    )


def _copy_report(work: Path, out: Path) -> Path | None:
    """Put the training's report beside the bundle, whose own bytes stay those of its checkpoint."""
    if not (work / REPORT_FILE).is_file():
        return None
    target = out.with_name(f"{out.name}.{REPORT_FILE}")
    aside = target.with_name(f"{target.name}.part")
    shutil.copyfile(work / REPORT_FILE, aside)
    aside.replace(target)
    return target
