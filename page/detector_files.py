"""A finished job's result comes in; the detector's manifest, files and measurements go out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchword_runtime.manifest import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_runtime.manifest import ModelFile

CARD_FILE = "README.md"
REPORT_FORMAT_VERSION = 1
EVALUATION_FORMAT_VERSION = 1
EVALUATION_SUFFIX = ".evaluation.json"
"""What `watchword evaluate --json` wrote beside the bundle, under the bundle's name."""


class DetectorMissingError(FileNotFoundError):
    """The bundle of a finished job is gone from the disk."""


class DetectorDamagedError(ValueError):
    """The bundle of a finished job cannot be read."""


@dataclass(frozen=True)
class Detector:
    """What the page shows and hands out of a bundle."""

    bundle: Path
    zip_file: Path
    manifest: Manifest
    miss_rate: float | None
    """Share of positives of voices it never heard that it missed, in validation."""
    near_miss_accepted: float | None
    """Share of similar-sounding phrases that it took for its own."""
    minutes: dict[str, float]
    """By stage."""
    verification: list[dict[str, Any]]
    """One row an artifact and engine, as the exporter measured it."""
    skipped: dict[str, str]
    """Formats that could not be made, and why."""
    report: dict[str, Any] | None
    """What it does at each threshold; None for a training of an earlier version."""
    evaluation: dict[str, Any] | None
    """What was measured on recordings, if somebody did that."""
    micro: tuple[Path, ...]
    """The microWakeWord model for ESPHome and its manifest, if they were made."""
    micro_manifest: dict[str, Any] | None

    def path(self, file: ModelFile) -> Path:
        """Return where a model file of the manifest lies."""
        return self.bundle / file.file

    @property
    def evaluation_file(self) -> Path:
        """Where the page looks for what was measured on recordings."""
        return self.bundle.with_name(self.bundle.name + EVALUATION_SUFFIX)

    @property
    def smallest_bytes(self) -> int:
        """Size of the smallest model file."""
        return min(file.bytes for file in self.manifest.files)

    @property
    def real_miss_rate(self) -> float | None:
        """Share of real recordings that it misses as shipped, the first condition's: clean."""
        try:
            rates = (self.evaluation or {})["shipped_threshold"]["miss_rate"]
            value = next(iter(rates.values()))["value"]
        except (KeyError, TypeError, StopIteration):
            return None
        return None if value is None else float(value)

    def card(self) -> str | None:
        """Return the bundle's own README, Markdown."""
        try:
            return (self.bundle / CARD_FILE).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None


def open_detector(result: Mapping[str, Any]) -> Detector:
    """Read the detector of a finished job.

    Raises:
        DetectorMissingError: The folder or its manifest is gone.
        DetectorDamagedError: The manifest or the result does not say what it should.
    """
    try:
        bundle, zip_file = Path(result["bundle"]), Path(result["zip"])
        metrics = result["metrics"]
        validation = metrics["validation"]
        manifest = Manifest.from_json((bundle / MANIFEST_FILE).read_text(encoding="utf-8"))
        if not manifest.files:
            raise DetectorDamagedError(f"{bundle / MANIFEST_FILE} lists no model file")
        micro, micro_manifest = _micro(bundle)
        report = result.get("report")
        return Detector(
            bundle=bundle,
            zip_file=zip_file,
            manifest=manifest,
            miss_rate=validation["miss_rate"],
            near_miss_accepted=validation["near_miss_accepted"],
            minutes=dict(metrics["minutes"]),
            verification=list(result["verification"]),
            skipped=dict(result.get("skipped", {})),
            report=None if report is None else _read(Path(report), REPORT_FORMAT_VERSION),
            evaluation=_read(
                bundle.with_name(bundle.name + EVALUATION_SUFFIX), EVALUATION_FORMAT_VERSION
            ),
            micro=micro,
            micro_manifest=micro_manifest,
        )
    except OSError as error:
        raise DetectorMissingError(
            f"The files of this detector are no longer in {bundle}. Put them back, or teach the "
            "phrase again: its recordings are kept, so that is quick."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DetectorDamagedError(
            f"The result of this job cannot be read: {error}. Teach the phrase again; its "
            "recordings are kept, so that is quick."
        ) from error


def _read(path: Path, format_version: int) -> dict[str, Any] | None:
    """Return a JSON object of this version; None where there is none: the rest still shows."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(values, dict) or values.get("format_version") != format_version:
        return None
    return values


def _micro(bundle: Path) -> tuple[tuple[Path, ...], dict[str, Any] | None]:
    """Return the files of the microWakeWord model and what its manifest says."""
    for path in sorted(bundle.glob("*_micro.json")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            model = bundle / str(values["model"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if values.get("type") == "micro" and model.is_file():
            return (path, model), values
    return (), None
