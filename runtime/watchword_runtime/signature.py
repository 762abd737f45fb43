"""A bundle's files and a public key in, nothing out, or the name of the file that was not signed.

`signature.json` lists the SHA-256 of every other file of the bundle and an ed25519 signature over
that list. The key is 32 bytes that a device was given by another way than the bundle.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict

from watchword_runtime.digest import sha256_hex
from watchword_runtime.errors import SignatureError, SignatureUnavailableError

if TYPE_CHECKING:
    import os

SIGNATURE_FILE = "signature.json"
SIGNATURE_VERSION = 1
ALGORITHM = "ed25519"
KEY_BYTES = 32
MAX_SIGNATURE_BYTES = 1 << 16
_DOMAIN = "watchword bundle 1"
"""First line of what is signed, so that a signature fits nothing else that the key may sign."""

Digests = Dict[str, str]
"""File name → SHA-256 in hex."""


def signed_message(digests: Digests) -> bytes:
    """Return the bytes that are signed: one line a file, in the order of their names."""
    lines = [_DOMAIN, *(f"{digests[name]}  {name}" for name in sorted(digests))]
    return ("\n".join(lines) + "\n").encode()


def read_public_key(path: str | os.PathLike[str]) -> bytes:
    """Return the 32 bytes of an ed25519 public key out of a PEM file.

    Raises:
        SignatureError: the file cannot be read or holds something else, such as a private key.
        SignatureUnavailableError: `cryptography` is not installed.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SignatureError(f"{path} cannot be read: {error.strerror}.") from error
    serialization, ed25519, exceptions = _library()
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, exceptions.UnsupportedAlgorithm) as error:
        raise SignatureError(
            f"{path} is no public key: pass the .pub file that `watchword sign --new-key` wrote."
        ) from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise SignatureError(f"{path} is a public key of another kind: ed25519 is wanted.")
    raw: bytes = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return raw


def check_signature(content: bytes, public_key: bytes, bundle: str) -> Digests:
    """Return the digests that `signature.json` lists, if `public_key` signed them.

    Args:
        content: of `signature.json`.
        public_key: 32 bytes, see `read_public_key`.
        bundle: its path, for messages.

    Raises:
        SignatureError: the file is damaged, or another key signed it.
        SignatureUnavailableError: `cryptography` is not installed.
    """
    digests, signature = _parse(content, bundle)
    _, ed25519, exceptions = _library()
    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(public_key)
    except (ValueError, TypeError) as error:
        raise SignatureError(
            f"The public key must be {KEY_BYTES} bytes: read it with read_public_key()."
        ) from error
    try:
        key.verify(signature, signed_message(digests))
    except exceptions.InvalidSignature as error:
        raise SignatureError(
            f"{bundle} was not signed with this key, or {SIGNATURE_FILE} was changed: get the "
            "bundle and the key again from whom you trust."
        ) from error
    return digests


def signed_reader(
    read: Callable[[str], bytes], digests: Digests, bundle: str
) -> Callable[[str], bytes]:
    """Return a reader that refuses, by name, what was not signed or has changed since."""

    def check(name: str) -> bytes:
        content = read(name)
        if name not in digests:
            raise SignatureError(f"{name} in {bundle} is not among the files that were signed.")
        if sha256_hex(content) != digests[name]:
            raise SignatureError(
                f"{name} in {bundle} was changed after it was signed: copy the bundle again from "
                "where it was signed."
            )
        return content

    return check


def _parse(content: bytes, bundle: str) -> tuple[Digests, bytes]:
    damaged = SignatureError(
        f"{SIGNATURE_FILE} in {bundle} is damaged: copy the bundle again, or sign it again."
    )
    if len(content) > MAX_SIGNATURE_BYTES:
        raise damaged
    try:
        values = json.loads(content.decode("utf-8"))
        version, algorithm = values["format_version"], values["algorithm"]
        digests = values["files"]
        signature = base64.b64decode(values["signature"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise damaged from error
    if (version, algorithm) != (SIGNATURE_VERSION, ALGORITHM):
        raise SignatureError(
            f"{bundle} is signed with {algorithm!r}, version {version!r}; this program knows "
            f"{ALGORITHM!r}, version {SIGNATURE_VERSION}: update watchword-runtime."
        )
    if not isinstance(digests, dict) or not all(
        isinstance(value, str) and _is_plain(name) for name, value in digests.items()
    ):
        raise damaged
    return digests, signature


def _is_plain(name: str) -> bool:
    """Whether a name is a file's and no path, and one line of what is signed."""
    return name not in ("", ".", "..") and not any(sign in name for sign in "/\\:\0\n")


def _library() -> tuple[Any, Any, Any]:
    """Return cryptography's modules; a device that checks no signature does not need them."""
    try:
        from cryptography import exceptions  # noqa: PLC0415
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError as error:
        raise SignatureUnavailableError(
            "A signature is checked with the package cryptography, which does not import here: "
            'pip install "watchword-runtime[signature]".'
        ) from error
    return serialization, ed25519, exceptions
