"""A detector and a chosen threshold come in; downloads and lines to copy go out."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING

import streamlit as st

from page.wording import size

if TYPE_CHECKING:
    from pathlib import Path

    from page.detector_curve import Point
    from page.detector_files import Detector

USES = {
    ("tflite", "int8"): "Smallest and fastest, for a Pi and below.",
    ("tflite", "fp16"): "Half the size of full precision.",
    ("tflite", "fp32"): "Full precision for TFLite.",
    ("onnx", "int8"): "Small, for onnxruntime.",
    ("onnx", "fp32"): "Full precision for onnxruntime.",
}
BINARY = "application/octet-stream"
MICRO_SLOPE, MICRO_CUTOFF = 0.5, 0.502
"""Of the microWakeWord model: a test holds them against the exporter's, which the page cannot
import."""
FARTHEST_LOGIT = 12.0


def option(point: Point | None) -> str:
    """Return what sets a threshold on the command line; empty for the one that ships."""
    if point is None or point.shipped:
        return ""
    if point.rate is not None:
        return f" --sensitivity {point.rate:g}"
    return f" --threshold {point.threshold:.6g}"


def micro_cutoff(threshold: float, shipped: float) -> float:
    """Return the `probability_cutoff` of the microWakeWord model for a threshold."""
    distance = _logit(threshold) - _logit(shipped)
    return 1.0 / (1.0 + math.exp(-MICRO_SLOPE * distance)) + MICRO_CUTOFF - 0.5


def _logit(threshold: float) -> float:
    if not 0.0 < threshold < 1.0:
        return math.copysign(FARTHEST_LOGIT, threshold - 0.5)
    return min(max(math.log(threshold / (1 - threshold)), -FARTHEST_LOGIT), FARTHEST_LOGIT)


def show_zip(detector: Detector) -> None:
    """Show the button that gives everything."""
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


def show_downloads(detector: Detector) -> None:
    """Show every file with its download."""
    with st.container(border=True):
        for index, file in enumerate(detector.manifest.files):
            use = USES.get((file.format, file.precision), f"{file.format}, {file.precision}")
            note = f"{'**First choice.** ' if index == 0 else ''}{use}"
            _show_file(detector.path(file), file.file, note)
        if detector.micro:
            for path in detector.micro:
                is_model = path.suffix == ".tflite"
                note = "microWakeWord model, " if is_model else "Its manifest, "
                _show_file(path, path.name, f"{note}for ESPHome and Home Assistant's clients.")
    st.caption(
        "The zip has all of them, with manifest, self-test and model card. Each of the first "
        f"{len(detector.manifest.files)} is a working detector by itself: it carries its settings."
    )
    for name, reason in detector.skipped.items():
        st.caption(f"`{name}` was left out: {reason}")


def _show_file(path: Path, name: str, note: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.markdown(f"`{name}`  \n:gray[{note}]", width="stretch")
        if path.is_file():
            st.download_button(
                size(path.stat().st_size),
                data=path.read_bytes,
                file_name=name,
                mime=BINARY,
                icon=":material/download:",
                on_click="ignore",
                key=f"download {name}",
                help=f"Download {name}",
            )
        else:
            st.markdown(":red[gone from the disk]", width="content")


def show_use(detector: Detector, point: Point | None) -> None:
    """Show the lines that put the detector to work, with the chosen threshold."""
    if option(point):
        st.caption("These lines hold the sensitivity that was chosen.")
    pi, assistant, esp = st.tabs(["Raspberry Pi", "Home Assistant", "ESPHome"])
    with pi:
        _show_pi(detector, option(point))
    with assistant:
        _show_home_assistant(detector, option(point))
    with esp:
        _show_esphome(detector, point)


def _copy_to_pi(archive: str) -> None:
    st.markdown("On this computer, in the folder of Watchword, with the zip beside it:")
    _lines(
        "python3 -m pip wheel --no-deps --wheel-dir . ./runtime",
        f"scp watchword_runtime-*.whl {archive} pi@raspberrypi.local:",
    )


def _show_pi(detector: Detector, chosen: str) -> None:
    archive = shlex.quote(detector.zip_file.name)
    _copy_to_pi(archive)
    st.markdown("On the Pi, with a microphone:")
    _lines(
        "sudo apt install python3-venv alsa-utils",
        "python3 -m venv watchword",
        'watchword/bin/pip install "$(ls watchword_runtime-*.whl)[litert]"',
        f"watchword/bin/watchword-listen {archive} --self-test",
        f"watchword/bin/watchword-listen {archive}{chosen}",
    )
    st.caption(
        "It prints a line whenever it hears the phrase; `--exec 'aplay ding.wav'` runs a program "
        "as well. docs/raspberry-pi.md goes from a bare Raspberry Pi OS to a service that starts "
        "at boot. On a 32-bit Pi, with Python 3.11 or older, write `tflite` in place of `litert`."
    )


def _show_home_assistant(detector: Detector, chosen: str) -> None:
    archive = shlex.quote(detector.zip_file.name)
    _copy_to_pi(archive)
    st.markdown("On the machine that listens for Home Assistant:")
    _lines(
        "sudo apt install python3-venv",
        "python3 -m venv watchword",
        'watchword/bin/pip install "$(ls watchword_runtime-*.whl)[litert,zeroconf]"',
        f"watchword/bin/watchword-wyoming --model {archive} --uri tcp://0.0.0.0:10400 "
        f"--zeroconf{chosen}",
    )
    st.markdown(
        "In Home Assistant: *Settings → Devices & services*, add *Watchword* (or *Wyoming "
        "Protocol*, port 10400), then choose the wake word in *Voice assistants*."
    )
    st.caption("The port has no password: keep it inside your own network.")


def _show_esphome(detector: Detector, point: Point | None) -> None:
    if not detector.micro or detector.micro_manifest is None:
        reason = detector.skipped.get("micro", "it was made before Watchword wrote one")
        st.info(
            f"This detector has no model for ESPHome: {reason}. Teach the phrase again to get one.",
            icon=":material/developer_board_off:",
        )
        return
    manifest, model = detector.micro
    shipped = detector.manifest.decision.threshold
    cutoff = micro_cutoff(point.threshold if point else shipped, shipped)
    oldest = detector.micro_manifest.get("micro", {}).get("minimum_esphome_version", "2024.7.0")
    st.markdown(
        f"Copy `{manifest.name}` and `{model.name}` beside the YAML of the device, and add this "
        f"(ESPHome {oldest} or later):"
    )
    st.code(
        "micro_wake_word:\n"
        "  models:\n"
        f"    - model: {manifest.name}\n"
        f"      probability_cutoff: {cutoff:.1%}\n"
        "  on_wake_word_detected:\n"
        "    - voice_assistant.start:\n"
        "        wake_word: !lambda return wake_word;",
        language="yaml",
    )


def _lines(*lines: str) -> None:
    st.code("\n".join(lines), language="bash", wrap_lines=True)
