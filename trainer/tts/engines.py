"""A voices folder in, the speech engines that work here out; one line a new engine.

Each engine is imported when it is asked for: its library may be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.tts.base import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from trainer.tts.base import SpeechEngine


def _kokoro(voices_dir: Path) -> SpeechEngine:
    from trainer.tts.kokoro import KokoroEngine  # noqa: PLC0415

    return KokoroEngine(voices_dir / "kokoro")


def _piper(voices_dir: Path) -> SpeechEngine:
    from trainer.tts.piper import PiperEngine  # noqa: PLC0415

    return PiperEngine(voices_dir / "piper")


def _hibari(_voices_dir: Path) -> SpeechEngine:
    from trainer.tts.hibari import HibariEngine  # noqa: PLC0415

    return HibariEngine()


def _nanotts(_voices_dir: Path) -> SpeechEngine:
    from trainer.tts.nanotts import NanoTtsEngine  # noqa: PLC0415

    return NanoTtsEngine()


def _flite(_voices_dir: Path) -> SpeechEngine:
    from trainer.tts.flite import FliteEngine  # noqa: PLC0415

    return FliteEngine()


def _espeak(_voices_dir: Path) -> SpeechEngine:
    from trainer.tts.espeak import EspeakEngine  # noqa: PLC0415

    return EspeakEngine()


def _bark(voices_dir: Path) -> SpeechEngine:
    from trainer.tts.bark import BarkEngine  # noqa: PLC0415

    return BarkEngine(voices_dir / "bark")


def _elevenlabs(_voices_dir: Path) -> SpeechEngine:
    from trainer.tts.elevenlabs import ElevenLabsEngine  # noqa: PLC0415

    return ElevenLabsEngine.of_account()


def _festival(_voices_dir: Path) -> SpeechEngine:
    from trainer.tts.festival import FestivalEngine  # noqa: PLC0415

    return FestivalEngine()


ENGINES: dict[str, Callable[[Path], SpeechEngine]] = {
    "kokoro": _kokoro,
    "piper": _piper,
    "hibari": _hibari,
    "nanotts": _nanotts,
    "flite": _flite,
    "espeak": _espeak,
    "festival": _festival,
    "bark": _bark,
    "elevenlabs": _elevenlabs,
}
"""Engine name → what builds it from the voices folder, or raises `EngineUnavailableError`."""


def available_engines(
    voices_dir: Path, names: Iterable[str] | None = None
) -> tuple[dict[str, SpeechEngine], dict[str, str]]:
    """Build every engine that works here.

    Args:
        voices_dir: the voices folder; it need not exist.
        names: engines to try, all by default.

    Returns:
        The engines by name, and for each other one the reason that it is missing.

    Raises:
        ValueError: a name that is no engine.
    """
    chosen = list(ENGINES if names is None else names)
    unknown = sorted(set(chosen) - set(ENGINES))
    if unknown:
        raise ValueError(
            f"There is no speech engine {', '.join(unknown)}: choose from {', '.join(ENGINES)}."
        )
    engines: dict[str, SpeechEngine] = {}
    reasons: dict[str, str] = {}
    for name in chosen:
        try:
            engines[name] = ENGINES[name](voices_dir)
        except EngineUnavailableError as error:
            reasons[name] = str(error)
    return engines, reasons
