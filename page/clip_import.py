"""A folder on the machine of the page comes in, an import that goes on by itself goes out."""

from __future__ import annotations

from typing import Any

import streamlit as st

from page.task_view import show_task, start_task
from page.tasks import last_run
from page.wording import duration, plain

TASK = "import"
KINDS = {
    "folder": "A table (.tsv or .csv) and the files it names",
    "librispeech": "LibriSpeech, or one of its subsets",
    "common-voice": "Common Voice: a language of a release",
    "peoples-speech": "The People's Speech: Parquet files",
}
"""What each kind of `watchword corpus add` is."""


def offer_import() -> None:
    """Let a person import recordings, and show how the last import went."""
    st.markdown(
        "Recordings of people make a detector better at people. A table names for each file what "
        "is said, by whom and under which licence. What cannot be used is left out, and the reason "
        "is shown here. Rows whose column `use` says anything but `train` are not read."
    )
    running = (task := last_run(TASK)) is not None and task.running
    with st.form("import", border=True):
        kind = st.selectbox("Kind", list(KINDS), format_func=KINDS.__getitem__, key="import_kind")
        path = st.text_input(
            "Folder or table",
            placeholder="/home/anna/recordings/list.tsv",
            key="import_path",
            help="On the machine that this page runs on.",
        ).strip()
        first, second = st.columns(2)
        licence = first.text_input(
            "Licence", key="import_licence", help="Of all of them, when the corpus does not say it."
        ).strip()
        speaker = second.text_input(
            "Speaker",
            key="import_speaker",
            help="When one person speaks in all of them. Only for a table.",
        ).strip()
        pressed = st.form_submit_button("Import", icon=":material/upload:", disabled=running)
    if pressed and not path:
        st.error("Say where the recordings are first.", icon=":material/folder_off:")
    elif pressed:
        start_task(TASK, arguments(kind, path, licence, speaker))
        st.rerun()
    show_task(TASK, "Importing", show_report)


def arguments(kind: str, path: str, licence: str, speaker: str) -> list[str]:
    """Return what comes after `watchword`; what a person typed is never taken for an option."""
    options = [f"--licence={licence}"] if licence else []
    if speaker and kind == "folder":
        options.append(f"--speaker={speaker}")
    return ["corpus", "add", "--json-lines", *options, "--", kind, path]


def show_report(result: dict[str, Any]) -> None:
    """Show what became of the rows of a corpus."""
    new, hours = result["imported"], result["seconds"] / 3600
    length = duration(result["seconds"]) if hours < 1 else f"{hours:.1f} hours"
    recordings = f"{new:,} new recording{'' if new == 1 else 's'}"
    people = f"{result['speakers']:,} {'person' if result['speakers'] == 1 else 'people'}"
    text = f"**{plain(result['source'])}**: {recordings}, {length}, {people}."
    st.success(text, icon=":material/check:")
    also = {
        "known": "imported before",
        "updated": "imported before, described anew",
        "duplicates": "with audio that is in the database under another name",
    }
    lines = [f"- {result[name]:,} {what}" for name, what in also.items() if result[name]]
    if lines:
        st.markdown("\n".join(lines))
    if result["refused"]:
        total = sum(result["refused"].values())
        with st.expander(f"{total:,} left out", icon=":material/block:", expanded=True):
            for reason, count in result["refused"].items():
                st.markdown(f"**{count:,}**: {plain(reason)}. For example:")
                st.code("\n".join(result["examples"][reason]), language=None, wrap_lines=True)
