"""Nothing comes in, what each speech engine has here goes out, with a choice of who may speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from page.command import CommandError, ask

TIMEOUT_S = 120.0
REMEMBERED_S = 600.0
CHOICE = "engines"
"""Where the choice is kept in the session."""


class EnginesError(RuntimeError):
    """The engines could not be asked, so nothing is known of them."""


@dataclass(frozen=True)
class Engine:
    """What is known of one speech engine."""

    name: str
    works: bool
    voices: int
    speakers: int
    detail: str
    """What is wrong where it does not work."""
    how_to_get: str
    paid: bool
    """It charges, and speaks only with consent from a terminal."""
    slow: bool
    """It needs a GPU, and speaks only where it is asked to."""


@st.cache_data(ttl=REMEMBERED_S, show_spinner=False)
def list_engines() -> list[Engine]:
    """Ask `watchword voices` what each engine has; an answer is remembered for minutes.

    Raises:
        EnginesError: The command failed, took too long or answered something else.
    """
    try:
        return ask(["voices", "--json"], TIMEOUT_S, _read)
    except CommandError as error:
        raise EnginesError(
            f"The speech engines could not be asked: {error}. Run `watchword doctor` in a terminal."
        ) from error


def _read(answer: dict[str, Any]) -> list[Engine]:
    fields = Engine.__dataclass_fields__
    return [Engine(**{field: one[field] for field in fields}) for one in answer["engines"]]


def chosen_engines() -> list[str] | None:
    """Return the engines that were chosen, None for all that work here."""
    choice = st.session_state.get(CHOICE)
    if choice is None:
        return None
    try:
        offered = [engine.name for engine in list_engines() if _usable(engine)]
        usual = [engine.name for engine in list_engines() if _usable(engine) and not engine.slow]
    except EnginesError:
        return None
    chosen = [name for name in offered if name in choice]
    return None if not chosen or chosen == usual else chosen


def _usable(engine: Engine) -> bool:
    return engine.works and not engine.paid


@st.fragment(parallel=True)
def offer_engines() -> None:
    """Show every engine's state and let somebody choose; asking them does not hold up the page."""
    try:
        with st.spinner("Asking the speech engines what they have"):
            engines = list_engines()
    except EnginesError as error:
        st.error(str(error), icon=":material/build:")
        return
    usable = {engine.name: engine for engine in engines if _usable(engine)}
    if not usable:
        st.error(
            "No speech engine works here, so no phrase can be spoken. Run `watchword voices` in a "
            "terminal: it fetches the default voices.",
            icon=":material/voice_over_off:",
        )
    else:
        st.pills(
            "Speech engines that may speak",
            list(usable),
            selection_mode="multi",
            default=[name for name, engine in usable.items() if not engine.slow],
            format_func=lambda name: f"{name} ({usable[name].voices})",
            key=CHOICE,
            help="In brackets: their voices. More voices make a better detector; leave all on "
            "unless one says the phrase wrong.",
        )
        if st.session_state.get(CHOICE) == []:
            st.caption("None chosen: all that work here will speak.")
    others = [engine for engine in engines if not _usable(engine)]
    if others:
        st.caption("Not speaking here:")
        st.markdown("\n".join(f"- **{engine.name}**: {_why_not(engine)}" for engine in others))


def _why_not(engine: Engine) -> str:
    if engine.paid:
        return (
            "charges for what it says, so it speaks only for `watchword train --allow-paid "
            f"{engine.name}` in a terminal"
        )
    get = f" To get it: `{engine.how_to_get}`" if engine.how_to_get else ""
    return f"{engine.detail}{get}"
