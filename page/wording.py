"""Seconds, bytes, shares and states come in, the words a person reads go out."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

Colour = Literal["blue", "green", "red", "gray"]

PRESETS = {
    "quick": "A first detector in minutes, from half the voices; two trainings teach one network.",
    "standard": "The balance: more voices; two trainings teach one network.",
    "best": "The most voices, and four longer trainings that teach one network: an hour or two.",
}
"""What each preset is; the trainer's own words, which the page cannot import."""

STATES: dict[str, tuple[str, Colour, str]] = {
    "queued": ("Waiting", "gray", ":material/schedule:"),
    "running": ("Running", "blue", ":material/autorenew:"),
    "done": ("Done", "green", ":material/check:"),
    "failed": ("Failed", "red", ":material/error:"),
    "cancelled": ("Cancelled", "gray", ":material/block:"),
}
"""The word, colour and icon of each state of a job."""


def duration(seconds: float) -> str:
    """Return "8 s", "3 min" or "1 h 20 min": as exact as is worth reading."""
    whole = round(max(seconds, 0.0))
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(unix_s: float) -> str:
    """Return a date and time of day in this machine's zone: "3 Nov 2026, 14:05"."""
    local = datetime.fromtimestamp(unix_s).astimezone()
    return f"{local.day} {local:%b %Y, %H:%M}"


def size(count_bytes: int) -> str:
    """Return "400 bytes", "61 KiB" or "1.4 MiB"."""
    if count_bytes < 1024:
        return f"{count_bytes} bytes"
    kib = count_bytes / 1024
    return f"{kib:.0f} KiB" if kib < 1000 else f"{kib / 1024:.1f} MiB"


def share(value: float | None) -> str:
    """Return a share of one in percent, "2.5 %", or that nobody measured it."""
    return "not measured" if value is None else f"{100 * value:.1f} %"


def stage_name(stage: str) -> str:
    """Return a stage as a heading: "make_clips" as "Make clips"."""
    words = stage.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def plain(text: str) -> str:
    """Return a text of others without what Markdown would take for its own."""
    return re.sub(r"([\[\]*_$~<])", r"\\\1", text)
