"""A detector and somebody's voice come in; what it heard goes out, and what was wrong goes back."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from db import jobs
from page import decode, live, sending_back
from page.database import database
from page.detector_files import (
    Detector,
    DetectorDamagedError,
    DetectorMissingError,
    open_detector,
)
from page.hearing import Choice, Heard, choices, hear
from page.job_view import job_number
from page.sound_charts import sound_charts
from page.wording import moment, share
from watchword_runtime import BundleError, ModelError, NoEngineError
from watchword_runtime import Detector as Listener
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

LARGEST_MB = 20
WHOLE_S = 30.0  # a longer sound is drawn in parts
THRESHOLD_STEP = 0.25  # of the slider, in logits
SOURCES = {
    "live": ":material/graphic_eq: Live",
    "record": ":material/mic: Record",
    "file": ":material/upload_file: File",
}


def choose_job(finished: pd.DataFrame) -> int:
    """Let a person pick a detector; the address keeps the choice."""
    ids = finished.id.tolist()
    labels = {
        row["id"]: f"{row['phrase']} · {row['preset']} · {moment(row['finished'])}"
        for row in finished.to_dict("records")
    }
    asked = job_number()
    if asked is not None and asked not in ids:
        st.info(f"Job {asked} has no detector. This is the newest there is.")
    st.session_state["try_job"] = asked if asked in ids else ids[0]
    return int(
        st.selectbox(
            "Detector", ids, format_func=labels.__getitem__, key="try_job", on_change=follow_choice
        )
    )


def follow_choice() -> None:
    """Put the detector that was picked into the address."""
    st.query_params["job"] = str(st.session_state["try_job"])


@st.cache_resource(max_entries=6, show_spinner=False)
def loaded(bundle: str, file: str, engine: str, written: float) -> Listener:  # noqa: ARG001 - a new file is another
    """Load a model file once; what is heard is kept in streams of their own."""
    return Listener.load(bundle, file=file, engine=engine)


def choose_file(detector: Detector) -> Listener | None:
    """Let a person pick which file listens; return it loaded, or None with a message."""
    offered = choices(detector.manifest.files)
    works = [choice for choice in offered if choice.engine]
    if not works:
        st.error(f"Nothing here runs these files. {offered[0].missing}", icon=":material/build:")
        return None

    def label(choice: Choice) -> str:
        return f"{choice.file} · {choice.engine}"

    chosen = st.selectbox(
        "File and what runs it",
        works,
        format_func=label,
        key="try_file",
        help="The files that you download, run by the same code as on a device. "
        + " ".join(f"{choice.file}: {choice.missing}." for choice in offered if not choice.engine),
    )
    try:
        written = (detector.bundle / chosen.file).stat().st_mtime
        return loaded(str(detector.bundle), chosen.file, chosen.engine, written)
    except (BundleError, ModelError, NoEngineError, OSError) as error:
        st.error(str(error), icon=":material/broken_image:")
        return None


def keep(name: str, pcm: NDArray[np.int16]) -> None:
    """Make this the sound that is looked at, in this browser alone."""
    known = hashlib.sha256(pcm.tobytes()).hexdigest()[:16]
    st.session_state["sound"] = {"name": name, "pcm": pcm, "id": known}


def take_file(file: Any) -> None:
    """Decode what was recorded or chosen, once."""
    if st.session_state.get("sound_file") == file.file_id:
        return
    try:
        with st.spinner("Reading the sound"):
            keep(file.name, decode.decode(file.getvalue(), file.name))
    except decode.DecodeError as error:
        st.session_state.pop("sound", None)
        st.error(str(error), icon=":material/block:")
        return
    st.session_state["sound_file"] = file.file_id


@st.fragment
def listen_live(listener: Listener) -> None:
    """Hear the browser's microphone as it speaks; when it stops, look at all of it."""
    hearing: live.Live | None = st.session_state.get("live")
    sent = st.session_state.get("microphone", {}).get("chunk")
    if sent:
        try:
            chunk = live.Chunk.from_dict(sent)
            if hearing is None or hearing.session != chunk.session:
                hearing = live.Live(listener, chunk.session)
                st.session_state["live"] = hearing
            hearing.take(chunk)
        except (live.ChunkError, ModelError) as error:
            st.error(str(error), icon=":material/mic_off:")
    live.microphone(hearing.answer() if hearing else {}, key="microphone")
    if hearing and hearing.ended and st.session_state.get("live_shown") != hearing.session:
        st.session_state["live_shown"] = hearing.session
        if hearing.samples:
            keep("live.wav", hearing.pcm())
            st.session_state.pop("sound_file", None)
        st.rerun()


def choose_sound(listener: Listener) -> None:
    """Let a person speak, record or choose a file."""
    source = st.segmented_control(
        "Sound", list(SOURCES), format_func=SOURCES.__getitem__, default="live", required=True,
        key="source", label_visibility="collapsed",
    )  # fmt: skip
    if source == "live":
        listen_live(listener)
    elif source == "record":
        said = st.audio_input("Say the phrase, or anything else", key="try_said")
        if said is not None:
            take_file(said)
    else:
        file = st.file_uploader(
            "A recording of at most ten minutes",
            type=list(decode.SUFFIXES),
            key="try_upload",
            max_upload_size=LARGEST_MB,
        )
        if file is not None:
            take_file(file)
    st.caption("Sound stays on this machine, and nothing is kept unless you send it back below.")


