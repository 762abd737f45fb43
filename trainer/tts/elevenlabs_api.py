"""Requests to ElevenLabs in, checked answers out: the key, the retries and the errors live here.

Protocol: https://elevenlabs.io/docs/api-reference (`xi-api-key`, `/v1/voices`, `/v1/models`,
`/v1/user/subscription`, `/v1/text-to-speech/{voice_id}`), errors as in
https://help.elevenlabs.io/hc/en-us/articles/19572237925521.
"""

from __future__ import annotations

import email.utils
import http.client
import ipaddress
import json
import logging
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trainer.tts.base import EngineUnavailableError, SynthesisError
from trainer.tts.download import trusted_certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import Message

    import numpy as np

    from trainer.tts.secrets import Secret

logger = logging.getLogger(__name__)

BASE_URL = "https://api.elevenlabs.io"
URL_VARIABLE = "ELEVENLABS_BASE_URL"
"""For accounts that live in another region, and for tests."""
TIMEOUT_S = 30.0
"""Without a byte. A sentence takes about a second."""
ATTEMPTS = 7
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0
LONGEST_PATIENCE_S = 120.0
"""A server that wants to be left alone for longer is given up."""
LARGEST_ANSWER_BYTES = 16 << 20
"""Eight minutes of speech."""

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed."""
_QUOTA_CODES = frozenset({"quota_exceeded", "insufficient_credits", "insufficient_quota"})


class QuotaExceededError(EngineUnavailableError):
    """The account has no credits left."""


class AccessRefusedError(EngineUnavailableError):
    """The key is wrong, or may not do this."""


class ServiceUnreachableError(EngineUnavailableError):
    """No answer came, after all attempts."""


class ServiceBusyError(SynthesisError):
    """The service answered every attempt with "later"."""


class RequestRefusedError(SynthesisError):
    """The service does not do this one thing: a text, a voice or a setting is refused."""


@dataclass(frozen=True)
class Answer:
    """What came back for a request that succeeded."""

    body: bytes
    content_type: str


class _PassingError(Exception):
    """A failure after which another attempt makes sense."""

    def __init__(self, message: str, *, wait_s: float | None = None, answered: bool) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        """What the server asked for."""
        self.answered = answered


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follow nothing: urllib would send the key along to wherever a redirect points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class ElevenLabsClient:
    """A connection to one account. Every method blocks until there is an answer or an error."""

    def __init__(
        self,
        key: Secret,
        *,
        base_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep the key; nothing is asked yet.

        Args:
            key: the account's key.
            base_url: the environment's `ELEVENLABS_BASE_URL` or the public address by default.
            timeout_s: how long no byte may come before an attempt has failed.
            sleep: how pauses are made.

        Raises:
            EngineUnavailableError: the address would send the key unencrypted.
        """
        self._key = key
        self._base_url = (base_url or os.environ.get(URL_VARIABLE) or BASE_URL).rstrip("/")
        self._timeout_s = timeout_s
        self._sleep = sleep
        address = urllib.parse.urlsplit(self._base_url)
        loopback = _is_loopback(address.hostname or "")
        if address.scheme != "https" and not (address.scheme == "http" and loopback):
            raise EngineUnavailableError(
                f"{URL_VARIABLE} is {self._base_url!r}: give an https address, since the key of "
                f"your account is sent there."
            )
        handlers: list[urllib.request.BaseHandler] = [
            _NoRedirect(),
            urllib.request.HTTPSHandler(context=trusted_certificates()),
        ]
        if loopback:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str, rng: np.random.Generator) -> dict[str, Any] | list[Any]:
        """Return the JSON that is at a path.

        Args:
            path: from `/v1` on.
            rng: decides the pauses between attempts.

        Raises:
            EngineUnavailableError: refused, unreachable, or no JSON.
        """
        try:
            answer = self._send(path, None, rng)
        except SynthesisError as error:
            raise EngineUnavailableError(str(error)) from error
        try:
            value = json.loads(answer.body)
        except ValueError as error:
            raise EngineUnavailableError(
                f"ElevenLabs answered {path} with something else than JSON: check {URL_VARIABLE}."
            ) from error
        if not isinstance(value, dict | list):
            raise EngineUnavailableError(f"ElevenLabs answered {path} with {value!r}.")
        return value

    def post(self, path: str, body: Mapping[str, object], rng: np.random.Generator) -> Answer:
        """Send JSON and return the answer.

        Args:
            path: from `/v1` on, with its query.
            body: JSON values.
            rng: decides the pauses between attempts.

        Raises:
            RequestRefusedError: the service does not do this.
            ServiceBusyError: it said "later" each time.
            EngineUnavailableError: no credits, no access, no answer.
        """
        return self._send(path, json.dumps(body).encode(), rng)

    def _send(self, path: str, body: bytes | None, rng: np.random.Generator) -> Answer:
        """Try, and try again after what passes: exponential pauses with jitter, or as told."""
        patience_s = LONGEST_PATIENCE_S
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(path, body)
            except _PassingError as error:
                longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
                pause_s = float(rng.uniform(longest_s / 2, longest_s))
                if (
                    error.wait_s is not None
                ):  # everybody was told the same time: jitter comes on top
                    pause_s += error.wait_s
                patience_s -= pause_s
                if attempt == ATTEMPTS or patience_s < 0:
                    kind = ServiceBusyError if error.answered else ServiceUnreachableError
                    raise kind(f"ElevenLabs: {error} ({attempt} attempts). Try later.") from error
                logger.info("ElevenLabs: %s; attempt %d in %.1f s", error, attempt + 1, pause_s)
                self._sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, path: str, body: bytes | None) -> Answer:
        request = urllib.request.Request(  # noqa: S310 - https, or loopback
            self._base_url + path,
            data=body,
            headers={"xi-api-key": self._key.reveal(), "Accept": "*/*"},
        )
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                content = response.read(LARGEST_ANSWER_BYTES + 1)
                content_type = response.headers.get_content_type()
                missing_bytes = response.length or 0
        except urllib.error.HTTPError as error:
            with error:
                raise self._failure(error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            what = str(reason) or type(reason).__name__
            raise _PassingError(f"no answer ({what})", answered=False) from error
        if len(content) > LARGEST_ANSWER_BYTES:
            raise RequestRefusedError("ElevenLabs answered with more than a text can need.")
        if missing_bytes:  # `read` with a limit does not raise for this
            raise _PassingError(f"the answer broke off {missing_bytes} bytes early", answered=False)
        return Answer(content, content_type)

    def _failure(self, error: urllib.error.HTTPError) -> Exception:
        """Return the exception that fits an error status and what the body says about it."""
        try:
            body = error.read(1 << 16)
        except (OSError, http.client.HTTPException):
            body = b""  # the status alone has to do
        code, message = _read_detail(body)
        said = self._key.hide_in(f"{error.code} {code}: {message}" if code else f"{error.code}")
        if code in _QUOTA_CODES:
            return QuotaExceededError(
                f"The ElevenLabs account has no credits left for this ({said}). What was made is "
                f"kept: wait until they are renewed, buy more, or leave elevenlabs out."
            )
        if error.code in _PASSING:
            wait_s = _retry_after_s(error.headers)
            return _PassingError(f"the service is busy ({said})", wait_s=wait_s, answered=True)
        if error.code == 401:
            return AccessRefusedError(
                f"ElevenLabs does not accept the key from {self._key.origin} ({said}): check the "
                f"key and its permissions (text to speech, voices, models and user: read)."
            )
        if 300 <= error.code < 400:
            return AccessRefusedError(
                f"{self._base_url} points elsewhere ({said}) and the key is not sent on: correct "
                f"{URL_VARIABLE}."
            )
        return RequestRefusedError(f"ElevenLabs refused ({said}).")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_detail(body: bytes) -> tuple[str, str]:
    """Return code and message of an error's body, empty where there are none.

    `detail` is an object with `status` or `code` and `message`, a text, or a list of faults with
    `loc` and `msg`.
    """
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, TypeError, KeyError):
        return "", ""
    if isinstance(detail, dict):
        # Newer answers have both: the code of the cause, and a status that is kept as it was.
        status = str(detail.get("status") or "")
        code = str(detail.get("code") or "")
        return (status if status in _QUOTA_CODES else code or status), str(detail.get("message"))
    if isinstance(detail, list):
        faults = [fault for fault in detail if isinstance(fault, dict)]
        return "invalid", "; ".join(f"{f.get('loc')}: {f.get('msg')}" for f in faults)
    return "", str(detail)


def _retry_after_s(headers: Message) -> float | None:
    """Return what the Retry-After header asks for: seconds, or a date."""
    value = (headers.get("Retry-After") or "").strip()
    if not value:
        return None
    if value.isdigit():
        return float(value)
    try:
        then = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
