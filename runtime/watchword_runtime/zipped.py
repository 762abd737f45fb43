"""A bundle's zip in, the bytes of its members out; nothing is unpacked to disk.

Imported only where there is a zip: `zipfile` brings 2 MiB of compressors with it.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING

from watchword_runtime.errors import DamagedBundleError, NotABundleError
from watchword_runtime.manifest import MANIFEST_FILE

if TYPE_CHECKING:
    from pathlib import Path

ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
)
"""What the standard library raises on a damaged, encrypted or oddly compressed archive."""


def zip_prefix(path: Path) -> str:
    """Return "" or "folder/": where in the zip the one manifest lies.

    Raises:
        DamagedBundleError: the zip is cut off or damaged.
        NotABundleError: it holds none at its top, or several.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except ZIP_ERRORS as error:
        raise _damaged_zip(path, error) from error
    found = [n for n in names if n.split("/")[-1] == MANIFEST_FILE and n.count("/") <= 1]
    if len(found) != 1:
        raise NotABundleError(
            f"{path} is not a Watchword bundle: it holds {len(found)} {MANIFEST_FILE} files at "
            "its top, and a bundle holds one."
        )
    return found[0][: -len(MANIFEST_FILE)]


def read_member(path: Path, name: str, most_bytes: int) -> bytes | None:
    """Return a member's bytes, at most one more than `most_bytes`, or None if it is not there.

    Raises:
        DamagedBundleError: the zip is cut off or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if name not in archive.namelist():
                return None
            with archive.open(name) as member:
                return member.read(most_bytes + 1)
    except ZIP_ERRORS as error:
        raise _damaged_zip(path, error) from error


def appended_member(content: bytes, name: str, most_bytes: int) -> bytes | None:
    """Return a member of the zip at the end of `content`, or None if there is none or a larger."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(name).file_size > most_bytes:
                return None
            return archive.read(name)
    except ZIP_ERRORS:
        return None


def _damaged_zip(path: Path, error: BaseException) -> DamagedBundleError:
    return DamagedBundleError(f"{path} is a truncated or damaged zip ({error}): copy it again.")
