"""A detector that is not wanted any more comes in; its files are gone, its job is marked."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import streamlit as st

from db.connection import home
from db.detectors import mark_deleted
from page.database import database
from page.wording import size

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

NOTE = "delete note"
"""Key of the session's state: what to say after the page has been drawn anew."""


class DetectorElsewhereError(ValueError):
    """A detector's files are not where Watchword puts them."""


def folders_of(job_id: int, result: Mapping[str, Any]) -> list[Path]:
    """Return the folders that are a detector's alone, those that are there.

    Raises:
        DetectorElsewhereError: Its bundle is not in them.
    """
    own = home() / "detectors" / str(job_id)
    bundle = str(result.get("bundle", ""))
    if (own / bundle.rpartition("/")[2]).as_posix() != bundle:
        raise DetectorElsewhereError(
            f"The files of this detector are in {bundle}, which is not a folder that Watchword "
            f"made for it. Delete them there yourself; only the detector's entry is removed here."
        )
    return [folder for folder in (own, home() / "jobs" / str(job_id)) if folder.is_dir()]


def offer_delete(job_id: int, phrase: str, result: Mapping[str, Any]) -> None:
    """Show the button that leads to the question."""
    if st.button("Delete this detector", icon=":material/delete:", key="delete"):
        _confirm(job_id, phrase, result)


@st.dialog("Delete this detector?")
def _confirm(job_id: int, phrase: str, result: Mapping[str, Any]) -> None:
    try:
        folders = folders_of(job_id, result)
        used = sum(
            file.stat().st_size for top in folders for file in top.rglob("*") if file.is_file()
        )
        st.markdown(
            f"**{phrase}** (job {job_id}): its files, the zip, what was measured and the trained "
            f"weights are deleted from this machine, {size(used)} in all. This cannot be undone."
        )
    except DetectorElsewhereError as error:
        folders = []
        st.warning(str(error))
    st.markdown(
        "Spoken clips, recordings, other detectors and the job's log stay. Copies on devices go "
        "on working."
    )
    with st.container(horizontal=True):
        asked = st.button(
            "Delete",
            type="primary",
            icon=":material/delete:",
            key="delete really",
            on_click=_delete,
            args=(job_id, phrase, folders),
        )
        kept = st.button("Keep it", key="delete not")
    if asked or kept:
        st.rerun()  # closes the dialog


def _delete(job_id: int, phrase: str, folders: list[Path]) -> None:
    try:
        for folder in folders:
            shutil.rmtree(folder)
    except OSError as error:
        st.session_state[NOTE] = (
            f"Not everything of {phrase} (job {job_id}) could be deleted: {error}. Look at the "
            "folder's rights and delete it again."
        )
        return
    with database() as connection:
        mark_deleted(connection, job_id)
    st.session_state[NOTE] = f"The detector of {phrase} (job {job_id}) is deleted."
    st.query_params.clear()


def show_note() -> None:
    """Say once what became of a detector that was to be deleted."""
    note = st.session_state.pop(NOTE, None)
    if note:
        st.info(note, icon=":material/delete:")
