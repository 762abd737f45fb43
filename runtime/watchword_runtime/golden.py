"""The bytes of `golden.npz` in, the features and logits of a self-test out; never unpickled."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from watchword_runtime.errors import BundleError, DamagedBundleError
from watchword_runtime.frontend import CHANNELS
from watchword_runtime.manifest import GOLDEN_FILE
from watchword_runtime.zipped import ZIP_ERRORS

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_runtime.frontend import Floats


def read_golden(content: bytes, frames: int, most_bytes: int, path: Path) -> tuple[Floats, Floats]:
    """Return features float32 [steps, frames, 40] and logits float32 [steps].

    Args:
        content: of the file.
        frames: feature vectors in a step of the bundle's model.
        most_bytes: what it may unpack to.
        path: the bundle, for messages.

    Raises:
        DamagedBundleError: the file cannot be read or has other shapes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            too_big = sum(item.file_size for item in archive.infolist()) > most_bytes
        if too_big:
            raise DamagedBundleError(f"{path}: {GOLDEN_FILE} is too large to be ours.")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            features, logits = arrays["features"], arrays["logits"]
    except (*ZIP_ERRORS, OSError, ValueError) as error:
        if isinstance(error, BundleError):
            raise
        raise DamagedBundleError(
            f"{path}: {GOLDEN_FILE} is damaged ({error}): copy the bundle again."
        ) from error
    wanted = (logits.size, frames, CHANNELS)
    if logits.ndim != 1 or logits.size == 0 or features.shape != wanted:
        raise DamagedBundleError(
            f"{path}: {GOLDEN_FILE} holds features {list(features.shape)} and logits "
            f"{list(logits.shape)}, which do not fit the manifest: export the bundle again."
        )
    return features.astype(np.float32), logits.astype(np.float32)