def heard_by(listener: Listener, job_id: int, sound: dict[str, Any]) -> Heard:
    """Run the detector over the sound, once for each."""
    key = (job_id, listener.file, listener.engine_name, sound["id"])
    if st.session_state.get("heard_key") != key:
        with st.spinner("Listening"):
            st.session_state["heard"] = hear(listener, sound["pcm"])
        st.session_state["heard_key"] = key
    found: Heard = st.session_state["heard"]
    return found


def threshold_choices(listener: Listener) -> list[float]:
    """Return the slider's places: even steps of the logit, and the thresholds that ship."""
    grid = 1 / (1 + np.exp(-np.arange(-7, 9.01, THRESHOLD_STEP)))
    ours = [point.threshold for point in listener.manifest.operating_points]
    return sorted({*(round(float(one), 5) for one in grid), *ours, listener.threshold})


def choose_threshold(listener: Listener, job_id: int) -> float:
    """Let a person move the threshold; say what the one that ships promises."""
    threshold = float(
        st.select_slider(
            "Threshold",
            threshold_choices(listener),
            value=listener.threshold,
            format_func=lambda value: f"{value:.5g}",
            key=f"threshold {job_id} {listener.file}",
            help="A score that reaches it wakes the device. Lower hears more, and wakes more often "
            "for nothing.",
        )
    )
    points = {point.threshold: point for point in listener.manifest.operating_points}
    ships = "This is the threshold that ships." if threshold == listener.threshold else ""
    if threshold in points:
        point = points[threshold]
        st.caption(
            f"{ships} Measured: {point.false_accepts_per_hour:g} false wakes an hour, "
            f"{share(point.miss_rate)} missed."
        )
    elif not ships:
        st.caption(f"The one that ships is {listener.threshold:.5g}.")
    else:
        st.caption(ships)
    return threshold


def choose_view(heard: Heard, sound_id: str) -> tuple[float, float]:
    """Return which seconds to draw: all of a short sound, a chosen part of a long one."""
    end_s = max(heard.seconds, 0.1)
    if end_s <= WHOLE_S:
        return 0.0, end_s
    start_s, stop_s = st.slider(
        "Seconds shown", 0.0, float(np.ceil(end_s)), (0.0, WHOLE_S), 1.0, key=f"view {sound_id}"
    )
    return start_s, min(max(stop_s, start_s + 1.0), end_s)


@st.fragment
def show_heard(listener: Listener, job_id: int, sound: dict[str, Any]) -> None:
    """Show what the detector made of a sound, and take back what was wrong."""
    heard = heard_by(listener, job_id, sound)
    st.audio(sound["pcm"].astype(np.float32) / 32768, sample_rate=SAMPLE_RATE_HZ)
    threshold = choose_threshold(listener, job_id)
    found = heard.detections(threshold)
    phrase = listener.manifest.phrase
    highest = float(heard.scores[heard.warmup :].max(initial=0))
    often = {0: "It did not hear “{}”", 1: "It heard “{}” once"}
    said = often.get(len(found), f"It heard “{{}}” {len(found)} times").format(phrase)
    st.markdown(f"**{said}** in {heard.seconds:.1f} s. The highest score is {highest:.4f}.")
    view_s = choose_view(heard, sound["id"])
    missed_s = sending_back.missed_stretch(heard, threshold, view_s, sound["id"])
    for chart in sound_charts(heard, view_s, threshold, found, missed_s):
        st.altair_chart(chart)
    st.caption(
        "Sound, score and what the detector is given of the sound: 40 channels each 10 ms, bright "
        "where it is loud. The dashed line is the threshold; upright lines are detections."
    )
    sending_back.offer(phrase, heard, found, threshold, sound)


st.title("Try it")
with database() as connection:
    everything = jobs.list_jobs(connection)
finished = everything[everything.state == "done"]
if finished.empty:
    with st.container(border=True):
        st.markdown("**No detector yet.** Teach a phrase; when its job is done, try it here.")
        st.page_link("page/new_phrase.py", label="Teach a new phrase", icon=":material/add:")
    st.stop()
left, right = st.columns(2)
with left:
    chosen_id = choose_job(finished)
with database() as connection:
    job = jobs.get(connection, chosen_id)
try:
    detector = open_detector(job.result or {})
except (DetectorMissingError, DetectorDamagedError) as error:
    st.error(str(error), icon=":material/broken_image:")
    st.stop()
with right:
    chosen = choose_file(detector)
if chosen is not None:
    choose_sound(chosen)
    if "sound" in st.session_state:
        show_heard(chosen, job.id, st.session_state["sound"])
    sending_back.offer_retraining(job, chosen.manifest.phrase)
