"""A phrase comes in, recordings of somebody saying it go to the clip database."""

from __future__ import annotations

import streamlit as st

from page import own_voice

OWN_NAME = "me"
LARGEST_RECORDING_MB = 4


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
