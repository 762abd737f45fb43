"""The page, for `streamlit run`: phrases come in and become jobs, detectors go out as files."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from page.sign_in import require_sign_in

# Our own file: a named icon in the browser's tab would be fetched from a font server.
ICON = Path(__file__).parent / "page" / "icon.svg"

st.set_page_config(page_title="Watchword", page_icon=str(ICON), layout="centered")
require_sign_in()
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
        st.Page("page/try_it.py", title="Try it", icon=":material/mic:", url_path="try"),
        st.Page("page/clips.py", title="Clips", icon=":material/library_music:", url_path="clips"),
        st.Page(
            "page/settings.py", title="Settings", icon=":material/settings:", url_path="settings"
        ),
    ],
    position="top",
).run()
