"""A number of cores comes in; this process, and those that it starts, use no more at a time.

Where several workers run side by side, each would otherwise start threads and processes for all
cores, and they would wait for each other.
"""

from __future__ import annotations

import os

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read once, when a library of numbers is loaded."""
PROCESSES = "PYTHON_CPU_COUNT"
"""What `os.cpu_count` returns, for Python 3.13 and newer."""


def share(workers: int) -> int:
    """Return how many cores each of so many workers gets, at least one."""
    return max(1, len(os.sched_getaffinity(0)) // workers)


def environment(cores: int) -> dict[str, str]:
    """Return the variables for a process that is to keep to so many cores from its start."""
    return dict.fromkeys((*THREADS, PROCESSES), str(cores))


def keep_to(cores: int) -> None:
    """Make everything that counts cores in this process, and in its children, count so many."""
    import torch

    os.environ.update(environment(cores))
    # Pools ask this for their size. Python 3.13 reads PROCESSES at its start; older ones never do.
    os.cpu_count = lambda: cores
    torch.set_num_threads(cores)
