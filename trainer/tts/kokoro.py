"""Kokoro-82M: a text or phonemes and a voice or a blend of two in, 24 kHz speech out.

A voice is a file of style vectors, one for each number of tokens; the model is one of
`trainer.tts.kokoro_model`.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from trainer.pronunciation import phonemes as read_text
from trainer.tts.base import (
    EngineUnavailableError,
    Speech,
    SynthesisError,
    Voice,
    check_request,
)
from trainer.tts.blends import find_voice, parse_blend
from trainer.tts.kokoro_model import MOST_TOKENS, choose_model
from trainer.tts.waveform import finish_speech

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

STYLE_SHAPE = (510, 1, 256)
"""Styles by number of tokens, batch, width."""
RATE_HZ = 24_000
LICENCE = "Apache-2.0"

BROKEN_VOICES = frozenset({"zf_xiaobei", "zf_xiaoxiao", "pm_santa"})
"""They speak no intelligible English."""
SAME_PERSON = {
    "pm_alex": "em_alex",
    "pf_dora": "ef_dora",
    "em_santa": "am_santa",
    "jf_nezumi": "jf_gongitsune",
}
"""Voices that sound like another one: the timbre halves of their styles have a cosine above 0.92
(0.82 for the two of the name santa). They share a speaker, so that no split tears them apart."""

_LANGUAGES = {"a": "en-us", "b": "en-gb"}
"""By the first letter of a voice's name; the others speak English with an accent."""


class KokoroEngine:
    """The main engine: 51 voices of which 28 are English, and convex blends of any two."""

    name = "kokoro"
    licence = LICENCE
    speaks_phonemes = True

    def __init__(self, folder: Path, choice: str | None = None) -> None:
        """Look for a model and for voices; the model is loaded later.

        Args:
            folder: `kokoro` in the voices folder: a model, and `styles/*.bin` or `voices/*.pt`.
            choice: which model; see `choose_model`.

        Raises:
            EngineUnavailableError: a model or the voices are missing.
        """
        self._model = choose_model(folder, choice)
        self._styles = {
            path.stem: path
            for pattern in (
                self._model.folder.glob("voices/*.pt"),
                folder.glob("voices/*.pt"),
                folder.glob("styles/*.bin"),
            )
            for path in sorted(pattern)
            if path.stem not in BROKEN_VOICES
        }
        if not self._styles:
            raise EngineUnavailableError(
                f"Kokoro's styles/*.bin are not in {folder}: run `watchword voices`."
            )

    def voices(self) -> list[Voice]:
        """Return the plain voices, by name; blends are made of them with `blend`."""
        return list(self._plain.values())

    def voice(self, name: str) -> Voice:
        """Return the voice of a name, plain or blended, for example from a stored clip.

        Raises:
            ValueError: there is no such voice.
        """
        return find_voice(name, self._plain)

    def can_blend(self, a: Voice, b: Voice) -> bool:
        """Return whether there is a voice between these two: between any two plain ones."""
        return a.name != b.name and {a.name, b.name} <= self._plain.keys()

    @cached_property
    def _plain(self) -> dict[str, Voice]:
        return {
            name: Voice(
                engine=self.name,
                name=name,
                language=_LANGUAGES.get(name[0], "en"),
                speaker=SAME_PERSON.get(name, name),
                licence=LICENCE,
            )
            for name in sorted(self._styles)
        }

    def synthesize(
        self,
        text: str,
        voice: Voice,
        *,
        speed: float = 1.0,
        phonemes: str | None = None,
        seed: int = 0,
    ) -> Speech:
        """Speak `text`, or `phonemes` in its place; see `SpeechEngine.synthesize`.

        At most 510 phoneme symbols, about half a minute.
        """
        check_request(self, voice, phonemes, speed)
        british = voice.language == "en-gb"
        symbols = read_text(text, british=british) if phonemes is None else phonemes
        tokens = self._tokens(symbols, text)
        style = self._style(voice.name)[min(len(tokens), STYLE_SHAPE[0] - 1)]
        samples = self._model.speak(tokens, style, speed, seed)
        settings: dict[str, object] = {
            "model": self._model.name,
            "phonemes": symbols,
            "speed": float(speed),
            "seed": seed,
        }
        return finish_speech(samples, RATE_HZ, text, voice, settings)

    def close(self) -> None:
        """Free the model."""
        self._model.close()

    def _tokens(self, symbols: str, text: str) -> list[int]:
        vocabulary = self._model.vocabulary
        unknown = sorted(set(symbols) - set(vocabulary))
        if unknown:
            raise SynthesisError(
                f"Kokoro has no token for {' '.join(unknown)} in {symbols!r} ({text!r})."
            )
        if not any(symbol.isalpha() for symbol in symbols):
            raise SynthesisError(f"There is nothing to speak in {text!r}: give words.")
        if len(symbols) > MOST_TOKENS:
            raise SynthesisError(
                f"{text[:40]!r}… has {len(symbols)} phoneme symbols and Kokoro takes "
                f"{MOST_TOKENS}: split the text."
            )
        return [vocabulary[symbol] for symbol in symbols]

    def _style(self, name: str) -> NDArray[np.float32]:
        """Return the styles of a plain or blended voice, float32 [510, 1, 256]."""
        total = np.zeros(STYLE_SHAPE, np.float32)
        for part, weight in parse_blend(name).items():
            if part not in self._styles:
                raise SynthesisError(f"Kokoro's voice {part} is not here: see `watchword doctor`.")
            total += np.float32(weight) * _read_style(self._styles[part])
        return total


@lru_cache(maxsize=64)
def _read_style(path: Path) -> NDArray[np.float32]:
    values = _read_tensor(path) if path.suffix == ".pt" else np.fromfile(path, dtype="<f4")
    if values.size != np.prod(STYLE_SHAPE):
        raise EngineUnavailableError(
            f"{path} is not a Kokoro style ({values.size} values instead of "
            f"{np.prod(STYLE_SHAPE)}): delete it and run `watchword voices`."
        )
    return values.reshape(STYLE_SHAPE)


def _read_tensor(path: Path) -> NDArray[np.float32]:
    """Return the one tensor of a `.pt` file, float32."""
    import pickle  # noqa: PLC0415 - only its error; torch reads nothing but weights

    import torch  # noqa: PLC0415 - heavy

    try:
        tensor = torch.load(path, map_location="cpu", weights_only=True)
        return np.asarray(tensor.float().numpy(), dtype=np.float32)
    except (RuntimeError, AttributeError, pickle.UnpicklingError, EOFError) as error:
        raise EngineUnavailableError(
            f"{path} is not a Kokoro style ({error}): delete it and fetch it again."
        ) from error
