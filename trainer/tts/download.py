"""A URL and a SHA-256 in, a checked file out; what was begun is continued by the next call."""

from __future__ import annotations

import errno
import hashlib
import http.client
import logging
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

logger = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 16
TIMEOUT_S = 30.0
ATTEMPTS = 3
PAUSE_S = 1.0
PART_SUFFIX = ".part"


class DownloadError(OSError):
    """A file could not be downloaded; the message names the address and the cause."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused
        """The server answered and wanted other credentials."""


class _InterruptedError(OSError):
    """The transfer broke off; what arrived is kept and another attempt makes sense."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def trusted_certificates() -> ssl.SSLContext:
    """Return the certificates that Python trusts, and those that the user gave to pip.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` are read by OpenSSL; `PIP_CERT` and `REQUESTS_CA_BUNDLE` are
    added, because a user behind a company's proxy has often set only these.
    """
    context = ssl.create_default_context()
    for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE"):
        path = os.environ.get(name)
        if path and Path(path).is_file():
            context.load_verify_locations(cafile=path)
    return context


def download(
    url: str,
    target: Path,
    sha256: str,
    *,
    progress: Callable[[int], None] = lambda _bytes: None,
    attempts: int = ATTEMPTS,
) -> None:
    """Write the file behind `url` to `target`, unless it is already there.

    Bytes arrive in `<target>.part`, which stays when the transfer breaks off and is continued with
    a Range request by the next attempt or call. It is renamed when its hash is right.

    Args:
        url: http, https or file.
        target: where to; its folder is made.
        sha256: expected hash, in hexadecimal.
        progress: called with the bytes that are there so far.
        attempts: how often a broken transfer is taken up again before giving up.

    Raises:
        DownloadError: unreachable, refused, no space, or the content has another hash.
    """
    if target.is_file() and sha256_of(target) == sha256:
        progress(target.stat().st_size)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + PART_SUFFIX)
    resumed = part.exists()
    for attempt in range(1, attempts + 1):
        try:
            _transfer(url, part, progress)
            break
        except _InterruptedError as error:
            if attempt == attempts:
                raise DownloadError(
                    f"{url} broke off: {error}. What arrived is kept: run it again."
                ) from error
            logger.info("%s broke off (%s), attempt %d follows", url, error, attempt + 1)
            time.sleep(PAUSE_S * attempt)
    found = sha256_of(part)
    if found != sha256:
        part.unlink()
        if resumed:  # the beginning may have been of another file
            download(url, target, sha256, progress=progress, attempts=attempts)
            return
        raise DownloadError(
            f"{url} has SHA-256 {found} instead of {sha256}: it is not the file that was pinned, "
            f"and was deleted."
        )
    part.replace(target)


def _transfer(url: str, part: Path, progress: Callable[[int], None]) -> None:
    """Append to `part` what is missing of the file behind `url`."""
    have_bytes = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url)  # noqa: S310 - the addresses are pinned or the user's own
    if have_bytes and not url.startswith("file:"):
        request.add_header("Range", f"bytes={have_bytes}-")
    try:
        response = urllib.request.urlopen(  # noqa: S310 - as above
            request, timeout=TIMEOUT_S, context=trusted_certificates()
        )
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # all of it is there: the hash decides
        if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _InterruptedError(f"the server answered {error.code}") from error
        raise DownloadError(
            f"{url} answered {error.code} {error.reason}.", refused=error.code in {401, 403, 407}
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(f"{url} cannot be reached: {reason}.") from error
    with response:
        continued = getattr(response, "status", None) == http.HTTPStatus.PARTIAL_CONTENT
        length = response.headers.get("Content-Length")
        before = have_bytes if continued else 0
        expected_bytes = before + int(length) if length else None
        try:
            with part.open("ab" if continued else "wb") as file:
                got_bytes = _copy(response, file, before, progress)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                free_bytes = shutil.disk_usage(part.parent).free
                raise DownloadError(
                    f"The disk is full: {free_bytes / 1e6:.0f} MB are left in {part.parent} and "
                    f"{url} needs {(expected_bytes or 0) / 1e6:.0f} MB. Free some and run it again."
                ) from error
            raise
    if expected_bytes is not None and got_bytes < expected_bytes:
        raise _InterruptedError(f"{got_bytes} of {expected_bytes} bytes")


def _copy(
    response: IO[bytes], file: IO[bytes], before: int, progress: Callable[[int], None]
) -> int:
    """Copy a response into a file; returns the bytes that are there with the `before` earlier."""
    total = before
    while True:
        try:
            block = response.read(BLOCK_BYTES)
        except (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
            raise _InterruptedError(str(error) or type(error).__name__) from error
        if not block:
            return total
        file.write(block)
        total += len(block)
        progress(total)
