"""The secrets of the page and its visitor come in; the visitor is let in, or asked who they are.

Streamlit does the signing in (OpenID Connect, with Authlib). Without a section `[auth]` in
`secrets.toml` nobody is asked: the page then belongs on loopback.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Mapping


def require_sign_in() -> None:
    """End the page here for everybody who must sign in and has not."""
    if not _section("auth"):
        return
    if importlib.util.find_spec("authlib") is None:
        _stop('Sign-in is configured and its package is missing: pip install "watchword[sign-in]".')
    if not getattr(st.user, "is_logged_in", False):
        st.title("Watchword", anchor=False)
        st.markdown("Detectors for phrases of your own. Sign in to go on.")
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
        if st.query_params:  # Streamlit leads back to its first page
            st.caption("This is a link to one page: open it again when you have signed in.")
        st.stop()
    allowed = _section("people").get("emails")
    if allowed is not None and not is_allowed(st.user.to_dict(), allowed):
        st.title("Watchword", anchor=False)
        st.error(refusal(st.user.to_dict()), icon=":material/person_off:")
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
        st.stop()


def offer_sign_out() -> None:
    """Say who is signed in and let them leave; nothing where nobody signs in."""
    if not _section("auth"):
        return
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        name = st.user.get("name") or st.user.get("email") or "somebody without a name"
        st.markdown(f"Signed in as **{name}**", width="content")
        st.button("Sign out", icon=":material/logout:", on_click=st.logout, key="sign_out")


def is_allowed(user: Mapping[str, Any], emails: object) -> bool:
    """Return whether a person's verified address is on the list."""
    if not isinstance(emails, list) or user.get("email_verified") is False:
        return False
    own = str(user.get("email") or "").casefold()
    return bool(own) and own in {str(email).casefold() for email in emails}


def refusal(user: Mapping[str, Any]) -> str:
    """Return why a person who is signed in is not let in, and what to do."""
    email = user.get("email")
    if not email:
        return (
            "Your provider gave no address for this account, and this page lets people in by "
            "address. Sign in with another account, or ask whoever runs this page."
        )
    if user.get("email_verified") is False:
        return (
            f"Your provider has not verified {email}. Verify the address there, sign out here and "
            "sign in again."
        )
    return (
        f"{email} is not on the list of this page. Ask whoever runs it to add the address, or sign "
        "in with another account."
    )


def _section(name: str) -> Mapping[str, Any]:
    """Return a section of the page's secrets, empty where there is none."""
    try:
        found = st.secrets.get(name, {})
    except FileNotFoundError:
        return {}
    return found if hasattr(found, "get") else {}


def _stop(message: str) -> None:
    st.error(message, icon=":material/lock:")
    st.stop()
