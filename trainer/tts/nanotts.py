"""SVOX Pico through py-nanotts: a text in, 16 kHz speech of one American or British woman out.

Its C code frees what it takes and prints nothing: 700 calls grew the process by less than 5 MB,
all in the first ones. But it reads 2.5 MB of memory that it never cleared, and leftovers in it
changed the waveform, even its length: 2.18 or 2.76 s for one call. `_cleared_memory` cures it.
The seed chooses the pitch.
"""

from __future__ import annotations

import contextlib
import ctypes
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.tts.base import (
    EngineUnavailableError,
    Speech,
    SynthesisError,
    Voice,
    check_request,
)
from trainer.tts.waveform import finish_speech

if TYPE_CHECKING:
    from collections.abc import Iterator

LICENCE = "Apache-2.0"
RATE_HZ = 16_000
VOLUME = 0.5
"""At 1, its default, one sample in a hundred is clipped."""
M_PERTURB = -6
"""From glibc's malloc.h."""
LOWEST_PITCH, HIGHEST_PITCH = 0.8, 1.25


class NanoTtsEngine:
    """The two English voices of SVOX Pico."""

    name = "nanotts"
    licence = LICENCE
    speaks_phonemes = False

    def __init__(self) -> None:
        """Look for the package; `EngineUnavailableError` when it is missing."""
        if find_spec("py_nanotts") is None:
            raise EngineUnavailableError(
                "The package py-nanotts is not installed: `pip install py-nanotts`."
            )

    def voices(self) -> list[Voice]:
        """Return the American and the British voice."""
        return [
            Voice(
                engine=self.name,
                name=name,
                language=name.lower(),
                speaker=name.lower(),
                licence=LICENCE,
            )
            for name in ("en-US", "en-GB")
        ]

    def synthesize(
        self,
        text: str,
        voice: Voice,
        *,
        speed: float = 1.0,
        phonemes: str | None = None,
        seed: int = 0,
    ) -> Speech:
        """Speak `text`; see `SpeechEngine.synthesize`."""
        check_request(self, voice, phonemes, speed)
        if "<" in text or "\0" in text:
            raise SynthesisError(
                f"nanotts takes < for the start of a tag: leave it out of {text!r}."
            )
        drawn = np.random.default_rng(seed).uniform(LOWEST_PITCH, HIGHEST_PITCH)
        pitch = round(float(drawn), 2)
        try:
            with _cleared_memory():
                data = self._synthesizer.speak(
                    text, voice=voice.name, speed=speed, pitch=pitch, volume=VOLUME
                )
        except RuntimeError as error:
            raise SynthesisError(f"nanotts failed on {text!r}: {error}.") from error
        settings: dict[str, object] = {
            "speed": float(speed),
            "pitch": pitch,
            "volume": VOLUME,
            "seed": seed,
        }
        return finish_speech(np.frombuffer(data, dtype="<i2"), RATE_HZ, text, voice, settings)

    def close(self) -> None:
        """Free the synthesiser, which holds nothing between texts."""
        self.__dict__.pop("_synthesizer", None)

    @cached_property
    def _synthesizer(self) -> Any:
        try:
            from py_nanotts import NanoTTS  # noqa: PLC0415 - a native library
        except ImportError as error:
            raise EngineUnavailableError(
                f"py-nanotts cannot be loaded ({error}): install it again."
            ) from error
        return NanoTTS()


@contextlib.contextmanager
def _cleared_memory() -> Iterator[None]:
    """Have glibc hand out zeroed memory while the block runs.

    With M_PERTURB set, malloc fills what it returns with the complement of that byte. Other C
    libraries have no such switch and are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        yield
        return
    mallopt(M_PERTURB, 0xFF)
    try:
        yield
    finally:
        mallopt(M_PERTURB, 0)
