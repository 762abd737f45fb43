"""Recordings made on the page come in, what the command line says of each goes out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from page.command import CommandError, NotRunError, ask
from page.decode import DecodeError, Limits, decode
from page.feedback import wav

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_S = 120.0
SUFFIXES = ("wav", "flac", "ogg", "opus", "mp3")
LONGEST_NAME = 80
LIMITS = Limits(most_s=60.0, most_bytes=4 << 20)
"""What one recording may cost; a phrase takes a second or two."""


class OwnVoiceError(RuntimeError):
    """The recordings could not be handed over, so nothing is known of them."""


@dataclass(frozen=True)
class Kept:
    """What became of one recording."""

    file: str
    number: int | None
    """Which recording of the phrase by this person it is; None when it was refused."""
    new: bool
    reason: str
    """Why it was refused; empty when it was taken."""


def keep_recordings(phrase: str, name: str, recordings: Sequence[tuple[str, bytes]]) -> list[Kept]:
    """Decode recordings of a phrase within limits, and hand them to `watchword corpus own-voice`.

    Args:
        phrase: what is said in each.
        name: whose voice it is.
        recordings: file name and content of each.

    Raises:
        OwnVoiceError: The command is missing, failed, took too long or answered something else.
    """
    refused: dict[int, Kept] = {}
    with TemporaryDirectory(prefix="watchword-") as folder:
        files: dict[int, str] = {}
        for number, (file, content) in enumerate(recordings):
            try:
                pcm = decode(content, file, LIMITS)
            except DecodeError as error:
                refused[number] = Kept(Path(file).name, None, new=False, reason=str(error))
            else:
                files[number] = _write(Path(folder) / str(number), file, wav(pcm))
        taken = _hand_over(phrase, name, list(files.values()), folder) if files else []
    known = refused | dict(zip(files, taken, strict=True))
    return [known[number] for number in sorted(known)]


def _hand_over(phrase: str, name: str, files: Sequence[str], folder: str) -> list[Kept]:
    """Run `watchword corpus own-voice` on files of a folder that is gone soon."""

    def read(answer: dict[str, Any]) -> list[Kept]:
        return [
            Kept(
                Path(str(one["file"])).name,
                None if one["number"] is None else int(one["number"]),
                bool(one["new"]),
                # The person knows the file by its name.
                re.sub(re.escape(folder) + r"/\d+/", "", str(one["reason"])),
            )
            for one in answer["recordings"]
        ]

    arguments = ["corpus", "own-voice", "--json", f"--name={name}", "--", phrase, *files]
    try:
        return ask(arguments, TIMEOUT_S, read)
    except NotRunError as error:
        raise OwnVoiceError(
            f"The recordings could not be kept: {error}. Run `watchword doctor` in a terminal."
        ) from error
    except CommandError as error:
        raise OwnVoiceError(f"The recordings could not be kept: {error}") from error


def _write(folder: Path, name: str, content: bytes) -> str:
    """Write a recording under a name that is no path, whatever the browser called it."""
    safe = re.sub(r"[^\w.-]+", "_", name).lstrip(".")[-LONGEST_NAME:] or "recording.wav"
    folder.mkdir()
    path = folder / safe
    path.write_bytes(content)
    return str(path)
