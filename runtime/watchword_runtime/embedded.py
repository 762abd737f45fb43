"""The bytes of one model file in, the manifest that it carries out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_runtime.errors import DamagedBundleError, ManifestError, NotABundleError
from watchword_runtime.manifest import EMBED_KEY, MEMBER, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MANIFEST_BYTES = 1 << 20

# Fields of ONNX's ModelProto and StringStringEntryProto, from onnx.proto.
_METADATA_FIELD = 14
_KEY_FIELD = 1
_VALUE_FIELD = 2
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


def detect_format(content: bytes) -> str | None:
    """Return "tflite", "onnx" or "zip" by the first bytes of a file, or None."""
    if content[4:8] == b"TFL3":
        return "tflite"
    if content[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    # A serialised ModelProto opens with its first field, ir_version, a small varint.
    if len(content) > 2 and content[0] == 0x08 and 0 < content[1] < 0x80:
        return "onnx"
    return None


def read_embedded(content: bytes, file: str) -> Manifest:
    """Return the manifest inside a .onnx or .tflite file; its `files` are empty.

    Raises:
        NotABundleError: the file is another kind, or a model without a manifest.
        DamagedBundleError: the file is cut off.
        ManifestError: the manifest inside does not hold.
    """
    kind = detect_format(content)
    if kind == "onnx":
        found = _onnx_metadata(content, file)
    elif kind == "tflite":
        from watchword_runtime.zipped import appended_member  # noqa: PLC0415 - brings zipfile

        found = appended_member(content, MEMBER, MAX_MANIFEST_BYTES)
    else:
        raise NotABundleError(
            f"{file} is not a Watchword bundle: pass the folder, the .zip, or a .onnx or .tflite "
            "file that Watchword exported."
        )
    if found is None:
        # A TFLite file carries its manifest at the end, so a cut one has lost it.
        way_out = ", or is truncated: copy it again" if kind == "tflite" else ": export it again"
        raise NotABundleError(
            f"{file} carries no Watchword manifest{way_out}, "
            "or pass the whole bundle that Watchword exported."
        )
    return parse_manifest(found, file)


def parse_manifest(content: bytes, file: str) -> Manifest:
    """Return the manifest that the JSON `content` holds; errors name `file`."""
    if len(content) > MAX_MANIFEST_BYTES:
        raise ManifestError(f"{file}: the manifest is larger than {MAX_MANIFEST_BYTES} bytes.")
    try:
        return Manifest.from_json(content.decode("utf-8"))
    except (ManifestError, UnicodeDecodeError) as error:
        raise ManifestError(f"{file}: {error}") from error


def _onnx_metadata(content: bytes, file: str) -> bytes | None:
    """Find the metadata entry without the onnx package, which a device does not have."""
    try:
        for field, value in _protobuf_fields(content):
            if field == _METADATA_FIELD:
                entry = dict(_protobuf_fields(value))
                if entry.get(_KEY_FIELD) == EMBED_KEY.encode():
                    return entry.get(_VALUE_FIELD)
    except IndexError as error:
        raise DamagedBundleError(
            f"{file} is truncated or damaged: copy it again from where it was exported."
        ) from error
    return None


def _protobuf_fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (field number, bytes) of the length-delimited fields; IndexError where it ends early.

    Wire format: https://protobuf.dev/programming-guides/encoding/
    """
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        field, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            _, at = _varint(content, at)
            continue
        if wire == _LENGTH:
            size, at = _varint(content, at)
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if wire == _EIGHT_BYTES else 4
        else:
            raise IndexError(wire)
        if at + size > len(content):
            raise IndexError(at + size)
        if wire == _LENGTH:
            yield field, content[at : at + size]
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise IndexError(at)
