"""The clip database comes in; what is in it, to see, hear, delete and add to, goes out."""

from __future__ import annotations

import streamlit as st

from db.connection import home
from page import clip_import
from page.buckets import BucketsError
from page.clip_charts import Measure, bars, bucket_chart
from page.clip_list import PEOPLE, buckets_of, choose_clips, kinds, show_list
from page.tasks import last_run

MEASURES: tuple[Measure, ...] = ("hours", "clips")
TABS = (
    ":material/headphones: Listen",
    ":material/bar_chart: Amounts",
    ":material/upload: Import",
)
WAS_EMPTY = "clips were empty"
"""Set where the import stands on the page itself, and not in its tab."""


def show_amounts(words: str) -> None:
    """Show how much there is, and for a phrase how much of what it needs."""
    if words:
        st.header(f"For “{words}”", anchor=False)
        try:
            with st.spinner("Sorting the clips for this phrase"):
                st.altair_chart(bucket_chart(buckets_of(words, str(home())).stock))
            st.caption("The mark is what a standard training wants; it makes what is missing.")
        except BucketsError as error:
            st.info(str(error), icon=":material/info:")
    st.header("Everything", anchor=False)
    measure = st.segmented_control(
        "Counted in", MEASURES, default="hours", key="clip_measure", required=True
    )
    for title, column, colour in (
        ("By engine", "engine", "source"),
        ("By licence", "licence", ""),
    ):
        st.markdown(f"**{title}**")
        named = known.assign(engine=known.engine.replace(PEOPLE))
        st.altair_chart(bars(named, column, measure, colour=colour))


def summary() -> str:
    """Return in one line how much there is."""
    people = known[known.engine.isin(PEOPLE)]
    spoken = known[~known.engine.isin(PEOPLE)]
    voices, engines = len(spoken[["engine", "voice"]].drop_duplicates()), spoken.engine.nunique()
    by = []
    if voices:
        by.append(f"{voices:,} voices of {engines} engine{'' if engines == 1 else 's'}")
    if count := len(people[["source", "voice"]].drop_duplicates()):
        by.append(f"recordings of {count:,} {'person' if count == 1 else 'people'}")
    clips = f"{known.clips.sum():,} clip{'' if known.clips.sum() == 1 else 's'}"
    return f"{clips}, {known.hours.sum():.1f} hours: {', '.join(by)}."


st.title("Clips", anchor=False)
imported = last_run(clip_import.TASK)
known = kinds(str(home()), imported.ended if imported else None)
if known.empty:
    st.session_state[WAS_EMPTY] = True
    with st.container(border=True):
        st.markdown(
            "**Nothing here yet.** The voices speak when the first phrase is taught, and every "
            "clip is kept here for the next. Recordings of people can be brought in below."
        )
        st.page_link("page/new_phrase.py", label="Teach a new phrase", icon=":material/add:")
    st.header("Import", anchor=False)
    clip_import.offer_import()
else:
    st.caption(summary())
    if st.session_state.pop(WAS_EMPTY, False) and imported:
        st.session_state["clip_tab"] = TABS[-1]  # whoever watched an import sees how it goes on
    listen, amounts, bring = st.tabs(list(TABS), on_change="rerun", key="clip_tab")
    with listen:  # also when it is hidden: what was typed there counts in the next one
        show_list(choose_clips(known))
    if amounts.open:
        with amounts:
            show_amounts(st.session_state["clip_words"].strip())
    if bring.open:
        with bring:
            clip_import.offer_import()
