"""Phrases come in one by one, the ones to be queued together go out; the session keeps them."""

from __future__ import annotations

import streamlit as st

FIELD = "phrase"
"""The text field's key."""
STATE = "phrases"


def phrases() -> list[str]:
    """Return what was put aside, in its order."""
    return list(st.session_state.get(STATE, ()))


def put_aside(phrase: str) -> None:
    """Keep a phrase for the queue and empty the field for another; a callback."""
    if phrase not in phrases():
        st.session_state[STATE] = [*phrases(), phrase]
    st.session_state[FIELD] = ""


def take_out(phrase: str) -> None:
    """Forget a phrase that was put aside; a callback."""
    st.session_state[STATE] = [kept for kept in phrases() if kept != phrase]


def forget() -> None:
    """Forget all: they are in the queue."""
    st.session_state[STATE] = []


def show_put_aside() -> None:
    """Show what was put aside, each with a way to take it out."""
    if not phrases():
        return
    with st.container(horizontal=True, vertical_alignment="center", key="put_aside"):
        st.markdown("To be queued too:", width="content")
        for phrase in phrases():
            st.button(
                phrase,
                icon=":material/close:",
                icon_position="right",
                key=f"take out {phrase}",
                help=f"Take out “{phrase}”",
                on_click=take_out,
                args=(phrase,),
            )
