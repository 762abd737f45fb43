"""A URI in, where a Wyoming service is out, and the address under which others find it."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORT = 10400
"""Where Wyoming wake word services are by custom."""
DEFAULT_URI = f"tcp://127.0.0.1:{DEFAULT_PORT}"


@dataclass(frozen=True)
class Tcp:
    """A host and port."""

    host: str
    port: int


@dataclass(frozen=True)
class Unix:
    """A socket in the file system."""

    path: str


def parse_uri(uri: str) -> Tcp | Unix:
    """Return what `uri` names: tcp://host[:port] or unix:///path.

    Raises:
        ValueError: it is something else.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{uri}: a port is a number from 1 to 65535.") from error
    if parts.scheme == "tcp" and parts.hostname and not parts.path.strip("/"):
        return Tcp(parts.hostname, port or DEFAULT_PORT)
    if parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/"):
        return Unix(parts.path)
    raise ValueError(f"{uri} is no address: {DEFAULT_URI} or unix:///run/watchword.sock is.")


def reachable(host: str) -> ipaddress.IPv4Address:
    """Return the address under which others find a server that listens at `host`.

    Raises:
        ValueError: there is none, because it has no IPv4 address or a loopback one.
    """
    try:
        address = ipaddress.IPv4Address(socket.gethostbyname(host))
        if address.is_unspecified:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                # Nothing is sent: the system only chooses the interface towards the mDNS group.
                probe.connect(("224.0.0.251", 5353))
                address = ipaddress.IPv4Address(probe.getsockname()[0])
    except OSError as error:
        raise ValueError(
            f"{host} has no IPv4 address to announce ({error}): give one in --uri."
        ) from error
    if address.is_loopback:
        raise ValueError(
            f"{host} is heard on this machine only, so there is nothing to announce: "
            f"give --uri tcp://0.0.0.0:{DEFAULT_PORT}."
        )
    return address
