"""A training's report and a threshold come in; who is missed and what is mistaken go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from db.clips import CLIP_FOLDER
from db.connection import home
from db.detectors import clip_paths
from page.database import database
from page.detector_charts import group_chart

if TYPE_CHECKING:
    from page.detector_curve import Curve, Point

SHOWN_NEAR_MISSES = 6
GROUPS = {
    "noise": ("Noise", "How loud the voice was over the noise behind it."),
    "engine": ("Engines", "Which program spoke, each with several voices."),
    "room": ("Rooms", "Whether the phrase was heard with the echo of a room."),
}


def show_groups(curve: Curve, number: int) -> None:
    """Show who is missed, and through what noise."""
    if curve.report is None:
        return
    groups: dict[str, Any] = curve.report["groups"]
    kinds = [kind for kind in GROUPS if groups.get(kind)]
    if not kinds:
        return
    st.subheader("Who is not heard", anchor=False)
    tabs = st.tabs([*(GROUPS[kind][0] for kind in kinds), "Voices"])
    for tab, kind in zip(tabs, kinds, strict=False):
        with tab:
            st.caption(GROUPS[kind][1] + " In brackets: scenes. Bars: 95 % bounds.")
            name = GROUPS[kind][0]
            st.altair_chart(
                group_chart(groups[kind], number, name), alt=f"Share of phrases missed: {name}"
            )
    with tabs[-1]:
        _show_voices(groups.get("voice", []), number)


def _show_voices(voices: list[dict[str, Any]], number: int) -> None:
    table = pd.DataFrame(
        [
            {
                "Voice": voice["name"],
                "Missed": 100 * voice["missed"][number] / voice["of"],
                "Scenes": f"{voice['missed'][number]} of {voice['of']}",
            }
            for voice in voices
        ]
    )
    if table.empty:
        return
    st.caption("A few scenes a voice: one says little by itself. `a*0.5+b*0.5` is a blend of two.")
    st.dataframe(
        table.sort_values("Missed", ascending=False, kind="stable"),
        hide_index=True,
        column_config={
            "Missed": st.column_config.ProgressColumn(
                format="%.0f %%", min_value=0, max_value=100, color="primary"
            )
        },
    )


def show_near_misses(curve: Curve, point: Point) -> None:
    """Show, with sound, the similar phrases that wake it at the chosen threshold."""
    if curve.report is None or not curve.report["near_misses"]:
        return
    listed = curve.report["loudest_near_misses"]
    accepted = [near for near in listed if near["score"] >= point.threshold]
    st.subheader("What it takes for the phrase", anchor=False)
    if not accepted:
        st.markdown(
            f"None of {curve.report['near_misses']} similar phrases wakes it at this sensitivity."
        )
    else:
        count = point.near_accepted or len(accepted)
        wake = "wakes" if count == 1 else "wake"
        st.markdown(
            f"{count} of {curve.report['near_misses']} similar phrases {wake} it at this "
            "sensitivity. In the test they were heard with noise and rooms; here they are dry."
        )
    if not accepted:
        return
    everything = len(accepted) > SHOWN_NEAR_MISSES and st.toggle(f"Show all {len(accepted)}")
    shown = accepted if everything else accepted[:SHOWN_NEAR_MISSES]
    with database() as connection:
        paths = clip_paths(connection, [int(near["clip"]) for near in shown])
    for near in shown:
        _show_near_miss(near, paths.get(int(near["clip"])))


def _show_near_miss(near: dict[str, Any], clip: tuple[str, str] | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{near['text']}**  \n:gray[{near['engine']}, {near['voice']} · score "
            f"{near['score']:.4f}]",
            width=260,
        )
        path = home() / CLIP_FOLDER / clip[0] if clip and clip[1] == near["text"] else None
        if path is not None and path.is_file():
            st.audio(path.read_bytes(), format="audio/flac", width=320)
        else:
            st.markdown(":gray[its recording was deleted]", width="content")
