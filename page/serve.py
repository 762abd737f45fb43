"""What comes after `streamlit run` comes in; the page goes out, each answer sent at once.

    python -m page.serve streamlit_app.py --server.port 8501

Streamlit makes its listening socket without naming the protocol, asyncio therefore leaves Nagle's
algorithm on, and the body of each answer after a connection's first waits about 40 ms for the
browser's delayed acknowledgement (https://github.com/Kludex/uvicorn/issues/3149). A page is 65
files. On Linux a connection has the option of the socket that accepted it.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any

from streamlit.web import cli
from streamlit.web.server.starlette import starlette_server

if TYPE_CHECKING:
    from collections.abc import Callable

BIND = "_bind_socket"
"""Of Streamlit's server. Where a later version has none, the page works and is slower."""


def send_at_once() -> None:
    """Make the sockets that Streamlit's server will listen on send without waiting."""
    bind: Callable[..., socket.socket] | None = getattr(starlette_server, BIND, None)
    if bind is None:
        return

    def bind_for_speed(*arguments: Any, **options: Any) -> socket.socket:
        listening = bind(*arguments, **options)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening

    setattr(starlette_server, BIND, bind_for_speed)


if __name__ == "__main__":
    send_at_once()
    sys.exit(cli.main(["run", *sys.argv[1:]], prog_name="streamlit"))
