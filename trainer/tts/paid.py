"""Engines that cost money: what was consented to, and what a piece of work would cost."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from trainer.tts.base import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trainer.tts.base import SpeechEngine

ALLOW_VARIABLE = "WATCHWORD_ALLOW_PAID"
"""Names of engines, separated by commas. The environment, because worker processes inherit it."""

PAID_ENGINES: Mapping[str, str] = {
    "elevenlabs": "each character that it speaks is charged to your ElevenLabs account",
}
"""Engine name → what costs money; these are never used without consent."""


class CostError(RuntimeError):
    """What was asked for costs more than the account has left."""


@dataclass(frozen=True)
class CostEstimate:
    """What it would cost to speak some texts."""

    characters: int
    """That would be sent."""
    credits: int
    """That the account would be charged, rounded up."""
    remaining: int
    """Credits that the account has left until they are renewed."""

    @property
    def enough(self) -> bool:
        """Whether the account can pay for it without exceeding its plan."""
        return self.credits <= self.remaining

    def sentence(self) -> str:
        """Return the estimate in words."""
        return (
            f"{self.characters:,} characters, about {self.credits:,} of the {self.remaining:,} "
            f"credits that are left"
        )


class PaidEngine(Protocol):
    """What an engine of `PAID_ENGINES` has beside `SpeechEngine`."""

    def estimate_cost(self, texts: Iterable[str]) -> CostEstimate:
        """Return what it would cost to speak the texts; charges nothing.

        Raises:
            EngineUnavailableError: the account cannot be asked.
        """
        ...


def allowed_engines() -> frozenset[str]:
    """Return the engines that may cost money, as the environment says."""
    return frozenset(filter(None, map(str.strip, os.environ.get(ALLOW_VARIABLE, "").split(","))))


@contextmanager
def paid_allowed(names: Iterable[str]) -> Iterator[None]:
    """Allow these engines too while the block runs, here and in processes that it starts.

    Raises:
        ValueError: a name that is no engine that costs money.
    """
    added = frozenset(names)
    if unknown := sorted(added - set(PAID_ENGINES)):
        raise ValueError(
            f"{', '.join(unknown)} costs nothing or is no engine: consent is for "
            f"{', '.join(PAID_ENGINES)}."
        )
    before = os.environ.get(ALLOW_VARIABLE)
    os.environ[ALLOW_VARIABLE] = ",".join(sorted(allowed_engines() | added))
    try:
        yield
    finally:
        if before is None:
            del os.environ[ALLOW_VARIABLE]
        else:
            os.environ[ALLOW_VARIABLE] = before


def require_consent(name: str) -> None:
    """Raise `EngineUnavailableError` when nobody has agreed to pay for an engine."""
    if name not in allowed_engines():
        raise EngineUnavailableError(
            f"{name} costs money ({PAID_ENGINES[name]}) and is used only when you allow it: "
            f"`--allow-paid {name}`, or {ALLOW_VARIABLE}={name} in the environment."
        )


def check_costs(
    engines: Mapping[str, SpeechEngine], texts: Mapping[str, Sequence[str]]
) -> dict[str, CostEstimate]:
    """Estimate what paid engines would charge, before any of them speaks.

    Args:
        engines: engines by name; those that cost nothing are left out.
        texts: engine name → every text that it is to speak, each as often as it is to be spoken.

    Returns:
        The estimate of each paid engine that has something to speak.

    Raises:
        CostError: an account has not enough left.
        EngineUnavailableError: an account cannot be asked.
    """
    estimates: dict[str, CostEstimate] = {}
    for name in PAID_ENGINES:
        if name not in engines or not texts.get(name):
            continue
        estimate = cast("PaidEngine", engines[name]).estimate_cost(texts[name])
        if not estimate.enough:
            raise CostError(
                f"{name} would need {estimate.sentence()}: nothing was charged. Choose a smaller "
                f"preset, leave {name} out, or wait until its credits are renewed."
            )
        estimates[name] = estimate
    return estimates
