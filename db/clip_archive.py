"""Clips come in, one archive file goes out: for another machine, or for a safe place.

The archive is a plain tar: `watchword-clips.json` says what it is; then, as often as needed,
`rows/NNNNNNNN.jsonl` with what is known of some clips, and their files `ab/<sha256>.flac` in the
same order. The same clips give the same bytes, wherever and whenever they are exported.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from db.clip_files import ClipMissingError, ClipReadError, sha256_of
from db.connection import snapshot

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from db.clips import ClipFilter, ClipStore

FORMAT = "watchword-clips"
FORMAT_VERSION = 1
HEADER = "watchword-clips.json"
ROW_FIELDS = (
    "sha256", "text", "text_normalised", "phonemes", "engine", "voice", "speaker", "source",
    "licence",
)  # fmt: skip
"""Strings of a row; it has `settings` too, an object. The rest is worked out from the file."""
CLIPS_PER_GROUP = 256


@dataclass(frozen=True)
class Exported:
    """What was written."""

    clips: int
    bytes: int


def rows_name(group: int) -> str:
    """The name of the rows of a group, in the archive."""
    return f"rows/{group:08d}.jsonl"


def clip_name(sha256: str) -> str:
    """The name of a clip's file, in the archive as in the clip folder."""
    return f"{sha256[:2]}/{sha256}.flac"


def export_clips(
    store: ClipStore,
    connection: sqlite3.Connection,
    out: Path,
    wanted: ClipFilter,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Write the clips that fit into an archive, aside first.

    Args:
        store: where the clips are.
        connection: the store's.
        out: the archive, which must not exist; its folder is made.
        wanted: which clips.
        progress: is told how many of how many clips are written.

    Raises:
        FileExistsError: `out` is there.
        ClipMissingError, ClipReadError: A clip's file is gone or damaged.
    """
    if out.exists():
        raise FileExistsError(f"{out} is there already: choose another name, or remove it first.")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file, snapshot(connection):
            total = store.count(wanted)
            with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                header = {"format": FORMAT, "format_version": FORMAT_VERSION, "clips": total}
                _append(tar, HEADER, _json_line(header))
                done = 0
                for group, page in enumerate(store.pages(wanted, size=CLIPS_PER_GROUP)):
                    rows = [_row(clip) for clip in page.to_dict("records")]
                    _append(tar, rows_name(group), b"".join(map(_json_line, rows)))
                    for row in rows:
                        _append(tar, clip_name(row["sha256"]), _content(store, row["sha256"]))
                    done += len(rows)
                    # They are written: a million need not be remembered.
                    tar.members.clear()  # type: ignore[attr-defined]
                    if progress:
                        progress(done, total)
            file.flush()
            os.fsync(file.fileno())
            size_bytes = file.tell()
        part.rename(out)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return Exported(done, size_bytes)


def _content(store: ClipStore, sha256: str) -> bytes:
    path = store.folder / clip_name(sha256)
    remedy = "Run `watchword corpus verify --hashes --repair`, then export again."
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ClipMissingError(f"The clip file {path} is gone. {remedy}") from error
    if sha256_of(content) != sha256:
        raise ClipReadError(f"The clip file {path} is damaged. {remedy}")
    return content


def _row(clip: dict[Any, Any]) -> dict[str, Any]:
    return {
        **{field: str(clip[field]) for field in ROW_FIELDS},
        "settings": json.loads(clip["settings"]),
    }


def _json_line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _append(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # its owner is 0 and its date is 1970, wherever it is made
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
