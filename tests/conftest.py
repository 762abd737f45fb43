"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    """Let Ctrl-C work in the programs that tests start, also where this run was put in the back.

    A shell starts such a run with SIGINT ignored, and what it starts inherits that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
