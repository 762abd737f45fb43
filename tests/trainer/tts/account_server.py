"""A server on the loopback interface that speaks as much of ElevenLabs' protocol as is used."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk_0123456789abcdef0123456789abcdef"
ADAM = {"voice_id": "pNInz6obpgDQGcFmaJgB", "name": "Adam", "category": "premade",
        "labels": {"accent": "american", "gender": "male"}, "sharing": None}  # fmt: skip
ALICE = {"voice_id": "Xb7hH8MSUJpSbSDYk0k2", "name": "Alice", "category": "premade",
         "labels": {"accent": "British"}}  # fmt: skip
COPY = {"voice_id": "zzCopyOfAdam", "name": "Adam (library)", "category": "professional",
        "labels": {"accent": "irish"},
        "sharing": {"original_voice_id": ADAM["voice_id"]}}  # fmt: skip


def hum_pcm(text: str, seed: int) -> bytes:
    """Return a voice-like hum whose length fits the text and whose pitch is the seed's."""
    time_s = np.arange(round(16_000 * (0.3 + 0.06 * len(text)))) / 16_000
    pitch_hz = 100 + seed % 100
    wave = sum(np.sin(2 * np.pi * pitch_hz * k * time_s) / k for k in range(1, 8))
    return (8_000 * wave * (1 + 0.5 * np.sin(2 * np.pi * 4 * time_s)) / 2).astype("<i2").tobytes()


@dataclass
class Account:
    """What the server knows, and what it was asked."""

    voices: list = field(default_factory=lambda: [ALICE, COPY, ADAM])
    limit: int = 10_000
    used: int = 0
    price: float | None = 0.5
    faults: list = field(default_factory=list)
    """Answers to give instead, first one first: (status, body, headers), "drop", "cut", "hang"."""
    pcm: bytes | None = None
    speak: Callable[[str, int], bytes] = hum_pcm
    """Text and seed → PCM."""
    content_type: str = "audio/pcm"
    asked: list = field(default_factory=list)
    """Method, path, query, body of each request."""
    charged: int = 0
    url: str = ""
    patience: threading.Event = field(default_factory=threading.Event)


def detail(status: str, message: str, **more: str) -> str:
    return json.dumps({"detail": {"status": status, "message": message, **more}})


class AccountHandler(BaseHTTPRequestHandler):
    """Answers for the account of its class."""

    account: Account

    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def answer(self, body):
        account = self.account
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        account.asked.append((self.command, address.path, query, body))
        if self.headers["xi-api-key"] != KEY:
            # The real service does not echo the key; a proxy on the way may.
            wrong = f"Invalid API key {self.headers['xi-api-key']}"
            self.send(401, detail("invalid_api_key", wrong))
        elif account.faults:
            self.fault(account.faults.pop(0))
        elif self.command == "POST" and address.path.startswith("/v1/text-to-speech/"):
            self.speak(address.path.rsplit("/", 1)[1], query, body)
        else:
            self.tell(address.path)

    def tell(self, path):
        account = self.account
        if path == "/v1/voices":
            self.send(200, json.dumps({"voices": account.voices}))
        elif path == "/v1/models":
            model = {"model_id": "eleven_flash_v2_5", "can_do_text_to_speech": True}
            if account.price is not None:
                model["model_rates"] = {"character_cost_multiplier": account.price}
            self.send(200, json.dumps([{"model_id": "other"}, model]))
        elif path == "/v1/user/subscription":
            left = {"tier": "free", "status": "active", "character_count": account.used,
                    "character_limit": account.limit}  # fmt: skip
            self.send(200, json.dumps(left))
        else:
            self.send(404, json.dumps({"detail": "Not Found"}))

    def speak(self, voice_id, query, body):
        account = self.account
        assert query == {"output_format": "pcm_16000"}
        assert body.keys() == {"text", "model_id", "language_code", "voice_settings", "seed"}
        assert 0 <= body["seed"] <= 4_294_967_295
        assert 0.7 <= body["voice_settings"]["speed"] <= 1.2
        if voice_id not in {voice["voice_id"] for voice in account.voices}:
            self.send(404, detail("voice_not_found", f"A voice {voice_id} was not found."))
            return
        if account.used + len(body["text"]) * (account.price or 1) > account.limit:
            self.send(401, detail("quota_exceeded", "This request exceeds your quota."))
            return
        account.charged += len(body["text"])
        pcm = account.pcm or account.speak(body["text"], body["seed"])
        self.send(200, pcm, {"Content-Type": account.content_type})

    def fault(self, fault):
        """Do something else than answering."""
        if fault == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"0" * 10)
        elif fault == "hang":
            self.account.patience.wait(10)
        elif fault != "drop":
            self.send(*fault)
        self.close_connection = True

    def send(self, status, content, headers=None):
        data = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@contextmanager
def serve(account: Account):
    """Serve an account while the block runs; its `url` says where."""
    handler = type("Handler", (AccountHandler,), {"account": account})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    account.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield account
    finally:
        account.patience.set()
        server.shutdown()
        server.server_close()
