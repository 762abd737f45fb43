"""Render tasks in, scenes and streams out in the order of the tasks, from worker processes."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.render import Renderer, RenderTask, Scene, Stream
from trainer.surroundings import open_surroundings
from trainer.synthesis import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TASKS_PER_CALL = 4


@dataclass(frozen=True)
class Studio:
    """Where the scenes are recorded."""

    rooms: int
    """Simulated rooms to choose from."""
    bystanders: tuple[Path, ...]
    """Clips of people who talk in the background."""
    seed: int
    """Decides the rooms."""
    sounds: Path | None = None
    """Folder of recorded noise and measured rooms; None for what is made alone."""


_renderer: Renderer | None = None


def _start_worker(studio: Studio) -> None:
    global _renderer  # noqa: PLW0603 - one renderer for the life of a worker process
    die_with_parent()
    _renderer = Renderer(
        open_surroundings(studio.rooms, studio.seed, studio.bystanders, studio.sounds)
    )


def _render(tasks: Sequence[RenderTask]) -> list[list[Scene] | list[Stream]]:
    assert _renderer is not None
    return [_renderer.render(task) for task in tasks]


def render_all(
    tasks: Sequence[RenderTask], studio: Studio, workers: int | None = None
) -> Iterator[list[Scene] | list[Stream]]:
    """Render every task.

    Args:
        tasks: what to render.
        studio: rooms and bystanders.
        workers: processes; one for each core by default.

    Yields:
        One result a task, in order.
    """
    chunks = [tasks[i : i + TASKS_PER_CALL] for i in range(0, len(tasks), TASKS_PER_CALL)]
    with ProcessPoolExecutor(
        workers or os.cpu_count() or 1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(studio,),
    ) as pool:
        futures = deque(pool.submit(_render, chunk) for chunk in chunks)
        try:
            while futures:
                yield from futures.popleft().result()  # popped: results are large
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
