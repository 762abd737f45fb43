"""The contract of a speech engine: a text and a voice in, a checked waveform out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class EngineUnavailableError(RuntimeError):
    """An engine cannot be used here; the message says what is missing and how to get it."""


class SynthesisError(RuntimeError):
    """An engine gave no usable speech for one text; the message says what is wrong with it."""


@dataclass(frozen=True)
class Voice:
    """One way of speaking that an engine offers."""

    engine: str
    """Key of the engine in `trainer.tts.engines.ENGINES`."""
    name: str
    """What the engine needs to speak like this again; unique within the engine."""
    language: str
    """`en-us`, `en-gb`, or `en` for English with a foreign or regional accent."""
    speaker: str
    """Who is behind the voice: the key of splits, read with `parents`. Names joined by `+` when
    several people are behind it; `engine:name` when the person also speaks for another engine."""
    licence: str
    """Licence of the voice's data: an SPDX expression or a plain word."""


@dataclass(frozen=True)
class Speech:
    """What an engine said."""

    waveform: NDArray[np.float32]
    """float32 [samples] in [-1, 1], mono, silence at both ends cut to about 30 ms."""
    rate_hz: int
    text: str
    voice: Voice
    settings: dict[str, object] = field(default_factory=dict)
    """JSON values. Together with text and voice they make the same clip again."""

    @property
    def seconds(self) -> float:
        """Length of the waveform."""
        return len(self.waveform) / self.rate_hz


class SpeechEngine(Protocol):
    """A synthesiser. Building one is cheap; models are loaded with the first sentence.

    An engine is used from one thread. Whoever built it calls `close()`.
    """

    name: str
    licence: str
    speaks_phonemes: bool
    """Whether `synthesize` takes `phonemes`; texts that are no words need such an engine."""

    def voices(self) -> list[Voice]:
        """Return every voice that can be used now, in a stable order."""
        ...

    def synthesize(
        self,
        text: str,
        voice: Voice,
        *,
        speed: float = 1.0,
        phonemes: str | None = None,
        seed: int = 0,
    ) -> Speech:
        """Speak `text`.

        Args:
            text: what to say; kept in the result even when `phonemes` are spoken instead.
            voice: one of `voices()`, or a blend of them where the engine blends.
            speed: 1 is the voice's own pace, 2 is twice as fast; 0.5 to 2.
            phonemes: Kokoro's phoneme symbols to speak instead of `text`.
            seed: chooses the engine's own variation; the same seed gives the same waveform.

        Raises:
            SynthesisError: the engine failed, or what it said is not speech (`check_speech`).
            ValueError: a voice of another engine, or phonemes for an engine that takes none.
        """
        ...

    def close(self) -> None:
        """End processes and free models; the engine starts anew when it is used again."""
        ...


def parents(voice: Voice) -> frozenset[str]:
    """Return the people behind a voice as `engine:name`.

    Two voices may be on different sides of a split only when their parents do not meet: a blend
    has both its parents, a distilled voice has the voice it was distilled from.
    """
    return frozenset(
        name if ":" in name else f"{voice.engine}:{name}" for name in voice.speaker.split("+")
    )


def check_request(engine: SpeechEngine, voice: Voice, phonemes: str | None, speed: float) -> None:
    """Raise `ValueError` when a call to `synthesize` asks for what the engine cannot do."""
    if voice.engine != engine.name:
        raise ValueError(
            f"Voice {voice.name} belongs to the engine {voice.engine}, not to {engine.name}: "
            f"give it to that engine."
        )
    if phonemes is not None and not engine.speaks_phonemes:
        raise ValueError(
            f"{engine.name} speaks texts only: choose an engine with speaks_phonemes for "
            f"the phonemes {phonemes!r}."
        )
    if not 0.5 <= speed <= 2.0:
        raise ValueError(f"Speed {speed} is outside 0.5 to 2.")
