"""The clip database comes in; what is in it, to see, hear, delete and add to, goes out."""

from __future__ import annotations

import streamlit as st

from db.connection import home
from page.buckets import BucketsError
from page.clip_charts import Measure, bars, bucket_chart
from page.clip_import import offer_import
from page.clip_list import buckets_of, choose_clips, kinds, show_list

MEASURES: tuple[Measure, ...] = ("hours", "clips")
TABS = (
    ":material/headphones: Listen",
    ":material/bar_chart: Amounts",
    ":material/upload: Import",
)


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
        st.altair_chart(bars(known, column, measure, colour=colour))


st.title("Clips", anchor=False)
known = kinds(str(home()))
if known.empty:
    with st.container(border=True):
        st.markdown(
            "**Nothing here yet.** The voices speak when the first phrase is taught, and every "
            "clip is kept here for the next. Recordings of people can be brought in below."
        )
        st.page_link("page/new_phrase.py", label="Teach a new phrase", icon=":material/add:")
    st.header("Import", anchor=False)
    offer_import()
else:
    voices = len(known[["engine", "voice"]].drop_duplicates())
    st.caption(
        f"{known.clips.sum():,} clips, {known.hours.sum():.1f} hours, {voices:,} voices of "
        f"{known.engine.nunique()} engines."
    )
    listen, amounts, bring = st.tabs(list(TABS), on_change="rerun", key="clip_tab")
    with listen:  # also when it is hidden: what was typed there counts in the next one
        show_list(choose_clips(known))
    if amounts.open:
        with amounts:
            show_amounts(st.session_state["clip_words"].strip())
    if bring.open:
        with bring:
            offer_import()
