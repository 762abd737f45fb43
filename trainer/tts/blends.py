"""Two Kokoro voices in, the voice between them out; and back from a blend's name to its parts."""

from __future__ import annotations

import re

from trainer.tts.base import Voice

_PART = re.compile(r"(?P<name>[a-z]+_[a-z0-9]+)\*(?P<weight>[01]\.\d\d)")


def blend(a: Voice, b: Voice, weight: float) -> Voice:
    """Return the voice whose style is `weight` x a + (1 − `weight`) x b.

    Only convex blends speak well, so that the weight lies between 0.01 and 0.99; it is kept with
    two decimals. The name says all that is needed to make the voice again, for example
    `af_heart*0.60+am_adam*0.40`.

    Raises:
        ValueError: the same voice twice, a voice that is a blend, other engines, a bad weight.
    """
    if a.engine != b.engine:
        raise ValueError(f"{a.engine}:{a.name} and {b.engine}:{b.name} are of different engines.")
    if a.name == b.name or "*" in a.name + b.name:
        raise ValueError(f"Blend two different plain voices, not {a.name} and {b.name}.")
    share = round(weight, 2)
    if not 0.01 <= share <= 0.99:
        raise ValueError(f"A blend's weight lies between 0.01 and 0.99, not at {weight}.")
    heavier = a if share >= 0.5 else b
    people = dict.fromkeys((*a.speaker.split("+"), *b.speaker.split("+")))
    return Voice(
        engine=a.engine,
        name=f"{a.name}*{share:.2f}+{b.name}*{1 - share:.2f}",
        language=a.language if a.language == b.language else heavier.language,
        speaker="+".join(people),
        licence=a.licence if a.licence == b.licence else f"{a.licence} AND {b.licence}",
    )


def parse_blend(name: str) -> dict[str, float]:
    """Return the weight of each plain voice in a voice's name; a plain name has weight 1.

    Raises:
        ValueError: the name looks like a blend but is none.
    """
    if "*" not in name and "+" not in name:
        return {name: 1.0}
    parts = [_PART.fullmatch(part) for part in name.split("+")]
    weights = {part["name"]: float(part["weight"]) for part in parts if part}
    if len(weights) != len(name.split("+")) or abs(sum(weights.values()) - 1.0) > 0.005:
        raise ValueError(
            f"{name!r} is no blend: write it as af_heart*0.60+am_adam*0.40, with weights that sum "
            f"to 1."
        )
    return weights
