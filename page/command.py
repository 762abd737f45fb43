"""A question for the `watchword` command comes in, its answer as JSON values goes out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]

T = TypeVar("T")


class CommandError(RuntimeError):
    """The command could not answer; the message is its own last line, or why it did not run."""


class NotRunError(CommandError):
    """The command could not be started, or took too long."""


def ask(arguments: list[str], timeout_s: float, read: Callable[[Any], T]) -> T:
    """Run `watchword ARGUMENTS` in a process of its own and return what `read` makes of its JSON.

    Args:
        arguments: with the option that makes the command answer in JSON.
        timeout_s: how long it may take.
        read: takes the answer apart; a ValueError, KeyError or TypeError of it means that the
            command answered something else.

    Raises:
        NotRunError: it could not be started, or took too long.
        CommandError: it failed or answered something else.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "watchword", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise NotRunError(str(error)) from error
    try:
        return read(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError) as error:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CommandError(last.removeprefix("watchword: ")) from error
