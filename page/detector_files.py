"""A finished job's result comes in; the detector's manifest, files and measurements go out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchword_runtime.manifest import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_runtime.manifest import ModelFile


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

    def path(self, file: ModelFile) -> Path:
        """Return where a model file of the manifest lies."""
        return self.bundle / file.file


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
        return Detector(
            bundle,
            zip_file,
            manifest,
            validation["miss_rate"],
            validation["near_miss_accepted"],
            dict(metrics["minutes"]),
            list(result["verification"]),
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
