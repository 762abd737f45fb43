"""A phrase comes in, what the command line's `check` says of it goes out.

The page does not know how to pronounce anything: that is the trainer's, and the trainer imports
what a page must not load. So it asks in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 60.0


class CheckError(RuntimeError):
    """The check itself did not work, so nothing is known of the phrase."""


@dataclass(frozen=True)
class Strength:
    """How good a wake phrase it will make."""

    score: int
    """0–100."""
    word: str
    """weak, fair or strong."""
    parts: tuple[tuple[str, float, str], ...] = ()
    """What the score is made of: name, points, what was found."""
    near: tuple[str, ...] = ()
    """Words that may be mistaken for the phrase."""
    reasons: tuple[str, ...] = ()
    """What would make it stronger, in sentences."""


@dataclass(frozen=True)
class PhraseCheck:
    """What is known of a phrase before anything is made for it."""

    phrase: str
    reason: str = ""
    """Why it cannot work; empty when it can."""
    phonemes: tuple[str, ...] = ()
    """One text a word."""
    syllables: int = 0
    seconds: float = 0.0
    """How long it takes to say, estimated."""
    warnings: tuple[str, ...] = ()
    strength: Strength | None = None
    """None when it cannot work."""

    @property
    def ok(self) -> bool:
        """True when a detector can be made."""
        return not self.reason


def check_phrase(phrase: str) -> PhraseCheck:
    """Ask `watchword check` about a phrase.

    Raises:
        CheckError: The command is missing, failed, took too long or answered something else.
    """
    command = [sys.executable, "-m", "watchword", "check", "--json", "--", phrase]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise CheckError(
            f"The phrase could not be checked: {error}. Run `watchword doctor` in a terminal."
        ) from error
    try:
        return _read(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError) as error:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CheckError(
            f"The phrase could not be checked: {last} (exit code {done.returncode}). "
            "Run `watchword doctor` in a terminal; it says what is missing."
        ) from error


def _read(answer: dict[str, Any]) -> PhraseCheck:
    if not answer["ok"]:
        return PhraseCheck(phrase="", reason=str(answer["reason"]))
    return PhraseCheck(
        phrase=str(answer["phrase"]),
        phonemes=tuple(str(word) for word in answer["phonemes"]),
        syllables=int(answer["syllables"]),
        seconds=float(answer["seconds"]),
        warnings=tuple(str(warning) for warning in answer["warnings"]),
        strength=_read_strength(answer["strength"]),
    )


def _read_strength(answer: dict[str, Any]) -> Strength:
    return Strength(
        score=int(answer["score"]),
        word=str(answer["word"]),
        parts=tuple(
            (str(part["name"]), float(part["points"]), str(part["text"]))
            for part in answer["parts"]
        ),
        near=tuple(str(neighbour["text"]) for neighbour in answer["neighbours"]),
        reasons=tuple(str(reason) for reason in answer["reasons"]),
    )
