"""Watchword's device runtime: a bundle and 16 kHz audio in, detections of its phrase out."""

from watchword_runtime.detector import Detection, Detector, Stream
from watchword_runtime.errors import (
    AudioError,
    BundleError,
    BundleNotFoundError,
    DamagedBundleError,
    ManifestError,
    ModelError,
    NoEngineError,
    NotABundleError,
    SignatureError,
    SignatureUnavailableError,
)
from watchword_runtime.group import DetectorGroup, GroupStream
from watchword_runtime.signature import read_public_key

__version__ = "0.1.0"

__all__ = [
    "AudioError",
    "BundleError",
    "BundleNotFoundError",
    "DamagedBundleError",
    "Detection",
    "Detector",
    "DetectorGroup",
    "GroupStream",
    "ManifestError",
    "ModelError",
    "NoEngineError",
    "NotABundleError",
    "SignatureError",
    "SignatureUnavailableError",
    "Stream",
    "__version__",
    "read_public_key",
]
