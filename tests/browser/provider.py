"""An OpenID Connect provider on a free loopback port that believes whoever says who they are.

It has what Streamlit's sign-in asks for: discovery, a page to sign in on, tokens and keys.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Provider(ThreadingHTTPServer):
    """Serves in a thread; knows people by their subject."""

    daemon_threads = True

    def __init__(self, people: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.people = people
        self.key = RSAKey.generate_key(2048, parameters={"kid": "1", "use": "sig", "alg": "RS256"})
        self.asked: dict[str, tuple[str, str, str]] = {}
        """Code: subject, client and nonce."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        path, asked = urlsplit(self.path).path, self._asked(urlsplit(self.path).query)
        url = self.server.url
        if path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
            self._json(
                {name: f"{url}/{place}" for name, place in places.items()}
                | {
                    "issuer": url,
                    "jwks_uri": f"{url}/keys",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif path == "/keys":
            self._json({"keys": [self.server.key.as_dict(private=False)]})
        elif path == "/authorize" and "subject" not in asked:
            links = (
                f'<p><a href="?{urlencode(asked | {"subject": subject})}">{subject}</a></p>'
                for subject in self.server.people
            )
            self._send("text/html", "<h1>Who are you?</h1>" + "".join(links))
        elif path == "/authorize":
            code = secrets.token_hex(8)
            self.server.asked[code] = (asked["subject"], asked["client_id"], asked["nonce"])
            back = urlencode({"code": code, "state": asked["state"]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        asked = self._asked(self.rfile.read(int(self.headers["Content-Length"])).decode())
        subject, client, nonce = self.server.asked.pop(asked["code"])
        now = int(time.time())
        claims = {
            **self.server.people[subject],
            "iss": self.server.url,
            "sub": subject,
            "aud": client,
            "nonce": nonce,
            "iat": now,
            "exp": now + 600,
        }
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.server.key)
        self._json({"access_token": "x", "token_type": "Bearer", "id_token": token})

    @staticmethod
    def _asked(text: str) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(text).items()}

    def _json(self, value: object) -> None:
        self._send("application/json", json.dumps(value))

    def _send(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing: tests show what matters."""


@contextmanager
def running_provider(people: Mapping[str, Mapping[str, Any]]) -> Iterator[Provider]:
    """Serve for the block."""
    with Provider(people) as provider:
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        yield provider
        provider.shutdown()
