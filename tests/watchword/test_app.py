"""The page and its workers start, restart and stop together; real processes stand in for them."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from watchword import app

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("workers", [1, 3])
def test_so_many_workers_run_a_dead_one_is_replaced_and_all_end_with_the_page(
    workers: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start_worker(_workers: int) -> subprocess.Popen[bytes]:
        dies = len(started) == 0
        program = "pass" if dies else "import time; time.sleep(60)"
        started.append(popen([sys.executable, "-c", program]))
        return started[-1]

    def start_page(_command: list[str], **_options: object) -> subprocess.Popen[bytes]:
        wait = (
            f"import os, time\nwhile not os.path.exists({str(tmp_path / 'end')!r}): time.sleep(.02)"
        )
        return popen([sys.executable, "-c", wait])

    def sleep(_seconds: float) -> None:
        if len(started) == workers + 1:
            (tmp_path / "end").touch()
        time_sleep(0.05)

    time_sleep = time.sleep
    monkeypatch.setattr(app, "_start_worker", start_worker)
    monkeypatch.setattr(app.subprocess, "Popen", start_page)
    monkeypatch.setattr(app.time, "sleep", sleep)
    monkeypatch.setattr(app.signal, "signal", lambda *_: None)
    assert app.serve(8599, workers=workers) == 0
    assert len(started) == workers + 1, "the dead one was replaced, and only that one"
    assert all(process.poll() is not None for process in started)


@pytest.mark.parametrize(("cores", "workers", "own"), [(8, 3, "2"), (2, 4, "1")])
def test_workers_divide_the_cores(
    cores: int, workers: int, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(command: list[str], env: dict[str, str]) -> tuple[list[str], dict[str, str]]:
        return command, env

    monkeypatch.setattr(app.subprocess, "Popen", start)
    monkeypatch.setattr(app.cores.os, "sched_getaffinity", lambda _pid: set(range(cores)))
    command, environment = app._start_worker(workers)
    assert command[-2:] == ["--cores", own]
    assert environment["OMP_NUM_THREADS"] == own


def test_one_worker_has_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.subprocess, "Popen", lambda command: command)
    assert app._start_worker(1)[-1] == "worker"
