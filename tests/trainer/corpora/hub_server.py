"""A dataset hub on the loopback: lists a folder and serves files by ranges."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMIT = "0" * 40


class Hub(ThreadingHTTPServer):
    """Serves `files` ("clean/train-0.parquet" → bytes) of one dataset."""

    def __init__(self, dataset: str, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dataset = dataset
        self.files = files
        self.served: list[tuple[str, int]] = []
        """Each file part that was sent: name and bytes."""
        self.failures: list[int] = []
        """Statuses that the next requests for file parts get instead."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        api = f"/api/datasets/{self.server.dataset}"
        files = f"/datasets/{self.server.dataset}/resolve/main/"
        if path == api:
            self._json({"id": self.server.dataset, "_id": "1", "sha": COMMIT, "siblings": []})
        elif path.startswith(f"{api}/tree/main"):
            self._tree(path.removeprefix(f"{api}/tree/main").strip("/"))
        elif path.startswith(files) and path.removeprefix(files) in self.server.files:
            self._part(path.removeprefix(files))
        else:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "not here"})

    def _tree(self, folder: str) -> None:
        entries = [
            {"type": "file", "path": name, "size": len(content), "oid": COMMIT}
            for name, content in self.server.files.items()
            if name.startswith(f"{folder}/")
        ]
        if entries:
            self._json(entries)
        elif not folder:
            folders = {name.split("/", maxsplit=1)[0] for name in self.server.files}
            self._json([{"type": "directory", "path": name, "oid": COMMIT} for name in folders])
        else:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "no folder"})

    def _part(self, name: str) -> None:
        if self.server.failures:
            self._send(self.server.failures.pop(0), b"")
            return
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        part = self.server.files[name][int(first) : int(last) + 1]
        self.server.served.append((name, len(part)))
        self._send(206, part)

    def _json(self, answer: object) -> None:
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@contextmanager
def serve(dataset: str, files: dict[str, bytes]) -> Iterator[Hub]:
    """Serve until the block ends."""
    with Hub(dataset, files) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
