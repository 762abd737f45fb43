"""The bytes of a client in, Wyoming events out, with a bound on everything that a client claims.

The package's own reader trusts the lengths that it is told and fails in as many ways as there are
bytes; this one waits for at most `MAX_DATA_BYTES` and `MAX_PAYLOAD_BYTES` and has one error.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wyoming.event import Event

if TYPE_CHECKING:
    import asyncio

MAX_DATA_BYTES = 1 << 20
MAX_PAYLOAD_BYTES = 16 << 20
"""More than 40 s of the widest sound; clients send less than a second at once."""


class ProtocolError(ValueError):
    """What a client sent is not a Wyoming event; the message says what is wrong with it."""


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """Return the next event, or None when the client has left between two.

    Raises:
        ProtocolError: the bytes are no event, or one of a size that no client needs.
        EOFError, ConnectionError: the client left in the middle of an event.
    """
    try:
        line = await reader.readline()
    except ValueError as error:
        raise ProtocolError("a header line without an end") from error
    if not line:
        return None
    header = _json_object(line, "header")
    kind, data = header.get("type"), header.get("data")
    if not isinstance(kind, str):
        raise ProtocolError("a header without a type")
    if not isinstance(data, dict):
        data = {}
    size = _length(header, "data_length", MAX_DATA_BYTES)
    if size:
        data.update(_json_object(await reader.readexactly(size), "data"))
    size = _length(header, "payload_length", MAX_PAYLOAD_BYTES)
    payload = await reader.readexactly(size) if size else None
    return Event(kind, data, payload)


def _json_object(content: bytes, what: str) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a {what} that is not JSON") from error
    if not isinstance(values, dict):
        raise ProtocolError(f"a {what} that is not a JSON object")
    return values


def _length(header: dict[str, Any], key: str, limit: int) -> int:
    value = header.get(key) or 0
    if not isinstance(value, int) or not 0 <= value <= limit:
        raise ProtocolError(f"a {key} of {value!r}; 0 to {limit} are taken")
    return value
