"""A browser or a signed-in person comes in, an opaque name for the queue's turns goes out."""

from __future__ import annotations

import hashlib
import secrets

import streamlit as st

COOKIE = "_streamlit_xsrf"
"""Streamlit gives each browser one, and it stays through refreshes and in every tab."""


def submitter() -> str:
    """Return who asks: a hash, so that the table of jobs holds no account and no cookie."""
    if getattr(st.user, "is_logged_in", False):
        # Not the address: a provider may let anybody state any that it has not verified.
        who = f"user {st.user.get('iss')} {st.user.get('sub')}"
    elif cookie := st.context.cookies.get(COOKIE):
        who = f"browser {cookie}"
    else:
        who = f"tab {st.session_state.setdefault('tab', secrets.token_hex(8))}"
    return hashlib.sha256(who.encode()).hexdigest()[:16]
