"""False accepts in, a folder of short WAV files to listen to out."""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from trainer.recordings import read_recording
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BEFORE_S = 2.0
AFTER_S = 1.0
"""A phrase ends where it is detected, so that most of an excerpt comes before."""
LONGEST_STEM = 80


class ExcerptFolderError(FileExistsError):
    """The folder for excerpts holds something already."""


@dataclass(frozen=True)
class FalseAccept:
    """The detector heard the phrase where nobody said it."""

    file: str
    time_s: float
    """From the file's start."""
    score: float
    spoken_score: float | None = None
    """How clearly an acoustic model hears the phrase there, natural log; None where it was not
    asked (`trainer.evaluation.second_opinion`)."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def excerpt_name(number: int, event: FalseAccept) -> str:
    """Return a file name that says which false accept it is, of which file, when and how sure."""
    stem = re.sub(r"[^\w.-]+", "_", Path(event.file).stem)[:LONGEST_STEM]
    return f"{number:03d}_{stem}_at_{event.time_s:.2f}s_score_{event.score:.3f}.wav"


def check_folder(folder: Path) -> None:
    """Refuse a folder that is in use, before anything is measured.

    Raises:
        ExcerptFolderError: it holds something, and excerpts of two runs would mix; or it is a file.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExcerptFolderError(f"{folder} holds something already: name a new or empty folder.")


def save_excerpts(
    events: Sequence[FalseAccept], files: Sequence[str], folder: Path
) -> tuple[str, ...]:
    """Write 3 s of audio around each false accept as int16 WAV at 16 kHz, aside, then rename.

    Near a file's end it holds what came next in the stream, as the detector heard it.

    Args:
        events: what to cut out.
        files: of the whole stream, in order.
        folder: new or empty; appears when all is written.

    Returns:
        The excerpts' names, in the order of the events.

    Raises:
        ExcerptFolderError: the folder holds something.
    """
    check_folder(folder)
    aside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    names = tuple(excerpt_name(number, event) for number, event in enumerate(events, 1))
    for name, event in zip(names, events, strict=True):
        soundfile.write(aside / name, excerpt(event, files), SAMPLE_RATE_HZ, subtype="PCM_16")
    if folder.exists():
        folder.rmdir()
    aside.rename(folder)
    return names


def excerpt(event: FalseAccept, files: Sequence[str]) -> NDArray[np.int16]:
    """Return int16 [samples], the audio around a false accept.

    Args:
        event: what to cut out.
        files: of the whole stream, in order.

    Raises:
        RecordingError: a file cannot be read.
    """
    number = files.index(event.file)
    pcm = read_recording(Path(event.file))
    first = round((event.time_s - BEFORE_S) * SAMPLE_RATE_HZ)
    last = round((event.time_s + AFTER_S) * SAMPLE_RATE_HZ)
    before = number
    while first < 0 and before > 0:
        before -= 1
        earlier = read_recording(Path(files[before]))
        pcm = np.concatenate([earlier, pcm])
        first, last = first + len(earlier), last + len(earlier)
    while last > len(pcm) and number + 1 < len(files):
        number += 1
        pcm = np.concatenate([pcm, read_recording(Path(files[number]))])
    return pcm[max(first, 0) : last]
