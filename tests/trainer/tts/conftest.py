"""A web server on the loopback interface, and a waveform that passes for speech."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest


@dataclass
class Shelf:
    """What the server has and how it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    """The next answers break off after so many bytes."""
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range header of each request."""
    url: str = ""


@pytest.fixture
def shelf():
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            shelf.asked.append((self.path, wanted))
            if self.path in shelf.statuses:
                self.send_error(shelf.statuses[self.path])
                return
            if self.path not in shelf.files:
                self.send_error(404)
                return
            content = shelf.files[self.path]
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if wanted and shelf.ranges:
                if start >= len(content):
                    self.send_error(416)
                    return
                content = content[start:]
                self.send_response(206)
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: shelf.cuts.pop(0)] if shelf.cuts else content)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shelf.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield shelf
    server.shutdown()
    server.server_close()


@pytest.fixture
def hum():
    """Return a function: seconds → float32 [samples] at 16 kHz, a voice-like hum of 120 Hz."""

    def make(seconds: float, rate_hz: int = 16_000) -> np.ndarray:
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        wave = sum(np.sin(2 * np.pi * 120 * k * time_s) / k for k in range(1, 8))
        return (0.3 * wave * (1 + 0.5 * np.sin(2 * np.pi * 4 * time_s))).astype(np.float32)

    return make
