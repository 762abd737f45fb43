"""The third page: finished jobs come in; measurements, downloads and shell lines go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from db import jobs
from page.database import database
from page.detector_files import (
    Detector,
    DetectorDamagedError,
    DetectorMissingError,
    open_detector,
)
from page.job_view import job_number
from page.wording import duration, moment, share, size, stage_name

if TYPE_CHECKING:
    from watchword_runtime.manifest import ModelFile

USES = {
    ("tflite", "int8"): "Smallest and fastest, for a Pi and below.",
    ("tflite", "fp16"): "Half the size of full precision.",
    ("tflite", "fp32"): "Full precision for TFLite.",
    ("onnx", "int8"): "Small, for onnxruntime.",
    ("onnx", "fp32"): "Full precision for onnxruntime.",
}

VERIFICATION_COLUMNS = {
    "file": "File",
    "engine": "Engine",
    "max_error": "Largest error",
    "max_bar": "Allowed",
    "changed": "Detections changed",
    "drift": "Drift in an hour",
    "load_ms": "ms to load, here",
    "step_us": "µs a step, here",
    "memory_mb": "MB, here",
}


def choose(finished: pd.DataFrame) -> int:
    """Let a person pick a detector; return its job's number. The address keeps the choice."""
    ids = finished.id.tolist()
    labels = {
        row["id"]: f"{row['phrase']} · {row['preset']} · {moment(row['finished'])}"
        for row in finished.to_dict("records")
    }
    asked = job_number()
    if asked is not None and asked not in ids:
        st.info(f"Job {asked} has no detector. This is the newest there is.")
    # The address is the truth: the widget takes its value from there and writes it back.
    st.session_state["detector"] = asked if asked in ids else ids[0]
    chosen = st.selectbox(
        "Detector",
        ids,
        format_func=labels.__getitem__,
        label_visibility="collapsed",
        key="detector",
        on_change=follow_choice,
    )
    return int(chosen)


def follow_choice() -> None:
    """Put the detector that was picked into the address."""
    st.query_params["job"] = str(st.session_state["detector"])


def show_metrics(detector: Detector) -> None:
    """Show what a person wants to know first."""
    smallest = min(file.bytes for file in detector.manifest.files)
    with st.container(horizontal=True):
        st.metric(
            "Missed",
            share(detector.miss_rate),
            border=True,
            help="Of the phrase said by voices that it never heard in training.",
        )
        st.metric(
            "Near-misses accepted",
            share(detector.near_miss_accepted),
            border=True,
            help="Of phrases that sound similar and are not it.",
        )
        st.metric("Smallest file", size(smallest), border=True)
        st.metric(
            "Made in",
            duration(60 * sum(detector.minutes.values())),
            border=True,
            help=", ".join(
                f"{stage_name(stage)} {duration(60 * minutes)}"
                for stage, minutes in detector.minutes.items()
            ),
        )


def show_file(detector: Detector, file: ModelFile, preferred: bool) -> None:
    """Show one model file with its download."""
    path = detector.path(file)
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        note = "**First choice.** " if preferred else ""
        use = USES.get((file.format, file.precision), f"{file.format}, {file.precision}")
        st.markdown(f"`{file.file}`  \n:gray[{note}{use}]", width="stretch")
        if path.is_file():
            st.download_button(
                size(file.bytes),
                data=path.read_bytes,
                file_name=file.file,
                mime="application/octet-stream",
                icon=":material/download:",
                on_click="ignore",
                key=f"download {file.file}",
            )
        else:
            st.markdown(":red[gone from the disk]", width="content")


def show_downloads(detector: Detector) -> None:
    """Show the zip and every model file."""
    st.subheader("Download", anchor=False)
    if detector.zip_file.is_file():
        st.download_button(
            f"Everything as one zip ({size(detector.zip_file.stat().st_size)})",
            data=detector.zip_file.read_bytes,
            file_name=detector.zip_file.name,
            mime="application/zip",
            icon=":material/folder_zip:",
            type="primary",
            on_click="ignore",
            key="download zip",
        )
    else:
        st.warning(f"The zip is no longer at {detector.zip_file}; the single files below work too.")
    with st.container(border=True):
        for index, file in enumerate(detector.manifest.files):
            show_file(detector, file, preferred=index == 0)
    st.caption("Each file alone is a working detector: it carries its own settings.")


def show_use(detector: Detector) -> None:
    """Show the lines that make a Raspberry Pi listen."""
    name = detector.zip_file.name
    st.subheader("Use it on a Raspberry Pi", anchor=False)
    st.markdown("On this computer, in the folder of Watchword, with the zip beside it:")
    st.code(
        ".venv/bin/pip wheel --no-deps --wheel-dir . ./runtime\n"
        f"scp watchword_runtime-*.whl {name} pi@raspberrypi.local:",
        language="bash",
        wrap_lines=True,
    )
    st.markdown("On the Pi, with a microphone:")
    st.code(
        "python3 -m venv watchword\n"
        'watchword/bin/pip install "$(ls watchword_runtime-*.whl)[litert]"\n'
        f"watchword/bin/watchword-listen {name} --self-test\n"
        "arecord -q -t raw -f S16_LE -r 16000 -c 1 | "
        f"watchword/bin/watchword-listen {name} --stdin",
        language="bash",
        wrap_lines=True,
    )
    st.caption("On a 32-bit Pi, with Python 3.11 or older, write `tflite` in place of `litert`.")


def show_measurements(detector: Detector) -> None:
    """Show operating points, verification and where it came from."""
    st.subheader("Measured", anchor=False)
    points = detector.manifest.operating_points
    if points:
        frame = pd.DataFrame(
            {
                "False accepts an hour": [point.false_accepts_per_hour for point in points],
                "At most (95 %)": [round(point.upper_95, 1) for point in points],
                "Missed": [share(point.miss_rate) for point in points],
                "Threshold": [point.threshold for point in points],
                "Counted on": [f"{point.audio}, {point.hours:.1f} h" for point in points],
            }
        )
        st.dataframe(frame, hide_index=True)
    else:
        st.markdown("No operating points were measured for this detector.")
    if detector.verification:
        st.markdown("**Each file against the trained model**, over the same stream of audio:")
        frame = pd.DataFrame(detector.verification)
        shown = [column for column in VERIFICATION_COLUMNS if column in frame]
        st.dataframe(frame[shown].rename(columns=VERIFICATION_COLUMNS), hide_index=True)
        st.caption(
            "Errors and drift are of the logit, the number behind the score. Sound was heard in "
            "chunks of odd lengths, and again and again for an hour."
        )
    with st.expander("Where it comes from", icon=":material/history:"):
        st.json(detector.manifest.provenance)


st.title("Detectors")
with database() as connection:
    every = jobs.list_jobs(connection)
finished_jobs = every[every.state == "done"]
if finished_jobs.empty:
    with st.container(border=True):
        st.markdown("**No detector yet.** It appears here when its job is done.")
        st.page_link("page/new_phrase.py", label="Teach a new phrase", icon=":material/add:")
    st.stop()
job_id = choose(finished_jobs)
with database() as connection:
    job = jobs.get(connection, job_id)
try:
    found = open_detector(job.result or {})
except (DetectorMissingError, DetectorDamagedError) as error:
    st.error(str(error), icon=":material/folder_off:")
    st.stop()
show_metrics(found)
show_downloads(found)
show_use(found)
show_measurements(found)
