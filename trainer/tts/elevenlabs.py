"""ElevenLabs over the network: a text in, 16 kHz speech by a voice of the user's account out.

It costs money, so that it exists only with consent (`trainer.tts.paid`). The seed is sent along and
also draws the voice's settings; the service calls its own repeatability a best effort.
"""

from __future__ import annotations

import math
import urllib.parse
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.tts.base import (
    EngineUnavailableError,
    Speech,
    SynthesisError,
    Voice,
    check_request,
)
from trainer.tts.elevenlabs_api import ElevenLabsClient
from trainer.tts.paid import CostEstimate, require_consent
from trainer.tts.secrets import SecretError, find_secret
from trainer.tts.tempo import change_tempo
from trainer.tts.waveform import finish_speech

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.tts.secrets import Secret

NAME = "elevenlabs"
LICENCE = "ElevenLabs terms of service"
KEY = "ELEVENLABS_API_KEY"
MODEL = "eleven_flash_v2_5"
"""It is told the language, which a text of two words does not show, and costs half."""
LANGUAGE = "en"
RATE_HZ = 16_000
OUTPUT_FORMAT = f"pcm_{RATE_HZ}"
"""Little-endian int16 without a header."""
SLOWEST, FASTEST = 0.7, 1.2
"""The service's own pace; what is beyond is stretched here."""
STABILITY = (0.3, 0.7)
"""From lively to even."""
SIMILARITY = (0.6, 0.9)
LONGEST_TEXT = 1_000
"""Characters; longer than any text to train on, so that a mistake does not cost much."""
_LANGUAGES = {"american": "en-us", "british": "en-gb"}
"""By the accent of a voice."""


class ElevenLabsEngine:
    """The voices of an account."""

    name = NAME
    licence = LICENCE
    speaks_phonemes = False

    def __init__(self, client: ElevenLabsClient, *, model: str = MODEL) -> None:
        """Take a client; nothing is asked yet.

        Raises:
            EngineUnavailableError: nobody agreed to pay.
        """
        require_consent(NAME)
        self._client = client
        self._model = model
        self._ended: EngineUnavailableError | None = None

    @classmethod
    def of_account(cls, key: Secret | None = None) -> ElevenLabsEngine:
        """Return the engine of the account whose key is in the environment or a secrets.toml.

        The account is asked for its voices, so that a wrong key is known now.

        Raises:
            EngineUnavailableError: no consent, no key, a wrong one, or no answer.
        """
        require_consent(NAME)
        try:
            key = key or find_secret(KEY)
        except SecretError as error:
            raise EngineUnavailableError(str(error)) from error
        if key is None:
            raise EngineUnavailableError(
                f"ElevenLabs needs the key of your account: set {KEY} in the environment, or "
                f'write {KEY} = "…" into secrets.toml in Watchword\'s home or .streamlit.'
            )
        engine = cls(ElevenLabsClient(key))
        engine.voices()
        return engine

    def voices(self) -> list[Voice]:
        """Return the account's voices by id.

        Raises:
            EngineUnavailableError: the account cannot be asked.
        """
        return list(self._voices)

    def synthesize(
        self,
        text: str,
        voice: Voice,
        *,
        speed: float = 1.0,
        phonemes: str | None = None,
        seed: int = 0,
    ) -> Speech:
        """Speak `text`, which is charged; see `SpeechEngine.synthesize`.

        Raises:
            EngineUnavailableError: nobody agreed to pay, or the account cannot be used any more;
                then nothing is sent again before `close()`.
        """
        require_consent(NAME)
        check_request(self, voice, phonemes, speed)
        if self._ended is not None:
            raise EngineUnavailableError(str(self._ended))
        _check_text(text)
        rng = np.random.default_rng(seed)
        pace = min(max(speed, SLOWEST), FASTEST)
        voice_settings = {
            "stability": round(float(rng.uniform(*STABILITY)), 2),
            "similarity_boost": round(float(rng.uniform(*SIMILARITY)), 2),
            "speed": float(pace),
        }
        path = f"/v1/text-to-speech/{urllib.parse.quote(voice.name, safe='')}"
        body = {
            "text": text,
            "model_id": self._model,
            "language_code": LANGUAGE,
            "voice_settings": voice_settings,
            "seed": seed % 2**32,
        }
        try:
            answer = self._client.post(f"{path}?output_format={OUTPUT_FORMAT}", body, rng)
        except EngineUnavailableError as error:
            self._ended = error
            raise
        samples = _read_pcm(answer.body, answer.content_type, text)
        stretch = speed / pace
        waveform = change_tempo(samples, RATE_HZ, stretch)
        settings: dict[str, object] = {
            "model": self._model,
            "speed": float(speed),
            "stretch": round(stretch, 4),
            "stability": voice_settings["stability"],
            "similarity_boost": voice_settings["similarity_boost"],
            "seed": seed,
        }
        return finish_speech(waveform, RATE_HZ, text, voice, settings)

    def estimate_cost(self, texts: Iterable[str]) -> CostEstimate:
        """Return what it would cost to speak the texts; the account is asked, nothing is charged.

        A model whose price the account does not tell counts one credit a character.

        Raises:
            EngineUnavailableError: the account cannot be asked.
        """
        require_consent(NAME)
        characters = sum(map(len, texts))
        left = self._ask("/v1/user/subscription")
        try:
            remaining = max(0, int(left["character_limit"]) - int(left["character_count"]))
        except (KeyError, TypeError, ValueError) as error:
            raise EngineUnavailableError(
                "ElevenLabs does not say how many credits are left, so that nothing is spent."
            ) from error
        return CostEstimate(characters, math.ceil(characters * self._price), remaining)

    def close(self) -> None:
        """Forget what was asked; the account is asked again when the engine is used again."""
        self.__dict__.pop("_voices", None)
        self.__dict__.pop("_price", None)
        self._ended = None

    @cached_property
    def _voices(self) -> list[Voice]:
        answer = self._ask("/v1/voices")
        listed = answer.get("voices") if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise EngineUnavailableError("ElevenLabs listed no voices: its answer has changed.")
        voices = {v.name: v for entry in listed if (v := _read_voice(entry)) is not None}
        return [voices[name] for name in sorted(voices)]

    @cached_property
    def _price(self) -> float:
        """Credits for one character."""
        answer = self._ask("/v1/models")
        models = answer if isinstance(answer, list) else []
        entry = next(
            (m for m in models if isinstance(m, dict) and m.get("model_id") == self._model), {}
        )
        rates = entry.get("model_rates")
        price = rates.get("character_cost_multiplier") if isinstance(rates, dict) else None
        return float(price) if isinstance(price, int | float) and price > 0 else 1.0

    def _ask(self, path: str) -> Any:
        require_consent(NAME)
        return self._client.get(path, np.random.default_rng(0))


