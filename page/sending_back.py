"""What a detector heard comes in; its false wakes and misses go back to training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from db import jobs
from page import feedback
from page.database import database
from page.hearing import EXCERPT_AFTER_S, EXCERPT_BEFORE_S, Heard, excerpt, likeliest_s
from page.submitter import submitter
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from page.feedback import Kind

LISTED = 12
"""Detections that are listed at once: a threshold near 0 gives hundreds."""
LONGEST_PHRASE_S = 6.0
USUAL_PHRASE_S = 1.6
"""What is offered first as the stretch that was missed."""
WHOLE_S = 4.0
"""A shorter sound is offered as a whole."""


def missed_stretch(
    heard: Heard, threshold: float, view_s: tuple[float, float], sound_id: str
) -> tuple[float, float] | None:
    """Return the stretch that is marked as missed, if somebody marks one in what is shown."""
    if not st.session_state.get(f"missing {sound_id}"):
        return None
    first = _first_offer(heard, threshold, sound_id)
    start_s, end_s = st.session_state.get(f"missed {sound_id}", first)
    if end_s <= view_s[0] or start_s >= view_s[1]:
        return None
    return max(start_s, view_s[0]), min(end_s, view_s[1])


def _first_offer(heard: Heard, threshold: float, sound_id: str) -> tuple[float, float]:
    """Return where a miss most likely is, the same as long as the sound is looked at."""
    key = f"first offer {sound_id}"
    if key not in st.session_state:
        short = heard.seconds <= WHOLE_S
        found = (0.0, heard.seconds) if short else likeliest_s(heard, threshold, USUAL_PHRASE_S)
        st.session_state[key] = tuple(round(at, 1) for at in found)
    start_s, end_s = st.session_state[key]
    return float(start_s), float(end_s)


def offer(
    phrase: str, heard: Heard, found: Sequence[int], threshold: float, sound: dict[str, Any]
) -> None:
    """List the detections, each with its sound, and offer to send back what was wrong."""
    for number, step in enumerate(found[:LISTED], 1):
        _show_detection(phrase, heard, number, step, sound)
    if len(found) > LISTED:
        st.caption(f"{len(found) - LISTED} more are marked above. A higher threshold has fewer.")
    st.toggle(
        f"I said “{phrase}” and it did not hear me",
        key=f"missing {sound['id']}",
        help="Marks the moment in the charts above. The next training then learns it.",
    )
    if st.session_state[f"missing {sound['id']}"]:
        _offer_miss(phrase, heard, threshold, sound)


def _show_detection(
    phrase: str, heard: Heard, number: int, step: int, sound: dict[str, Any]
) -> None:
    time_s = float(heard.times_s[step])
    start_s, end_s = max(0.0, time_s - EXCERPT_BEFORE_S), time_s + EXCERPT_AFTER_S
    pcm = excerpt(heard.pcm, start_s, end_s)
    with st.container(border=True):
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ):
            st.markdown(f"**{number}.** at {time_s:.2f} s, score {float(heard.scores[step]):.4f}")
            _send_button(
                "This was a false wake",
                phrase,
                "false-wake",
                pcm=pcm,
                sound_id=sound["id"],
                place=step,
            )
        st.audio(pcm.astype(np.float32) / 32768, sample_rate=SAMPLE_RATE_HZ)


def _offer_miss(phrase: str, heard: Heard, threshold: float, sound: dict[str, Any]) -> None:
    start_s, end_s = st.slider(
        "From just before you said it to just after, in seconds",
        min_value=0.0,
        max_value=max(float(np.ceil(heard.seconds * 10) / 10), 0.1),
        value=_first_offer(heard, threshold, sound["id"]),
        step=0.1,
        format="%.1f",
        key=f"missed {sound['id']}",
    )
    pcm = excerpt(heard.pcm, start_s, end_s)
    if not len(pcm):
        st.info("Mark a stretch of sound.")
        return
    st.audio(pcm.astype(np.float32) / 32768, sample_rate=SAMPLE_RATE_HZ)
    if end_s - start_s > LONGEST_PHRASE_S:
        st.info(f"Mark at most {LONGEST_PHRASE_S:g} s: the phrase, said once.")
        return
    _send_button(
        "It missed me here",
        phrase,
        "missed",
        pcm=pcm,
        sound_id=sound["id"],
        place=round(1000 * start_s),
    )


def _send_button(
    label: str, phrase: str, kind: Kind, *, pcm: NDArray[np.int16], sound_id: str, place: int
) -> None:
    """Show a button that sends a moment back, or that it was sent back."""
    sent: dict[tuple[str, str, str, int], int] = st.session_state.setdefault("sent_back", {})
    key = (phrase, kind, sound_id, place)
    if key in sent:
        st.badge(f"Sent back, clip {sent[key]}", icon=":material/check:", color="green")
        return
    if not st.button(label, icon=":material/undo:", key=f"{kind} {sound_id} {place}"):
        return
    try:
        with st.spinner("Keeping it"):
            sent[key] = feedback.send_back(phrase, kind, pcm, f"{kind}-{sound_id}-{place}.wav")
    except feedback.FeedbackError as error:
        st.error(str(error), icon=":material/block:")
        return
    st.rerun()


def offer_retraining(job: jobs.Job, phrase: str) -> None:
    """Say what was sent back for a phrase, and offer a training that learns from it."""
    with database() as connection:
        kept = feedback.sent_back(connection, phrase)
    wakes, misses = (len(clips) for clips in kept)
    if not wakes + misses:
        return
    since = job.started or job.created
    new = sum(int((clips["created"] > since).sum()) for clips in kept)
    with st.container(border=True):
        st.markdown(
            f"**Sent back for “{phrase}”:** {_count(wakes, 'false wake', 'false wakes')}, "
            f"{_count(misses, 'miss', 'misses')}. "
            + (f"This detector was trained before {new} of them." if new else "It knows them all.")
        )
        if st.button(
            "Retrain with these",
            icon=":material/model_training:",
            type="primary" if new else "secondary",
            key="retrain",
            help="A new job with the same phrase, preset and seed. This detector stays as it is.",
        ):
            with database() as connection:
                again = jobs.submit(
                    connection, job.phrase, job.preset, job.seed, job.options, submitter=submitter()
                )
            st.switch_page("page/jobs.py", query_params={"job": str(again)})


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
