"""What a person looks for comes in; the clips that fit, their sound and their deletion go out."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import soundfile
import streamlit as st

from db import jobs
from db.clips import (
    CLIP_FOLDER,
    ClipFilter,
    ClipMissingError,
    ClipReadError,
    ClipStore,
    ClipWriteError,
)
from db.connection import home
from db.recordings import CUT, RECORDING
from page import spectrogram
from page.buckets import BUCKETS, Buckets, BucketsError, find_buckets
from page.database import database
from page.wording import moment, plain

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Hashable

    import pandas as pd

PAGE_ROWS = 25
ANY = "Any"
PEOPLE = {RECORDING: "People", CUT: "People, cut out"}
"""Engines that are none, and what a person calls them."""
MOST_HEARD = 5
"""Of the chosen clips, how many are shown to listen to."""


@st.cache_data(show_spinner=False, ttl=30)
def kinds(home_folder: str, imported: float | None) -> pd.DataFrame:  # noqa: ARG001 - a later import gives more
    """Return how much there is by engine, voice, source and licence."""
    with database() as connection:
        return _store(connection).totals(by=["engine", "voice", "source", "licence"])


@st.cache_data(show_spinner=False, ttl=120, max_entries=20)
def buckets_of(phrase: str, _home: str) -> Buckets:
    """Sort the clips by what they are for a phrase; what failed is not remembered."""
    return find_buckets(phrase)


def choose_clips(known: pd.DataFrame) -> ClipFilter:
    """Let a person say which clips to see."""
    first, second = st.columns([3, 2])
    words = first.text_input(
        "Phrase or words",
        placeholder="smart mirror",
        max_chars=100,
        key="clip_words",
        help="Finds clips in which these words occur in a row, spelled so.",
    ).strip()
    bucket = second.selectbox(
        "Used for",
        [ANY, *BUCKETS],
        format_func=lambda name: BUCKETS.get(name, name),
        key="clip_bucket",
        disabled=not words,
        help="What a clip is good for when a detector of this phrase is trained. "
        "Type the phrase first; sorting the clips takes some seconds.",
    )
    third, fourth = st.columns([3, 2])
    engines = third.multiselect(
        "Engine",
        sorted(known.engine.unique()),
        format_func=lambda name: PEOPLE.get(name, name),
        key="clip_engines",
    )
    voices = sorted(
        (known[known.engine.isin(engines)] if engines else known).voice.unique(), key=str.casefold
    )
    kept = [voice for voice in st.session_state.get("clip_voices", []) if voice in voices]
    st.session_state["clip_voices"] = kept
    chosen = fourth.multiselect("Voice", voices, key="clip_voices")
    wanted = ClipFilter(with_words=_normalised(words))
    if words and bucket != ANY:
        wanted = _of_bucket(words, bucket)
    return replace(wanted, engines=engines or wanted.engines, voices=chosen or None)


def show_list(wanted: ClipFilter) -> None:
    """Show the clips that fit, page by page, and what can be done with the chosen ones."""
    with database() as connection:
        store = _store(connection)
        count = store.count(wanted)
        if not count:
            st.info("No clip fits. Take a filter away.", icon=":material/filter_alt_off:")
            return
        pages = -(-count // PAGE_ROWS)
        key = f"clips {wanted!r} {pages}"
        page_number = int(st.session_state.get(f"page of {key}", 1))
        rows = store.select(wanted, limit=PAGE_ROWS, skip=(page_number - 1) * PAGE_ROWS)
    first = (page_number - 1) * PAGE_ROWS + 1
    st.caption(
        f"{first:,} to {first + len(rows) - 1:,} of {count:,} clips. "
        "Choose rows at the left to listen to them or to delete them."
    )
    selected = _table(rows, f"{page_number} of {key}")
    if pages > 1:
        st.pagination(pages, key=f"page of {key}")
    chosen = rows.iloc[selected]
    if chosen.empty:
        return
    label = "Delete this clip" if len(chosen) == 1 else f"Delete these {len(chosen)} clips"
    if st.button(label, icon=":material/delete:", key="clip_delete"):
        _confirm(chosen.id.tolist())
    for row in chosen.head(MOST_HEARD).to_dict("records"):
        _show_clip(row)
    if len(chosen) > MOST_HEARD:
        st.caption(f"The first {MOST_HEARD} of {len(chosen)} are shown.")


def _table(rows: pd.DataFrame, key: str) -> list[int]:
    """Show rows; return the positions of those that were chosen."""
    shown = rows[["text", "engine", "voice", "seconds", "source", "licence"]]
    shown = shown.assign(engine=shown.engine.replace(PEOPLE))
    event = st.dataframe(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=key,
        alt="Clips: text, engine, voice, seconds, source and licence",
        column_config={
            "text": st.column_config.TextColumn("Text", width="medium"),
            "engine": st.column_config.TextColumn("Engine", width="small"),
            "voice": st.column_config.TextColumn("Voice"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f", width="small"),
            "source": st.column_config.TextColumn("Source", width="small"),
            "licence": st.column_config.TextColumn("Licence", width="small"),
        },
    )
    return list(event["selection"]["rows"])


def _show_clip(row: dict[Hashable, Any]) -> None:
    """Show one clip: what is said, its sound, its picture."""
    with st.container(border=True):
        st.header(plain(row["text"]) or "(no words)", anchor=False)
        who = f"{PEOPLE.get(row['engine'], row['engine'])}, {row['voice']}"
        st.caption(f"{plain(who)} · {row['seconds']:.1f} s · {moment(row['created'])}")
        try:
            with database() as connection:
                samples, rate_hz = _store(connection).read(row["path"])
        except (ClipMissingError, ClipReadError):
            st.error(
                "The file of this clip is gone or damaged. Delete the clip here; a training "
                "makes it anew.",
                icon=":material/broken_image:",
            )
            return
        wav = io.BytesIO()
        soundfile.write(wav, samples, rate_hz, format="WAV", subtype="PCM_16")
        st.audio(wav.getvalue(), alt=f"{row['text']}, said by {who}")
        st.altair_chart(spectrogram.chart(spectrogram.of_samples(samples, rate_hz)))


@st.dialog("Delete clips?", icon=":material/delete:")
def _confirm(ids: list[int]) -> None:
    count = len(ids)
    st.markdown(
        f"**{count} {'clip and its file' if count == 1 else 'clips and their files'}** will be "
        "gone for good. Detectors that learned from them stay as they are; the next training makes "
        "new synthetic ones where it needs them. Recordings of people do not come back."
    )
    with database() as connection:
        if jobs.list_jobs(connection).state.eq("running").any():
            st.warning("A training is running. If it uses one of these, it may fail: wait for it.")
    with st.container(horizontal=True):
        if st.button(
            "Delete",
            type="primary",
            icon=":material/delete:",
            key="clip_delete_yes",
            on_click=delete_clips,
            args=(ids,),
        ):
            st.rerun()
        if st.button("Keep", key="clip_delete_no"):
            st.rerun()


def delete_clips(ids: list[int]) -> None:
    """Delete clips with their files, and say so."""
    with database() as connection:
        try:
            deleted = _store(connection).delete(ids)
        except ClipWriteError as error:
            st.toast(str(error), icon=":material/error:")
            return
    kinds.clear()
    buckets_of.clear()
    st.toast(f"Deleted {deleted} clip{'' if deleted == 1 else 's'}.", icon=":material/check:")


def _of_bucket(phrase: str, bucket: str) -> ClipFilter:
    try:
        with st.spinner("Sorting the clips for this phrase"):
            return buckets_of(phrase, str(home())).filters[bucket]
    except BucketsError as error:
        st.error(str(error), icon=":material/block:")
        st.stop()


def _normalised(words: str) -> str:
    """Return words as the database spells them: lower case, letters and apostrophes."""
    letters = (c if c.isalnum() or c == "'" else " " for c in words.lower().replace("’", "'"))
    return " ".join("".join(letters).split())


def _store(connection: sqlite3.Connection) -> ClipStore:
    return ClipStore(connection, home() / CLIP_FOLDER)
