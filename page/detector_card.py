"""A detector comes in; its verification and its model card, for people, go out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from page.wording import duration, size, stage_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from page.detector_files import Detector

VERIFICATION_COLUMNS = {
    "file": "File",
    "bytes": "Size",
    "engine": "Engine",
    "max_error": "Largest error",
    "max_bar": "Allowed",
    "changed": "Detections changed",
    "drift": "Drift in an hour",
    "step_us": "µs a step",
    "load_ms": "ms to load",
    "memory_mb": "MB",
}
NAMED_LICENCE = re.compile(r"^(?P<name>[^(]+?) \((?P<licence>.+)\)$")
SHOWN = frozenset({
    *("speech", "recordings", "sounds", "backbone", "clips", "people", "negative_hours"),
    *("watchword", "torch", "preset", "seed"),
})  # fmt: skip
"""Keys of the provenance that have a place of their own."""
BUCKETS = {
    "positive": "of the phrase",
    "confuser": "of similar phrases",
    "in_between": "of parts of it",
    "plain": "of other speech",
}


def show_verification(detector: Detector) -> None:
    """Show each file on each engine: does it behave as the trained network, and what it costs."""
    if not detector.verification:
        return
    st.subheader("Each file, checked", anchor=False)
    frame = pd.DataFrame(detector.verification)
    shown = [column for column in VERIFICATION_COLUMNS if column in frame]
    table = frame[shown].rename(columns=VERIFICATION_COLUMNS)
    if "Size" in table:
        table["Size"] = [size(int(count)) for count in table["Size"]]
    small = st.column_config.NumberColumn(format="%.2g")
    few = st.column_config.NumberColumn(format="%.0f")
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "Largest error": small,
            "Allowed": small,
            "Drift in an hour": small,
            "µs a step": few,
            "ms to load": few,
            "MB": few,
        },
    )
    step_ms = detector.manifest.step.step_s * 1000
    st.caption(
        "Every file was run on every engine against the trained network over the same sound, in "
        "chunks of odd lengths, and for an hour of stream. Errors and drift are of the logit, the "
        f"number behind the score. A step is {step_ms:.0f} ms of sound; times and memory are of "
        "the machine that made it."
    )


def show_card(detector: Detector) -> None:
    """Show what it was made of, with licences, and how."""
    values: dict[str, Any] = detector.manifest.provenance
    manifest = detector.manifest
    rule = manifest.decision
    steps = "a step" if rule.smoothing_steps == 1 else f"{rule.smoothing_steps} steps"
    st.markdown(
        f"Listens for **{manifest.phrase}** ({manifest.language}). A score every "
        f"{manifest.step.step_s * 1000:.0f} ms, averaged over {steps}; it wakes at "
        f"{rule.threshold:.4g} and then not again for {rule.refractory_s:g} s."
    )
    if not values:
        st.markdown("Nothing was recorded of what it was made of.")
    _show_speech(values.get("speech"))
    _show_counts(values)
    _show_sources("People who were recorded", values.get("recordings"))
    _show_sources("Recorded noise and measured rooms", values.get("sounds"))
    _show_backbone(values.get("backbone"))
    _show_versions(values, detector.minutes)
    others = {key: value for key, value in values.items() if key not in SHOWN}
    if others:
        st.markdown(
            "\n".join(f"- {stage_name(key)}: {plain(value)}" for key, value in others.items())
        )
    card = detector.card()
    if card is not None:
        st.download_button(
            "The bundle's README, with hashes",
            data=card,
            file_name=f"{detector.bundle.name}-README.md",
            mime="text/markdown",
            icon=":material/description:",
            on_click="ignore",
            key="download card",
        )


def split_licence(name: str) -> tuple[str, str]:
    """Return what is named and its licence: "kokoro (Apache-2.0)" as two."""
    found = NAMED_LICENCE.match(name)
    return (found["name"], found["licence"]) if found else (name, "not recorded")


def plain(value: Any) -> str:
    """Return any JSON value in a line of text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(plain(item) for item in value) or "none"
    return str(value)


def _show_speech(speech: Any) -> None:
    if not isinstance(speech, dict) or not speech:
        return
    rows = []
    for name, entry in speech.items():
        engine, licence = split_licence(name)
        rows.append((engine, licence, len(entry["voices"]), entry["clips"]))
    st.markdown("**Synthetic speech**")
    st.dataframe(
        pd.DataFrame(rows, columns=["Engine", "Licence", "Voices", "Clips"]), hide_index=True
    )
    with st.expander("All voices", icon=":material/groups:"):
        for name, entry in speech.items():
            voices = ", ".join(
                str(voice).partition(":")[2] or str(voice) for voice in entry["voices"]
            )
            st.markdown(f"**{split_licence(name)[0]}**: {voices}")


def _show_counts(values: Mapping[str, Any]) -> None:
    lines = []
    clips = values.get("clips")
    if isinstance(clips, dict):
        parts = [f"{count} {BUCKETS.get(name, name)}" for name, count in clips.items()]
        lines.append(f"Clips: {', '.join(parts)}.")
    people = values.get("people")
    if isinstance(people, dict) and {"train", "validation"} <= set(people):
        lines.append(
            f"Voices: {people['train']} to learn from, {people['validation']} others to check on."
        )
    if "negative_hours" in values:
        lines.append(f"Learnt from {values['negative_hours']:.1f} h of sound without the phrase.")
    if lines:
        st.markdown("\n".join(f"- {line}" for line in lines))


def _show_sources(title: str, sources: Any) -> None:
    if isinstance(sources, str):
        st.markdown(f"**{title}**: {sources}.")
    if not isinstance(sources, dict) or not sources:
        return
    rows = []
    for name, counts in sources.items():
        source, licence = split_licence(name)
        rows.append({"Source": source, "Licence": licence, **counts})
    st.markdown(f"**{title}**")
    table = pd.DataFrame(rows).rename(columns=stage_name)
    hours = {"Hours": st.column_config.NumberColumn(format="%.2f")}
    # A source of noise alone has no rooms.
    shown = table.fillna(0).convert_dtypes()
    st.dataframe(shown, hide_index=True, column_config=hours)


def _show_backbone(backbone: Any) -> None:
    if isinstance(backbone, str):
        st.markdown(f"**Where it started**: {backbone}.")
    if not isinstance(backbone, dict) or "hours" not in backbone:
        return
    rows = [(*split_licence(name), hours) for name, hours in backbone["hours"].items()]
    st.markdown("**Where it started**: weights that learnt to tell phonemes apart from")
    st.dataframe(
        pd.DataFrame(rows, columns=["Source", "Licence", "Hours"]),
        hide_index=True,
        column_config={"Hours": st.column_config.NumberColumn(format="%.2f")},
    )


def _show_versions(values: Mapping[str, Any], minutes: Mapping[str, float]) -> None:
    facts = [
        f"{label} {values[key]}"
        for key, label in (
            ("preset", "preset"),
            ("seed", "seed"),
            ("watchword", "Watchword"),
            ("torch", "torch"),
        )
        if key in values
    ]
    if minutes:
        stages = ", ".join(
            f"{stage_name(stage)} {duration(60 * spent)}" for stage, spent in minutes.items()
        )
        facts.append(f"made in {duration(60 * sum(minutes.values()))} ({stages})")
    if facts:
        st.caption(" · ".join(facts))
