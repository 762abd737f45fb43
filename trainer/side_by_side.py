"""Numbers of runs in, what each gave out: several at the same time, a process each.

A network this small hardly gains from a second core while it learns; two networks do.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from trainer.progress import CancelledError
from trainer.synthesis import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.synchronize import Event

    from trainer.dataset import Examples
    from trainer.model import TinyCRNN
    from trainer.train import RunOf, Tell
    from trainer.validation import Verdict

logger = logging.getLogger(__name__)

POLL_S = 0.5
BYTES_OF_A_PROCESS = 800_000_000
"""Without its examples: torch, and the batches that are under way."""
COPIES = 2
"""Of the examples' features, while a process reads them and while it listens to all of them."""


class ExamplesSource(Protocol):
    """Reads the examples of a training in another process; it can be pickled."""

    def __call__(self) -> tuple[Examples, Examples]:
        """Return the training side and what validates."""


def places(train: Examples, validation: Examples, runs: int) -> int:
    """Return how many runs may learn at the same time: as many as cores, where memory allows it."""
    size = sum(
        example.features.nbytes
        for side in (train, validation)
        for examples in (side.positives, side.near, side.plain, side.alone)
        for example in examples
    )
    each = BYTES_OF_A_PROCESS + COPIES * size
    return max(1, min(os.cpu_count() or 1, runs, _free_memory() // each))


def _free_memory() -> int:
    """Return the bytes that processes can have; plenty where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 1 << 40
    return next((int(line.split()[1]) * 1024 for line in lines if "MemAvailable" in line), 1 << 40)


def side_by_side(
    work: RunOf,
    source: ExamplesSource,
    numbers: Sequence[int],
    *,
    tell: Tell,
    keep: Callable[[int, Verdict, TinyCRNN], None],
    together: int,
) -> None:
    """Let runs learn at the same time.

    Where a process dies, for want of memory, what is not finished is left to the caller.

    Args:
        work: what a run does.
        source: its examples.
        numbers: of the runs.
        tell: is told of their steps; what it raises stops all of them.
        keep: is given what each run gave, as soon as it is finished.
        together: processes.
    """
    context = multiprocessing.get_context("spawn")
    said: Any = context.SimpleQueue()
    stop = context.Event()
    threads = max(1, (os.cpu_count() or 1) // together)
    with ProcessPoolExecutor(
        together,
        mp_context=context,
        initializer=_start,
        initargs=(work, source, threads, said, stop),
    ) as pool:
        futures = {pool.submit(_learn, number): number for number in numbers}
        try:
            while futures:
                finished, _ = wait(futures, timeout=POLL_S, return_when=FIRST_COMPLETED)
                while not said.empty():
                    tell(*said.get())
                for future in finished:
                    keep(futures.pop(future), *future.result())
        except BrokenProcessPool:
            logger.warning(
                "A process that trained was ended, perhaps for want of memory; the others' work is "
                "kept, and what is missing is trained without company."
            )
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


class _Worker:
    """What a process keeps between its runs."""

    def __init__(self, work: RunOf, source: ExamplesSource, said: Any, stop: Event) -> None:
        examples, self._validation = source()
        self._work, self._batches = work, work.batches(examples)
        self._said, self._stop = said, stop

    def learn(self, number: int) -> tuple[Verdict, TinyCRNN]:
        return self._work(number, self._batches, self._validation, self._tell)

    def _tell(self, number: int, step: int, live: Mapping[str, float]) -> None:
        if self._stop.is_set():
            raise CancelledError("the training was stopped")
        self._said.put((number, step, dict(live)))


_worker: _Worker | None = None


def _start(work: RunOf, source: ExamplesSource, threads: int, said: Any, stop: Event) -> None:
    global _worker  # noqa: PLW0603 - one worker for the life of a process
    die_with_parent()
    torch.set_num_threads(threads)
    _worker = _Worker(work, source, said, stop)


def _learn(number: int) -> tuple[Verdict, TinyCRNN]:
    assert _worker is not None
    return _worker.learn(number)
