"""The first page: phrases and a preset come in, jobs go out."""

from __future__ import annotations

import streamlit as st

from db import job_history, jobs
from page import check, phrase_queue
from page.database import database, warn_without_worker
from page.engines import chosen_engines, offer_engines
from page.estimate import how_long
from page.own_voice_form import offer_own_voice
from page.phrase_view import show_phrase
from page.samples import offer_samples
from page.submitter import submitter
from page.wording import PRESETS

LONGEST_PHRASE = 100
DEFAULT_SEED = 0
PAUSE = "400ms"  # after so long without a key the phrase is checked
ASKED = "create asked"
"""Set by the button until `create` has answered."""


@st.cache_data(show_spinner=False, max_entries=200)
def known(phrase: str) -> check.PhraseCheck:
    """Check a phrase once; a check that failed is not remembered."""
    return check.check_phrase(phrase)


def checked(phrase: str) -> check.PhraseCheck | None:
    """Return what is known of a phrase, or say that nothing could be found out."""
    try:
        with st.spinner("Checking the phrase"):
            return known(phrase)
    except check.CheckError as error:
        st.error(str(error), icon=":material/build:")
        return None


@st.fragment
def ask_for_phrase() -> None:
    """Ask for a phrase and say what is known of it while it is typed."""
    typed = st.text_input(
        "Phrase",
        placeholder="smart mirror",
        max_chars=LONGEST_PHRASE,
        key=phrase_queue.FIELD,
        live=PAUSE,
        help="What the device should listen for. Three or more syllables work best.",
    )
    phrase = (typed or "").strip()
    if phrase:
        result = checked(phrase)
        if result is not None:
            show_phrase(result)
        if result is not None and result.ok:
            st.button(
                "Add another phrase",
                type="tertiary",
                icon=":material/playlist_add:",
                key="add",
                help="Puts this one aside; all are queued together.",
                on_click=phrase_queue.put_aside,
                args=(phrase,),
            )
            with st.expander("Hear it", icon=":material/volume_up:"):
                offer_samples(phrase, chosen_engines())
            with st.expander("Your own voice", icon=":material/mic:"):
                offer_own_voice(phrase)
    phrase_queue.show_put_aside()
    if st.session_state.get(ASKED):
        create()


def ask_how() -> None:
    """Ask for preset and seed; their answers are in the session, under those names."""
    with database() as connection:
        runs = job_history.past_runs(connection)
    st.radio(
        "How thorough",
        list(PRESETS),
        captions=[f"{about} {how_long(name, runs.get(name))}" for name, about in PRESETS.items()],
        format_func=str.capitalize,
        key="preset",
    )
    more = st.expander("More options", icon=":material/tune:", key="more", on_change="rerun")
    with more:
        st.selectbox(
            "Language",
            ["English"],
            key="language",
            disabled=True,
            help="English is the only one so far: another needs its own pronunciation, near-misses "
            "and voices.",
        )
        if more.open:  # to ask the engines takes seconds of a process
            offer_engines()
        st.number_input(
            "Seed",
            min_value=0,
            max_value=2**31 - 1,
            value=DEFAULT_SEED,
            key="seed",
            help="The same phrase, preset and seed make the same choices again.",
        )


def create() -> None:
    """Answer the button: queue what is wanted, or say why not.

    It is answered with the phrase, not below the button: what is typed is checked in a run of the
    fragment alone, and where that stops the whole page's run, nothing below would be reached.
    """
    phrases = wanted_phrases()
    del st.session_state[ASKED]
    if phrases:
        queue_all(phrases, st.session_state["preset"], int(st.session_state["seed"]))


def wanted_phrases() -> list[str]:
    """Return what was put aside and what stands in the field, or say why it cannot be queued."""
    typed = st.session_state.get(phrase_queue.FIELD, "").strip()
    wanted = list(dict.fromkeys([*phrase_queue.phrases(), *([typed] if typed else [])]))
    if not wanted:
        st.error("Type a phrase first.", icon=":material/edit:")
    for phrase in wanted:
        result = checked(phrase)
        if result is None:
            return []
        if not result.ok:
            st.error(f"“{phrase}” cannot be queued. {result.reason}", icon=":material/block:")
            return []
    return wanted


def queue_all(wanted: list[str], preset: str, seed: int) -> None:
    """Queue phrases that can work, and show their jobs."""
    engines = chosen_engines()
    options = {} if engines is None else {"engines": engines}
    who = submitter()
    with database() as connection:
        made = [
            jobs.submit(connection, phrase, preset, seed, options, submitter=who)
            for phrase in wanted
        ]
    phrase_queue.forget()
    query = {"job": str(made[0])} if len(made) == 1 else {}
    st.switch_page("page/jobs.py", query_params=query)


check.checker.warm_up()
st.title("Teach a new phrase")
st.markdown(
    "Type what the device should listen for. Watchword speaks it in many voices, trains a small "
    "detector on that, and tests the files it gives you."
)
with database() as connection:
    warn_without_worker(connection)
ask_for_phrase()
ask_how()
st.button(
    "Create detectors" if phrase_queue.phrases() else "Create detector",
    type="primary",
    icon=":material/play_arrow:",
    key="create",
    on_click=st.session_state.update,
    args=({ASKED: True},),
)
