"""hibari, a small distillation of Kokoro voices: phonemes in, 24 kHz speech out, very quickly."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainer.pronunciation import phonemes as read_text
from trainer.tts.base import (
    EngineUnavailableError,
    Speech,
    SynthesisError,
    Voice,
    check_request,
)
from trainer.tts.waveform import finish_speech

LICENCE = "Apache-2.0"
RATE_HZ = 24_000


class HibariEngine:
    """The voice in the package, and those that the user has fetched with `hibari` itself.

    A voice is somebody's Kokoro voice: its speaker carries Kokoro's name.
    """

    name = "hibari"
    licence = LICENCE
    speaks_phonemes = True

    def __init__(self) -> None:
        """Look for the package; `EngineUnavailableError` when it is missing."""
        if find_spec("hibari") is None:
            raise EngineUnavailableError(
                "The package hibari-tts is not installed: `pip install hibari-tts`."
            )

    def voices(self) -> list[Voice]:
        """Return the voices whose models are on this machine."""
        from hibari.voices import VOICES, voice_path  # noqa: PLC0415 - loads onnxruntime

        found = []
        for name, entry in VOICES.items():
            try:
                path = Path(voice_path(name, download_missing=False))
            except FileNotFoundError:
                continue
            if path.is_file():
                found.append(
                    Voice(
                        engine=self.name,
                        name=name,
                        language=entry["language"].lower(),
                        speaker=f"kokoro:{entry['kokoro']}",
                        licence=LICENCE,
                    )
                )
        return found

    def synthesize(
        self,
        text: str,
        voice: Voice,
        *,
        speed: float = 1.0,
        phonemes: str | None = None,
        seed: int = 0,
    ) -> Speech:
        """Speak `text`, or `phonemes` in its place; see `SpeechEngine.synthesize`."""
        check_request(self, voice, phonemes, speed)
        british = voice.language == "en-gb"
        symbols = read_text(text, british=british) if phonemes is None else phonemes
        model = _model(voice.name)
        unknown = sorted(set(symbols) - set(model.vocab))
        if unknown:
            raise SynthesisError(
                f"hibari has no token for {' '.join(unknown)} in {symbols!r} ({text!r})."
            )
        samples = model.from_phonemes(symbols, speed, seed)
        settings: dict[str, object] = {"phonemes": symbols, "speed": float(speed), "seed": seed}
        return finish_speech(samples, RATE_HZ, text, voice, settings)

    def close(self) -> None:
        """Free the models."""
        _model.cache_clear()


@lru_cache(maxsize=8)
def _model(name: str) -> Any:
    from hibari import Hibari  # noqa: PLC0415 - loads onnxruntime

    return Hibari(name, threads=1)
