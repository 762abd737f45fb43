"""The first page: a phrase and a preset come in, a job goes out."""

from __future__ import annotations

import streamlit as st

from db import jobs
from page import check, own_voice
from page.database import database, warn_without_worker
from page.wording import PRESETS

LONGEST_PHRASE = 100
DEFAULT_SEED = 0
OWN_NAME = "me"
LARGEST_RECORDING_MB = 4


@st.cache_data(show_spinner=False, max_entries=200)
def known(phrase: str) -> check.PhraseCheck:
    """Check a phrase once; a check that failed is not remembered."""
    return check.check_phrase(phrase)


def show_check(phrase: str) -> bool:
    """Show what is known of a phrase; return whether a job may be made of it."""
    try:
        with st.spinner("Checking the phrase"):
            result = known(phrase)
    except check.CheckError as error:
        st.error(str(error), icon=":material/build:")
        return False
    if not result.ok:
        st.error(result.reason, icon=":material/block:")
        return False
    sounds = " ".join(result.phonemes)
    plural = "" if result.syllables == 1 else "s"
    st.success(
        f"Said as **{sounds}**: {result.syllables} syllable{plural}, about {result.seconds:.1f} s.",
        icon=":material/record_voice_over:",
    )
    for warning in result.warnings:
        st.warning(warning, icon=":material/info:")
    if result.strength is not None:
        show_strength(result.strength)
    return True


def show_strength(strength: check.Strength) -> None:
    """Show how good a wake phrase it will make, and why."""
    st.progress(strength.score / 100, f"Strength: **{strength.score} of 100**, {strength.word}")
    st.markdown("\n".join(f"- {reason}" for reason in strength.reasons))
    with st.expander("What the strength is made of", icon=":material/equalizer:"):
        st.markdown("\n".join(
            f"- **{name}** {round(points):+d}: {text}" for name, points, text in strength.parts
        ))  # fmt: skip
        if strength.near:
            st.markdown(f"Near it: {', '.join(strength.near)}")


def offer_own_voice(phrase: str) -> None:
    """Let somebody record the phrase, or upload recordings of it."""
    st.markdown(
        "The device will hear you more than anybody else. Say the phrase once in each recording, "
        "the way you will say it; five to twenty help, some from across the room."
    )
    name = st.text_input("Whose voice", value=OWN_NAME, max_chars=40, key="own_name").strip()
    said = st.audio_input("Say the phrase once", key="own_said")
    files = st.file_uploader(
        "Or recordings that you have",
        type=list(own_voice.SUFFIXES),
        accept_multiple_files=True,
        key="own_files",
        max_upload_size=LARGEST_RECORDING_MB,
    )
    recordings = [(file.name, file.getvalue()) for file in (said, *files) if file is not None]
    if not st.button("Keep the recordings", icon=":material/mic:", key="own_keep"):
        return
    if not recordings:
        st.error("Record the phrase or choose a file first.", icon=":material/mic_off:")
        return
    try:
        with st.spinner("Listening to the recordings"):
            kept = own_voice.keep_recordings(phrase, name or OWN_NAME, recordings)
    except own_voice.OwnVoiceError as error:
        st.error(str(error), icon=":material/build:")
        return
    for recording in kept:
        if recording.reason:
            st.error(recording.reason, icon=":material/block:")
        else:
            state = "is kept as" if recording.new else "was kept before, as"
            st.success(f"{recording.file} {state} number {recording.number}.")


st.title("Teach a new phrase")
st.markdown(
    "Type what the device should listen for. Watchword speaks it in many voices, trains a small "
    "detector on that, and tests the files it gives you."
)
with database() as connection:
    warn_without_worker(connection)

phrase = st.text_input(
    "Phrase", placeholder="smart mirror", max_chars=LONGEST_PHRASE, key="phrase"
).strip()
usable = show_check(phrase) if phrase else False
if usable:
    with st.expander("Your own voice", icon=":material/mic:"):
        offer_own_voice(phrase)
preset = st.radio(
    "How thorough",
    list(PRESETS),
    captions=list(PRESETS.values()),
    format_func=str.capitalize,
    key="preset",
)
with st.expander("More options", icon=":material/tune:"):
    seed = st.number_input(
        "Seed",
        min_value=0,
        max_value=2**31 - 1,
        value=DEFAULT_SEED,
        key="seed",
        help="The same phrase, preset and seed make the same choices again.",
    )
if st.button("Create detector", type="primary", icon=":material/play_arrow:", key="create"):
    if not phrase:
        st.error("Type a phrase first.", icon=":material/edit:")
    elif usable:
        with database() as connection:
            job_id = jobs.submit(connection, phrase, preset, int(seed), {})
        st.switch_page("page/jobs.py", query_params={"job": str(job_id)})
