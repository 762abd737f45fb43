"""The page, for `streamlit run`: phrases come in and become jobs, detectors go out as files."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

# Our own file: a named icon in the browser's tab would be fetched from a font server.
ICON = Path(__file__).parent / "page" / "icon.svg"

st.set_page_config(page_title="Watchword", page_icon=str(ICON), layout="centered")
st.navigation(
    [
        st.Page("page/new_phrase.py", title="New phrase", icon=":material/add:", default=True),
        st.Page("page/jobs.py", title="Jobs", icon=":material/list:", url_path="jobs"),
        st.Page(
            "page/detectors.py",
            title="Detectors",
            icon=":material/graphic_eq:",
            url_path="detectors",
        ),
    ],
    position="top",
).run()