def _check_text(text: str) -> None:
    if "<" in text:
        raise SynthesisError(
            f"ElevenLabs takes < for the start of a tag: leave it out of {text!r}."
        )
    if not any(letter.isalnum() for letter in text):
        raise SynthesisError(f"There is nothing to speak in {text!r}: give words.")
    if len(text) > LONGEST_TEXT:
        raise SynthesisError(
            f"{text[:40]!r}… has {len(text)} characters and {LONGEST_TEXT} are sent at most: "
            f"split the text."
        )


def _read_voice(entry: object) -> Voice | None:
    """Return the voice of an entry of the account's list, or None for one without an id.

    A voice from the library names the one that it is a copy of; both are the same person.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("voice_id"), str):
        return None
    labels, sharing = entry.get("labels"), entry.get("sharing")
    accent = labels.get("accent") if isinstance(labels, dict) else None
    original = sharing.get("original_voice_id") if isinstance(sharing, dict) else None
    return Voice(
        engine=NAME,
        name=entry["voice_id"],
        language=_LANGUAGES.get(str(accent).strip().lower(), "en"),
        speaker=str(original or entry["voice_id"]),
        licence=LICENCE,
    )


def _read_pcm(body: bytes, content_type: str, text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return float32 [samples] of raw PCM, or raise `SynthesisError` for another format."""
    compressed = body[:3] == b"ID3" or body[:4] in {b"RIFF", b"OggS", b"fLaC"}
    if compressed or content_type in {"audio/mpeg", "application/json", "text/html"}:
        raise SynthesisError(
            f"ElevenLabs sent {content_type} in place of {OUTPUT_FORMAT} for {text!r}: the "
            f"account's plan may not include this format."
        )
    if len(body) % 2:
        raise SynthesisError(f"ElevenLabs sent half a sample for {text!r}: it was cut off.")
    return np.frombuffer(body, dtype="<i2").astype(np.float32) / np.float32(32768)
