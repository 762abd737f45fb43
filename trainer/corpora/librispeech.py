"""A LibriSpeech folder in, recordings out: `SUBSET/SPEAKER/CHAPTER/*.flac` and their `.trans.txt`.

The layout is that of openslr.org/12; corpora made like it (Multilingual LibriSpeech is not one of
them) are read too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.corpora.base import CorpusError, Recording, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LICENCE = "CC BY 4.0"
NAME = "librispeech"
TRANSCRIPTS = "*.trans.txt"
EVALUATION = ("dev-", "test-")
"""Subsets kept for evaluation by everybody; they are read only where one is named."""


@dataclass(frozen=True)
class LibriSpeech:
    """LibriSpeech, one of its subsets, one speaker or one chapter."""

    folder: Path
    licence: str = LICENCE
    name: str = NAME

    def count(self) -> int:
        """Return how many utterances have a transcript."""
        return sum(1 for path in self._transcripts() for _ in _lines(path))

    def __iter__(self) -> Iterator[Recording | Refusal]:
        """Read chapter after chapter.

        Raises:
            CorpusError: The folder is not laid out like LibriSpeech.
        """
        for path in self._transcripts():
            for number, line in enumerate(_lines(path), start=1):
                yield self._recording(path, f"{path.name} line {number}", line)

    def _recording(self, transcripts: Path, where: str, line: str) -> Recording | Refusal:
        utterance, _, text = line.strip().partition(" ")
        parts = utterance.split("-")
        if len(parts) != 3 or not all(part.isalnum() for part in parts):
            return Refusal(
                where, "the line does not begin with speaker-chapter-utterance", line[:60]
            )
        folder = transcripts.parent
        found = [folder / f"{utterance}{suffix}" for suffix in (".flac", ".wav", ".mp3", ".opus")]
        audio = next((path for path in found if path.is_file()), found[0])
        return Recording(
            file=audio.name,
            audio=audio,
            text=text,
            speaker=parts[0],
            licence=self.licence,
            settings={"subset": folder.resolve().parent.parent.name},
            where=where,
        )

    def _transcripts(self) -> list[Path]:
        found = [
            path
            for path in sorted(self.folder.rglob(TRANSCRIPTS))
            if not any(p.startswith(EVALUATION) for p in path.relative_to(self.folder).parts)
        ]
        if not found:
            raise CorpusError(
                f"{self.folder} holds no {TRANSCRIPTS} of a training subset: name the folder "
                "LibriSpeech or one of its subsets. dev-* and test-* are for evaluation and are "
                "read only where they are named themselves."
            )
        return found


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as lines:
            yield from (line for line in lines if line.strip())
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8 text: fetch it again.") from error
