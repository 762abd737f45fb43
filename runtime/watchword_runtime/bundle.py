"""A bundle folder, a bundle zip or one model file in, its manifest and checked bytes out.

Nothing is unpacked to disk, no name inside a bundle is used as a path, and nothing is unpickled.
"""

# ruff: noqa: PLC0415 - what only some bundles need is imported there: listening stays small

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from watchword_runtime.digest import sha256_hex
from watchword_runtime.embedded import detect_format, parse_manifest, read_embedded
from watchword_runtime.errors import (
    BundleNotFoundError,
    DamagedBundleError,
    ManifestError,
    NotABundleError,
    SignatureError,
)
from watchword_runtime.frontend import (
    CHANNELS,
    FRONT_END_NAME,
    FRONT_END_VERSION,
    HOP_SAMPLES,
    SAMPLE_RATE_HZ,
    Floats,
)
from watchword_runtime.manifest import GOLDEN_FILE, MANIFEST_FILE, Manifest, ModelFile
from watchword_runtime.signature import SIGNATURE_FILE, check_signature, signed_reader

if TYPE_CHECKING:
    import os

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 64 << 20
"""No detector comes near this; a larger file is a mistake or an attack."""

Reader = Callable[[str], bytes]


@dataclass(frozen=True)
class LoadedBundle:
    """An opened bundle, whose model files all fitted the manifest when it was opened."""

    path: Path
    manifest: Manifest
    formats: dict[str, str]
    """Model file name → "onnx" or "tflite", in order of preference."""
    _reader: Reader
    signed: bool = False
    """Whether a public key was given and every file read is one that it signed."""

    def read(self, file: str) -> bytes:
        """Return a model file's bytes, checked again against the manifest.

        Raises:
            BundleNotFoundError: the bundle does not list the file, or has lost it.
            DamagedBundleError: it changed since the manifest was written.
        """
        if file not in self.formats:
            raise BundleNotFoundError(
                f"{self.path} has no model file {file!r}: choose from {', '.join(self.formats)}."
            )
        content = self._reader(file)
        for entry in self.manifest.files:
            if entry.file == file:
                _check_content(content, entry, self.path)
        return content

    def golden(self) -> tuple[Floats, Floats]:
        """Return the golden vectors: features float32 [steps, F, 40] and logits float32 [steps].

        Raises:
            BundleNotFoundError: there are none; one model file alone carries none.
            DamagedBundleError: the file cannot be read or has other shapes.
        """
        from watchword_runtime.golden import read_golden

        content = self._reader(GOLDEN_FILE)
        return read_golden(content, self.manifest.step.frames, MAX_FILE_BYTES, self.path)


def open_bundle(path: str | os.PathLike[str], public_key: bytes | None = None) -> LoadedBundle:
    """Open a bundle folder, a bundle zip or one exported .onnx or .tflite file.

    The sizes and hashes of all model files are checked against the manifest. A single model file
    is taken at its word: it carries no hash of itself.

    Args:
        path: where it is.
        public_key: 32 bytes, see `signature.read_public_key`; then only a bundle that this key
            signed is opened, and every file of it must be as it was signed.

    Raises:
        BundleNotFoundError: the path, or a file that the manifest lists, is missing.
        DamagedBundleError: a file is truncated or its SHA-256 differs.
        NotABundleError: the path is something else.
        ManifestError: the manifest does not hold, or needs another front end.
        SignatureError: a public key was given and the bundle is not signed with it.
    """
    path = Path(path)
    if path.is_dir():
        return _open_listed(path, lambda name: _read_from_folder(path, name), public_key)
    if not path.is_file():
        raise BundleNotFoundError(f"There is no bundle at {path}: check the path.")
    with path.open("rb") as stream:
        kind = detect_format(stream.read(16))
    if kind == "zip":
        return _open_listed(path, _zip_reader(path), public_key)
    if public_key is not None:
        raise SignatureError(
            f"{path} is one file alone, which carries no signature: pass the bundle's folder or "
            "zip, or no public key."
        )
    content = _read_limited(path)
    manifest = read_embedded(content, str(path))
    assert kind is not None
    _check_front_end(manifest, path)
    return LoadedBundle(path, manifest, {path.name: kind}, _single_reader(path))


