"""A bundle and a private ed25519 key in, the same bundle with `signature.json` in it out."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import zipfile
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exporters.archive import write_zip
from watchword_runtime.bundle import open_bundle
from watchword_runtime.errors import NotABundleError, SignatureError
from watchword_runtime.manifest import MANIFEST_FILE
from watchword_runtime.signature import (
    ALGORITHM,
    SIGNATURE_FILE,
    SIGNATURE_VERSION,
    signed_message,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PUBLIC_SUFFIX = ".pub"
PRIVATE_MODE, PUBLIC_MODE = 0o600, 0o644


def new_key(path: Path) -> Path:
    """Write a new private key to `path`, for its owner's eyes, and the public one to `path`.pub.

    Returns:
        Where the public key lies.

    Raises:
        FileExistsError: one of them exists; a key that is lost cannot be had again.
    """
    public = path.with_name(path.name + PUBLIC_SUFFIX)
    for target in (path, public):
        if target.exists():
            raise FileExistsError(
                f"{target} exists, and what was signed with it would lose its key: choose another "
                "name."
            )
    key = Ed25519PrivateKey.generate()
    pem = serialization.Encoding.PEM
    _write_new(
        path,
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        PRIVATE_MODE,
    )
    _write_new(
        public,
        key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo),
        PUBLIC_MODE,
    )
    return public


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a PEM file.

    Raises:
        SignatureError: it cannot be read, holds something else, or asks for a password.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SignatureError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignatureError(
            f"{path} is no private key without a password: make one with "
            f"`watchword sign --new-key {path.name}`."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureError(f"{path} is a key of another kind: ed25519 is wanted.")
    return key


def sign_bundle(path: Path, key: Ed25519PrivateKey) -> tuple[str, ...]:
    """Put `signature.json` into a bundle folder or zip; an older signature gives way.

    It covers every file of the bundle: the manifest with the models' hashes, the models, the golden
    vectors, the verification and the card. The same bundle and key give the same bytes.

    Returns:
        The names that it covers.

    Raises:
        BundleError: `path` is no bundle, or one that is damaged: that is not signed.
        OSError: it cannot be written; the bundle is as it was.
    """
    open_bundle(path)  # a damaged one is refused by name
    if path.is_dir():
        contents = {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
        contents[SIGNATURE_FILE] = _signature(contents, key)
        _replace(path / SIGNATURE_FILE, contents[SIGNATURE_FILE])
    elif zipfile.is_zipfile(path) and path.suffix != ".tflite":
        contents, prefix = _members(path)
        contents[SIGNATURE_FILE] = _signature(contents, key)
        whole = io.BytesIO()
        write_zip(whole, {prefix + name: content for name, content in contents.items()})
        _replace(path, whole.getvalue())
    else:
        raise NotABundleError(
            f"{path} is one model file, which has no room for a signature: sign the folder or zip."
        )
    return tuple(sorted(contents.keys() - {SIGNATURE_FILE}))


def _members(path: Path) -> tuple[dict[str, bytes], str]:
    """Return a zip's files by name and the folder inside it that they lie in."""
    with zipfile.ZipFile(path) as archive:
        found = {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()}
    (manifest,) = (name for name in found if name.split("/")[-1] == MANIFEST_FILE)
    prefix = manifest[: -len(MANIFEST_FILE)]
    strange = [name for name in found if not name.startswith(prefix) or "/" in name[len(prefix) :]]
    if strange:
        raise NotABundleError(
            f"{path} holds {strange[0]}, which is no part of a bundle: take it out, then sign."
        )
    return {name[len(prefix) :]: content for name, content in found.items()}, prefix


def _signature(contents: Mapping[str, bytes], key: Ed25519PrivateKey) -> bytes:
    digests = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in sorted(contents.items())
        if name != SIGNATURE_FILE
    }
    values = {
        "format_version": SIGNATURE_VERSION,
        "algorithm": ALGORITHM,
        "files": digests,
        "signature": base64.b64encode(key.sign(signed_message(digests))).decode("ascii"),
    }
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name(path.name + ".part")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write with its final mode from the first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
