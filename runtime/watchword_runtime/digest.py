"""Bytes in, their SHA-256 in hex out, without OpenSSL.

`hashlib` loads OpenSSL, whose 3.5 MiB stay in a process that listens for months and hashed a few
files at its start. Python's own module is there for this: `random` takes it the same way.
"""

from __future__ import annotations

from typing import Any

try:
    from _sha2 import sha256  # type: ignore[import-not-found] # Python 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found]
    except ImportError:  # a Python that was built without its own
        from hashlib import sha256


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of `content` as 64 lower-case hex digits."""
    digest: Any = sha256(content)
    return str(digest.hexdigest())