def _open_listed(path: Path, reader: Reader, public_key: bytes | None) -> LoadedBundle:
    if public_key is not None:
        reader = _only_signed(path, reader, public_key)
    try:
        content = reader(MANIFEST_FILE)
    except BundleNotFoundError as error:
        raise NotABundleError(
            f"{path} is not a Watchword bundle: it has no {MANIFEST_FILE}. "
            "Pass the folder or zip that Watchword exported."
        ) from error
    manifest = parse_manifest(content, str(path / MANIFEST_FILE))
    if not manifest.files:
        raise ManifestError(f"{path / MANIFEST_FILE} lists no model files: export it again.")
    _check_front_end(manifest, path)
    formats = {entry.file: entry.format for entry in manifest.files}
    bundle = LoadedBundle(path, manifest, formats, reader, signed=public_key is not None)
    for file in formats:
        bundle.read(file)
    return bundle


def _only_signed(path: Path, reader: Reader, public_key: bytes) -> Reader:
    """Return a reader of what the key signed, when all of it is there and unchanged."""
    try:
        content = reader(SIGNATURE_FILE)
    except BundleNotFoundError as error:
        raise SignatureError(
            f"{path} is not signed: it has no {SIGNATURE_FILE}. Sign it with `watchword sign`, or "
            "pass no public key."
        ) from error
    digests = check_signature(content, public_key, str(path))
    signed = signed_reader(reader, digests, str(path))
    for name in digests:
        signed(name)
    return signed


def _check_front_end(manifest: Manifest, path: Path) -> None:
    spec = manifest.front_end
    ours = (FRONT_END_NAME, SAMPLE_RATE_HZ, HOP_SAMPLES, CHANNELS)
    theirs = (spec.name, spec.rate_hz, spec.hop_samples, spec.channels)
    if theirs != ours:
        raise ManifestError(
            f"{path} was trained with the front end {theirs}; this program has {ours}: "
            "install the watchword-runtime of that time or export the detector again."
        )
    if spec.version != FRONT_END_VERSION:
        logger.warning(
            "%s was trained with %s %s; this is %s: its scores may differ a little.",
            path,
            spec.name,
            spec.version,
            FRONT_END_VERSION,
        )


def _check_content(content: bytes, entry: ModelFile, path: Path) -> None:
    again = "copy the bundle again from where it was exported"
    if len(content) < entry.bytes:
        raise DamagedBundleError(
            f"{entry.file} in {path} is truncated: {len(content)} of {entry.bytes} bytes; {again}."
        )
    if len(content) > entry.bytes or sha256_hex(content) != entry.sha256:
        raise DamagedBundleError(
            f"{entry.file} in {path} was changed: its SHA-256 differs from the manifest's; {again}."
        )


def _read_limited(path: Path) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise NotABundleError(f"{path} is larger than {MAX_FILE_BYTES} bytes: it is no detector.")
    return content


def _missing(name: str, path: Path) -> BundleNotFoundError:
    return BundleNotFoundError(
        f"{name} is missing from {path}: copy the whole bundle again, or pass one model file alone."
    )


def _read_from_folder(path: Path, name: str) -> bytes:
    if not (path / name).is_file():
        raise _missing(name, path)
    return _read_limited(path / name)


def _single_reader(path: Path) -> Reader:
    def read(name: str) -> bytes:
        if name == path.name:
            return _read_limited(path)
        raise BundleNotFoundError(
            f"{path} is one model file and carries no {name}: pass the bundle's folder or zip."
        )

    return read


def _zip_reader(path: Path) -> Reader:
    from watchword_runtime.zipped import read_member, zip_prefix

    prefix = zip_prefix(path)

    def read(name: str) -> bytes:
        content = read_member(path, prefix + name, MAX_FILE_BYTES)
        if content is None:
            raise _missing(name, path)
        if len(content) > MAX_FILE_BYTES:
            raise NotABundleError(f"{name} in {path} unpacks to more than {MAX_FILE_BYTES} bytes.")
        return content

    return read
