"""An address and the detectors in, a Wyoming server there until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import stat
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wyoming.server import AsyncServer, AsyncTcpServer, AsyncUnixServer

from watchword_runtime.wyoming_address import Tcp, parse_uri, reachable
from watchword_runtime.wyoming_client import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from watchword_runtime.wyoming_models import Models

logger = logging.getLogger(__name__)

_SERVICE = "_wyoming._tcp.local."


async def serve(uri: str, models: Models, *, announce: str | None = None) -> None:
    """Serve until SIGTERM.

    Args:
        uri: tcp://host[:port] or unix:///path.
        models: what to listen for.
        announce: the name to be found by over zeroconf, or None.

    Raises:
        ValueError: the URI is of another kind, or cannot be announced.
        OSError: nothing can listen there; the message names the address.
        ImportError: zeroconf is wanted and not installed.
    """
    place = parse_uri(uri)
    if announce is not None and not isinstance(place, Tcp):
        raise ValueError("--zeroconf announces an address of the network: give --uri tcp://….")
    server: AsyncServer
    if isinstance(place, Tcp):
        server = AsyncTcpServer(place.host, place.port)
    else:
        _check_socket(Path(place.path))
        server = AsyncUnixServer(place.path)
    stop = asyncio.Event()
    # Ctrl-C stays what it is; Windows has no signal handlers in its event loop.
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        await server.start(partial(Client, models))
        stack.push_async_callback(server.stop)
        if announce is not None and isinstance(place, Tcp):
            await stack.enter_async_context(_announced(announce, place))
        logger.info("Ready at %s for %s", uri, ", ".join(models.now()) or "no detector yet")
        await stop.wait()
    logger.info("Stopped.")


def _check_socket(path: Path) -> None:
    # The server removes whatever lies there.
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise ValueError(f"{path} is there and is not a socket: choose another path.")


@contextlib.asynccontextmanager
async def _announced(name: str, place: Tcp) -> AsyncIterator[None]:
    """Tell the network of the service, and at the end that it has gone."""
    try:
        from zeroconf import IPVersion  # noqa: PLC0415 - an extra
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ImportError(
            'the package zeroconf is missing: pip install "watchword-runtime[zeroconf]".'
        ) from error
    address = reachable(place.host)
    info = AsyncServiceInfo(
        _SERVICE,
        f"{name}.{_SERVICE}",
        addresses=[address.packed],
        port=place.port,
        server=f"watchword-{address.packed.hex()}.local.",
    )
    zeroconf = AsyncZeroconf(interfaces=[str(address)], ip_version=IPVersion.V4Only)
    try:
        await (await zeroconf.async_register_service(info))
        logger.info("Announced as %s at %s", name, address)
        yield
        await (await zeroconf.async_unregister_service(info))
    finally:
        await zeroconf.async_close()
