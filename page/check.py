"""A phrase comes in, what the command line's `check` says of it goes out.

The page does not know how to pronounce anything: that is the trainer's, and the trainer imports
what a page must not load. So it asks a process of its own, which stays: an answer then takes
milliseconds, while somebody types, and only the first waits for the imports.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "watchword", "check", "--lines")
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


class Checker:
    """`watchword check --lines`: started when it is needed, it ends with the page's server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._complaints: IO[str] | None = None

    def start(self) -> None:
        """Start the process unless it runs; returns at once, before it can answer.

        Raises:
            OSError: There is no such program.
        """
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        self._complaints = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._complaints, text=True, encoding="utf-8", bufsize=1,
        )  # fmt: skip

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        if self._complaints is not None:
            self._complaints.close()
            self._complaints = None

    def warm_up(self) -> None:
        """Start the process if nobody is asking it anything; what goes wrong is said later."""
        if self._lock.acquire(blocking=False):
            try:
                self.start()
            except OSError:
                pass
            finally:
                self._lock.release()

    def ask(self, phrase: str) -> str:
        """Return the line that answers a phrase.

        Raises:
            CheckError: The process is missing, ended or took too long; the next question starts
                another.
        """
        with self._lock:
            try:
                self.start()
                assert self._process is not None
                assert self._process.stdin is not None
                assert self._process.stdout is not None
                self._process.stdin.write(json.dumps(phrase) + "\n")
                if not select.select([self._process.stdout], [], [], TIMEOUT_S)[0]:
                    self.stop()
                    raise _failed(f"no answer in {TIMEOUT_S:.0f} s")
                line = self._process.stdout.readline()
            except OSError as error:
                reason = self._last_words() or str(error)
                self.stop()
                raise _failed(reason) from error
            if not line:
                reason = self._last_words() or "the check ended without a word"
                self.stop()
                raise _failed(reason)
            return line

    def _last_words(self) -> str:
        if self._process is None or self._complaints is None:
            return ""
        self._process.wait(TIMEOUT_S)
        self._complaints.seek(0)
        return (self._complaints.read().strip().splitlines() or [""])[-1]


checker = Checker()
"""One for all browsers: Streamlit imports a module once."""


def check_phrase(phrase: str) -> PhraseCheck:
    """Ask `watchword check` about a phrase.

    Raises:
        CheckError: The command is missing, failed, took too long or answered something else.
    """
    line = checker.ask(phrase)
    try:
        return _read(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        checker.stop()
        raise _failed(f"it answered {line.strip()[:80]!r}") from error


def _failed(reason: str) -> CheckError:
    return CheckError(
        f"The phrase could not be checked: {reason}. Run `watchword doctor` in a terminal; it "
        "says what is missing."
    )


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
