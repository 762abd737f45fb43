"""The strength of a phrase in, lines for a terminal out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.console import say

if TYPE_CHECKING:
    from rich.console import Console

    from trainer.chance import Neighbour
    from trainer.strength import Strength


def strength_summary(strength: Strength, console: Console) -> None:
    """Print the score, what it is made of, what is near the phrase and what would help."""
    from trainer.strength import often

    about = f"{strength.score} of 100, {strength.word}: in conversation something passes for it"
    say(console, f"{about} {often(strength.per_hour)}", label="strength:", style="bold")
    for part in strength.parts:
        points = round(part.points, 1) + 0.0  # no "-0.0"
        say(console, f"  {part.name:<10} {points:+6.1f}  {part.text}")
    if strength.neighbours:
        say(console, ", ".join(map(_named, strength.neighbours)), label="near it:", style="bold")
    for reason in strength.reasons:
        say(console, f"- {reason}")


def _named(neighbour: Neighbour) -> str:
    inside = " in part" if neighbour.inside else ""
    return f"{neighbour.text} ({neighbour.distance:.1f}{inside})"
