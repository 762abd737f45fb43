"""A detection in, a program of the user's started with its details out; listening never waits."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

logger = logging.getLogger(__name__)

MOST_RUNNING = 4
"""Programs at once. A detection while so many run starts none, and says so."""


class Command:
    """A command that runs in the background, each time with its own environment variables."""

    def __init__(self, command: str, *, shell: bool = False, timeout_s: float = 60.0) -> None:
        """Take a command line; only with `shell` it is one for /bin/sh.

        Raises:
            ValueError: it is empty, has an open quote, or names a program that is not there.
        """
        self._command: list[str] | str = command
        self._shell = shell
        self._timeout_s = timeout_s
        self._running: list[threading.Thread] = []
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"--exec {command!r} cannot be read: {error}.") from error
        if not words:
            raise ValueError("--exec needs a command.")
        if not shell:
            if shutil.which(words[0]) is None:
                raise ValueError(
                    f"--exec: there is no program {words[0]!r}. Check the path; pipes and "
                    "variables need --exec-shell."
                )
            self._command = words

    def start(self, variables: dict[str, str]) -> None:
        """Start the program with these environment variables and return at once."""
        self._running = [thread for thread in self._running if thread.is_alive()]
        if len(self._running) >= MOST_RUNNING:
            logger.warning(
                "--exec was not started: %d of it are still running.", len(self._running)
            )
            return
        # In a thread: a program on a slow disk takes its time to start, too.
        thread = threading.Thread(target=self._run, args=(variables,), daemon=True)
        self._running.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until what was started has ended, at most until its time is over."""
        until_s = time.monotonic() + self._timeout_s
        for thread in self._running:
            thread.join(max(0.0, until_s - time.monotonic()))

    def _run(self, variables: dict[str, str]) -> None:
        try:
            # Standard output is ours alone: other programs may read detections from it.
            process = subprocess.Popen(
                self._command,
                shell=self._shell,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                env={**os.environ, **variables},
                start_new_session=True,
            )
        except OSError as error:
            logger.warning("--exec could not be started: %s", error)
            return
        try:
            code = process.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            logger.warning("--exec took over %g s and was ended.", self._timeout_s)
            return
        if code != 0:
            logger.warning("--exec ended with exit code %d.", code)
