"""What holds for all tests."""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Before torch is imported, here and in what tests start: threads that wait for each other spin,
and on a busy machine networks as small as the tests' then take ten times as long."""


def pytest_configure() -> None:
    """Let Ctrl-C work in the programs that tests start, also where this run was put in the back.

    A shell starts such a run with SIGINT ignored, and what it starts inherits that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
