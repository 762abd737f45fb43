"""A port in, the page and its workers out: processes that start and stop together."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from watchword import cores

logger = logging.getLogger(__name__)

PAGE = Path(__file__).resolve().parent.parent / "streamlit_app.py"
POLL_S = 0.5
RESTART_AFTER_S = 2.0
STOP_TIMEOUT_S = 10.0


def serve(port: int, address: str = "127.0.0.1", workers: int = 1) -> int:
    """Run the page and workers until the page ends or Ctrl-C; a worker that dies is started anew.

    Args:
        port: where the page listens.
        address: loopback unless told otherwise: the page has no sign-in of its own.
        workers: how many jobs run at a time; they divide the cores among themselves.

    Returns:
        The page's exit code.
    """
    page = subprocess.Popen(
        [
            *(sys.executable, "-m", "page.serve", str(PAGE)),
            *("--server.port", str(port), "--server.address", address),
        ],
        cwd=PAGE.parent,  # Streamlit reads .streamlit/config.toml from there
    )
    working = [_start_worker(workers) for _ in range(workers)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while page.poll() is None:
            for place, worker in enumerate(working):
                if worker.poll() is not None:
                    logger.warning("A worker ended with %s; starting another.", worker.returncode)
                    time.sleep(RESTART_AFTER_S)
                    working[place] = _start_worker(workers)
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        return 0
    else:
        return page.returncode
    finally:
        for process in (*working, page):
            process.terminate()  # all at once, so that they end side by side
        for process in (*working, page):
            _stop(process)


def _start_worker(workers: int) -> subprocess.Popen[bytes]:
    """Start one of so many workers, with its share of the cores."""
    command = [sys.executable, "-m", "watchword", "worker"]
    if workers == 1:
        return subprocess.Popen(command)
    own = cores.share(workers)
    return subprocess.Popen(
        [*command, "--cores", str(own)], env=os.environ | cores.environment(own)
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
