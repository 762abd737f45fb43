"""The page's server answers at once, also on a connection that was used before."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from page import serve

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
DELAYED_ACK_S = 0.040
"""What Linux waits before it acknowledges, and a body with Nagle's algorithm waits for."""


def test_a_body_does_not_wait_for_an_acknowledgement(tmp_path: Path) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = subprocess.Popen(
        [sys.executable, "-m", "page.serve", "streamlit_app.py", f"--server.port={port}"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {
            "WATCHWORD_HOME": str(tmp_path), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'runtime'}",
        },
    )  # fmt: skip
    try:
        with closing(listening(port, page)) as connection:
            took_s = [ask(connection) for _ in range(30)]
    finally:
        page.terminate()
        page.wait(20)
    assert min(took_s[1:]) < DELAYED_ACK_S / 2, took_s


def listening(port: int, page: subprocess.Popen[bytes]) -> http.client.HTTPConnection:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        assert page.poll() is None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.2)
        else:
            return connection
    raise AssertionError(f"the page did not answer in {PATIENCE_S:.0f} s")


def ask(connection: http.client.HTTPConnection) -> float:
    start_s = time.perf_counter()
    connection.request("GET", "/favicon.png")
    answer = connection.getresponse()
    assert len(answer.read()) > 100
    assert answer.status == 200
    return time.perf_counter() - start_s


def test_a_streamlit_that_binds_otherwise_still_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(serve.starlette_server, serve.BIND)
    serve.send_at_once()
    assert not hasattr(serve.starlette_server, serve.BIND)
