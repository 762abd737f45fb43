"""Bundles and folders of bundles in, the detectors that lie there now out, by name."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Mapping, Sequence

from watchword_runtime.detector import Detector
from watchword_runtime.errors import BundleError, BundleNotFoundError
from watchword_runtime.manifest import FORMATS, MANIFEST_FILE
from watchword_runtime.operating import operating_point

logger = logging.getLogger(__name__)

_FILE_KINDS = (".zip", *(f".{name}" for name in FORMATS))


@dataclass(frozen=True)
class Settings:
    """What was asked of all detectors; None leaves each bundle's own value."""

    threshold: float | None = None
    sensitivity: float | None = None
    """False accepts per hour: the bundle's operating point for it gives the threshold."""
    trigger_level: int = 1
    refractory_s: float | None = None
    engine: str | None = None
    public_key: bytes | None = None
    """Then only bundles that this key signed are served; see `signature.read_public_key`."""

    def load(self, path: Path) -> Detector:
        """Load a bundle and set it up.

        Raises:
            BundleError: it cannot be used.
            NoEngineError: nothing installed can run it.
            ValueError: it has no operating point for the sensitivity.
        """
        detector = Detector.load(
            path, engine=self.engine, threshold=self.threshold, public_key=self.public_key
        )
        if self.sensitivity is not None:
            detector.threshold = operating_point(detector.manifest, self.sensitivity).threshold
        if self.refractory_s is not None:
            detector.refractory_s = self.refractory_s
        detector.trigger_level = self.trigger_level
        return detector


class Models:
    """Looks again each time it is asked, and loads only what is new or has changed."""

    def __init__(
        self, bundles: Sequence[Path], folders: Sequence[Path], settings: Settings
    ) -> None:
        """Load `bundles`, which must work, and what works in `folders`.

        Raises:
            BundleError: one of `bundles` cannot be used, or one of `folders` is not a folder.
            NoEngineError: nothing installed can run one of `bundles`.
            ValueError: one of `bundles` has no operating point for the sensitivity.
        """
        self._bundles = [Path(path) for path in bundles]
        self._folders = [Path(path) for path in folders]
        self._settings = settings
        self._seen: dict[Path, tuple[tuple[object, ...], Detector | None]] = {}
        self._told: set[Path] = set()
        for folder in self._folders:
            if not folder.is_dir():
                raise BundleNotFoundError(f"There is no folder {folder}: make it, or correct it.")
            if (folder / MANIFEST_FILE).exists():
                raise BundleNotFoundError(
                    f"{folder} is a bundle, not a folder of bundles: pass it with --model."
                )
        for path in self._bundles:
            self._seen[path] = (_state(path), settings.load(path))
        self.now()

    def now(self) -> Mapping[str, Detector]:
        """Return the detectors by name: the bundle's name without `.zip`, `.onnx` or `.tflite`."""
        found: dict[str, Detector] = {}
        places: dict[str, Path] = {}
        for path in self._paths():
            detector = self._detector(path)
            if detector is None:
                continue
            name = path.stem if path.suffix in _FILE_KINDS else path.name
            if name not in found:
                found[name], places[name] = detector, path
            elif path not in self._told:
                self._told.add(path)
                logger.info("%s is left aside: %s has its name.", path, places[name])
        return found

    def _paths(self) -> Iterator[Path]:
        yield from self._bundles
        for folder in self._folders:
            try:
                entries = sorted(folder.iterdir())
            except OSError as error:
                logger.warning("%s cannot be looked into: %s", folder, error)
                continue
            # A folder comes before the zip of the same name, which sorts behind it.
            for entry in entries:
                if entry.suffix in _FILE_KINDS or (entry / MANIFEST_FILE).is_file():
                    yield entry

    def _detector(self, path: Path) -> Detector | None:
        state = _state(path)
        if path in self._seen and self._seen[path][0] == state:
            return self._seen[path][1]
        detector = None
        try:
            detector = self._settings.load(path)
        except BundleError as error:
            # It may be a copy that is not finished: it is tried again when it has changed.
            logger.warning("Not offered: %s", error)
        except (ValueError, RuntimeError) as error:
            logger.warning("%s is not offered: %s", path, error)
        else:
            logger.info(
                "%s: %r, threshold %.3g, %s on %s",
                path,
                detector.manifest.phrase,
                detector.threshold,
                detector.file,
                detector.engine_name,
            )
        self._seen[path] = (state, detector)
        return detector


def _state(path: Path) -> tuple[object, ...]:
    """Return what changes when a bundle is replaced, or copied further."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        stats = [(file.name, file.stat()) for file in files]
    except OSError:
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
