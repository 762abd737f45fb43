"""Two voices of one engine in, the voice between them out; and back from its name to its parts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from trainer.tts.base import SpeechEngine, Voice

if TYPE_CHECKING:
    from collections.abc import Mapping

_PART = re.compile(r"(?P<name>[^*+]+)\*(?P<weight>[01]\.\d\d)")
"""What a blend's name consists of, joined by `+`."""


@runtime_checkable
class BlendingEngine(SpeechEngine, Protocol):
    """An engine that can also speak between two of its voices."""

    def can_blend(self, a: Voice, b: Voice) -> bool:
        """Return whether `blend(a, b, ...)` is a voice that this engine speaks."""
        ...

    def voice(self, name: str) -> Voice:
        """Return the voice of a name, plain or blended; `ValueError` when there is none."""
        ...


def can_blend(engine: SpeechEngine, a: Voice, b: Voice) -> bool:
    """Return whether `engine` speaks blends of these two voices."""
    return isinstance(engine, BlendingEngine) and engine.can_blend(a, b)


def blend(a: Voice, b: Voice, weight: float) -> Voice:
    """Return the voice that is `weight` x a + (1 − `weight`) x b.

    Only convex blends speak well, so that the weight lies between 0.01 and 0.99; it is kept with
    two decimals. The name says all that is needed to make the voice again, for example
    `af_heart*0.60+am_adam*0.40`. Whether an engine speaks it is for `can_blend` to say.

    Raises:
        ValueError: the same voice twice, a voice that is a blend, other engines, a bad weight, or
            a name that cannot be part of a blend's name.
    """
    if a.engine != b.engine:
        raise ValueError(f"{a.engine}:{a.name} and {b.engine}:{b.name} are of different engines.")
    if a.name == b.name or any(mark in a.name + b.name for mark in "*+"):
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


def find_voice(name: str, plain: Mapping[str, Voice]) -> Voice:
    """Return the voice of a name, plain or blended of two, from an engine's plain voices by name.

    Raises:
        ValueError: a part is no voice of the engine.
    """
    weights = parse_blend(name)
    for part in weights:
        if part not in plain:
            raise ValueError(f"There is no voice {part!r}: see `watchword doctor`.")
    if len(weights) == 1:
        return plain[name]
    first, second = (plain[part] for part in weights)
    return blend(first, second, weights[first.name])
