"""Sound and detections in, a WAV file of the audio around each detection out, within limits."""

from __future__ import annotations

import contextlib
import logging
import re
import time
import wave
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    import os

    from watchword_runtime.detector import Detection
    from watchword_runtime.frontend import Pcm

logger = logging.getLogger(__name__)

BEFORE_S, AFTER_S = 3.0, 1.0
"""What is kept around the end of a phrase: itself, what led to it, and what was said next."""
TABLE = "detections.tsv"
_HEADER = ("path", "text", "phrase", "score", "time_s", "saved")
_NAME = re.compile(r"(\d{6,})_[^/]*\.wav")


@dataclass(frozen=True)
class Limits:
    """What may lie in the folder; the oldest recordings go first."""

    files: int = 500
    total_bytes: int = 100_000_000


@dataclass(frozen=True)
class _Pending:
    path: Path
    found: Detection
    end_sample: int


class Recordings:
    """Keeps the last seconds of sound, and writes them down when something was detected.

    Files are numbered: a clock that jumps does not put the newest among the oldest. A table lists
    them in the form that `watchword corpus add folder` reads, with a column for what was said.
    """

    def __init__(self, folder: str | os.PathLike[str], limits: Limits | None = None) -> None:
        """Use `folder`, and make it if needed.

        Raises:
            OSError: nothing can be written there.
        """
        self._folder = Path(folder)
        self._limits = limits or Limits()
        self._folder.mkdir(parents=True, exist_ok=True)
        trial = self._folder / ".writable"
        trial.write_bytes(b"")
        trial.unlink()
        self._number = max((number for number, _ in self._files()), default=0)
        self._recent: deque[Pcm] = deque()
        self._start = self._end = 0
        self._pending: list[_Pending] = []

    def hear(self, pcm: Pcm) -> None:
        """Take int16 [samples] of the source, all of them and in order, before their detections."""
        self._recent.append(pcm)
        self._end += len(pcm)
        self._write([one for one in self._pending if one.end_sample <= self._end])
        oldest = self._end - round((BEFORE_S + AFTER_S) * SAMPLE_RATE_HZ)
        while self._recent and self._start + len(self._recent[0]) <= oldest:
            self._start += len(self._recent.popleft())

    def keep(self, found: Detection) -> Path:
        """Return the file that will hold the audio around `found`, `AFTER_S` of sound from now."""
        self._number += 1
        word = re.sub(r"[^\w-]+", "_", found.phrase)[:60]
        path = self._folder / f"{self._number:06d}_{word}.wav"
        end = round((found.time_s + AFTER_S) * SAMPLE_RATE_HZ)
        self._pending.append(_Pending(path, found, end))
        return path

    def flush(self) -> None:
        """Write what is waiting for more sound: none follows."""
        self._write(list(self._pending))

    def _write(self, due: list[_Pending]) -> None:
        for one in due:
            self._pending.remove(one)
            try:
                self._write_wav(one)
                self._make_room()
                self._list(one)
            except OSError as error:
                # A full card must not end the listening.
                logger.warning("%s was not saved: %s", one.path.name, error)

    def _write_wav(self, one: _Pending) -> None:
        sound = np.concatenate(list(self._recent))
        first = one.end_sample - round((BEFORE_S + AFTER_S) * SAMPLE_RATE_HZ) - self._start
        sound = sound[max(0, first) : one.end_sample - self._start]
        aside = one.path.with_suffix(".part")
        try:
            with aside.open("wb") as file, wave.open(file, "wb") as out:
                out.setnchannels(1)
                out.setsampwidth(2)
                out.setframerate(SAMPLE_RATE_HZ)
                out.writeframes(sound.astype("<i2").tobytes())
            aside.replace(one.path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                aside.unlink()

    def _files(self) -> list[tuple[int, Path]]:
        """Return the numbered recordings, oldest first; other files in the folder are not ours."""
        found = ((_NAME.fullmatch(path.name), path) for path in self._folder.iterdir())
        return sorted((int(match.group(1)), path) for match, path in found if match)

    def _make_room(self) -> None:
        files = [(path, path.stat().st_size) for _, path in self._files()]
        total = sum(size for _, size in files)
        too_many = len(files) - self._limits.files
        for path, size in files:
            if too_many <= 0 and total <= self._limits.total_bytes:
                break
            path.unlink()
            too_many -= 1
            total -= size

    def _list(self, one: _Pending) -> None:
        """Add a row to the table, and leave out the rows of recordings that are gone."""
        table = self._folder / TABLE
        lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
        kept = [line for line in lines[1:] if (self._folder / line.split("\t")[0]).exists()]
        saved = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        phrase = " ".join(one.found.phrase.split())
        values = (one.path.name, "", phrase, f"{one.found.score:.4f}", f"{one.found.time_s:.2f}")
        rows = [lines[0] if lines else "\t".join(_HEADER), *kept, "\t".join((*values, saved))]
        aside = table.with_suffix(".part")
        aside.write_text("\n".join(rows) + "\n", encoding="utf-8")
        aside.replace(table)
