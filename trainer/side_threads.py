"""Calls of torch in, their results out: a few at the same time, in threads that share the cores.

torch lets go of Python's lock while it computes, and a network this small gains more from a second
network beside it than from a second core. How many there are does not depend on the machine: what
is learnt from them may depend on it.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 2


@contextmanager
def side_threads() -> Iterator[Executor]:
    """Open `AT_ONCE` threads, each with its share of the cores; leaving waits for what they do."""
    before = torch.get_num_threads()
    each = max(1, min(before, (os.cpu_count() or 1) // AT_ONCE))
    pool = ThreadPoolExecutor(AT_ONCE, "side", torch.set_num_threads, (each,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(before)  # a thread sets it for all that come after
