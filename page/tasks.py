"""A name and a command come in; a process that outlives the click goes out, and what it says.

A script of the page ends with each click and a tab may be closed at any time, so a long command
runs by itself. `WATCHWORD_HOME/tasks/NAME` holds what it says: lines of JSON, progress and, last,
the result. The process holds the lock on `lock` there, which goes when it ends, however it ends;
so whoever opens the page, or starts it anew, sees the same.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.connection import home

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
TASKS_FOLDER = "tasks"
NICENESS = 10
"""The page and everything else on the machine go first."""
LAST_BYTES = 1 << 18
"""Of what a command said: its progress and its result are at the end."""


class TaskBusyError(RuntimeError):
    """A task of this name is running; only one may."""


@dataclass(frozen=True)
class Task:
    """What is known of the last run of a task."""

    running: bool
    started: float
    """Unix seconds."""
    ended: float | None
    """When it last said something, once it has ended."""
    stopped: bool
    """Somebody asked it to end."""
    progress: dict[str, Any] = field(default_factory=dict)
    """stage, fraction, eta_s, detail; empty before the first."""
    result: dict[str, Any] | None = None
    """None while it runs and when it failed."""
    error: str = ""
    """The last line of its errors, in its own words."""


def start(name: str, arguments: Sequence[str]) -> None:
    """Start `python -m watchword ARGUMENTS` as a task.

    Raises:
        TaskBusyError: a task of this name is running.
        OSError: the folder cannot be written, or no process can be made.
    """
    folder = _folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TaskBusyError("This is running already, perhaps from another tab.") from error
        (folder / "stopped").unlink(missing_ok=True)
        (folder / "process").write_text(json.dumps({"started": time.time()}), encoding="utf-8")
        with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
            process = subprocess.Popen(
                ["nice", "-n", str(NICENESS), sys.executable, "-m", "watchword", *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                pass_fds=[lock],  # the process has the lock from here
                start_new_session=True,
            )
        known = {"started": time.time(), "pid": process.pid}
        (folder / "process").write_text(json.dumps(known), encoding="utf-8")
    finally:
        os.close(lock)


def stop(name: str) -> None:
    """End a task and what it started; nothing happens when it has ended."""
    folder = _folder(name)
    if not _locked(folder):
        return
    with suppress(OSError, ValueError, KeyError, ProcessLookupError):
        pid = int(json.loads((folder / "process").read_text(encoding="utf-8"))["pid"])
        (folder / "stopped").touch()
        os.killpg(pid, signal.SIGTERM)


def last_run(name: str) -> Task | None:
    """Return what is known of the last run of a task; None when there was none."""
    folder = _folder(name)
    running = _locked(folder)  # first: what it said last is then in its files
    try:
        started = float(json.loads((folder / "process").read_text(encoding="utf-8"))["started"])
        said = [_object(line) for line in _tail(folder / "output")]
        ended = (folder / "output").stat().st_mtime
        errors = _tail(folder / "errors")
    except (OSError, ValueError, KeyError):
        return None
    lines = [line for line in said if line]
    reports = [line for line in lines if "fraction" in line]
    done = None if running or not lines or "fraction" in lines[-1] else lines[-1]
    last = (errors or ["It ended without a word."])[-1].removeprefix("watchword: ")
    return Task(
        running=running,
        started=started,
        ended=None if running else ended,
        stopped=(folder / "stopped").exists(),
        progress=reports[-1] if reports else {},
        result=done,
        error="" if running or done is not None else last,
    )


def _folder(name: str) -> Path:
    return home() / TASKS_FOLDER / name


def _locked(folder: Path) -> bool:
    """Return whether a process holds the lock."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _tail(path: Path) -> list[str]:
    """Return the last lines of a file that are not empty."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - LAST_BYTES))
        text = file.read().decode("utf-8", "replace")
    return [line for line in text.splitlines() if line.strip()]


def _object(line: str) -> dict[str, Any]:
    """Return a line's JSON object; an empty one for anything else, such as half a line."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
