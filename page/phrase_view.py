"""What is known of a phrase comes in; how it sounds, its strength and its warnings go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from page.check import PhraseCheck, Strength

COLOURS = {"strong": "green", "fair": "orange", "weak": "red"}


def show_phrase(result: PhraseCheck) -> None:
    """Show what is known, the verdict first; calm enough to stand there while somebody types."""
    if not result.ok:
        st.warning(result.reason, icon=":material/block:")
        return
    plural = "" if result.syllables == 1 else "s"
    with st.container(border=True, key="phrase_check"):
        st.markdown(
            f":material/record_voice_over: Said as **/{' '.join(result.phonemes)}/** · "
            f"{result.syllables} syllable{plural} · about {result.seconds:.1f}\u00a0s"
        )
        if result.strength is not None:
            show_strength(result.strength)
        for warning in result.warnings:
            st.warning(warning, icon=":material/info:")


def show_strength(strength: Strength) -> None:
    """Show how good a wake phrase it will make, why, and what sounds like it."""
    colour = COLOURS.get(strength.word, "gray")
    st.progress(
        strength.score / 100,
        f"Strength: :{colour}[**{strength.word}**], {strength.score} of 100",
    )
    st.markdown("\n".join(f"- {reason}" for reason in strength.reasons))
    if strength.near:
        st.markdown(f"Sounds like it: {', '.join(f'*{word}*' for word in strength.near)}")
    with st.expander("What the strength is made of", icon=":material/equalizer:"):
        st.markdown("\n".join(
            f"- **{name}** {round(points):+d}: {text}" for name, points, text in strength.parts
        ))  # fmt: skip
