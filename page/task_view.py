"""A task's name comes in; its progress, live, and what became of it go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from page import tasks
from page.wording import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LIVE_EVERY_S = 1.0


def show_task(name: str, what: str, show_result: Callable[[dict[str, Any]], None]) -> None:
    """Show the last run of a task, and follow it while it runs.

    Args:
        name: of the task.
        what: is being done, for a person: "Fetching voices".
        show_result: called with the result of a run that came to its end.
    """
    task = tasks.last_run(name)
    if task is None:
        return
    # Switched off with the task's end: a page left open then asks for nothing.
    every_s = LIVE_EVERY_S if task.running else None
    st.fragment(_body, run_every=every_s)(name, what, show_result, task.running)


def start_task(name: str, arguments: Sequence[str]) -> None:
    """Start a task, or say why it cannot be."""
    try:
        tasks.start(name, arguments)
    except (tasks.TaskBusyError, OSError) as error:
        st.toast(str(error), icon=":material/error:")


def _body(
    name: str, what: str, show_result: Callable[[dict[str, Any]], None], followed: bool
) -> None:
    task = tasks.last_run(name)
    if task is None:
        return
    if followed and not task.running:
        st.rerun()
    if task.running:
        parts = [f"**{what}**"]
        if task.progress:
            parts.append(f"{100 * task.progress['fraction']:.0f} %")
            if task.progress["eta_s"]:
                parts.append(f"about {duration(task.progress['eta_s'])} left")
        st.progress(task.progress.get("fraction", 0.0), text=" · ".join(parts))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Cancel",
                icon=":material/close:",
                key=f"stop {name}",
                on_click=tasks.stop,
                args=(name,),
            )
            if task.progress.get("detail"):
                st.caption(task.progress["detail"])
    elif task.result is not None:
        show_result(task.result)
    elif task.stopped:
        st.info("Stopped. What was finished is kept; it goes on from there when started again.")
    else:
        st.error(task.error, icon=":material/error:")
