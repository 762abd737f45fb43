"""Kokoro-82M through onnxruntime: phonemes and a style vector in, 24 kHz speech out.

The call is that of the int8 export: tokens int64 [1, n + 2] padded with 0 at both ends, style
float32 [1, 256] chosen by n, speed float32 [1]. It has no random part.
"""

from __future__ import annotations

import json
from functools import cache, cached_property, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.pronunciation import phonemes as read_text
from trainer.tts.base import (
    EngineUnavailableError,
    Speech,
    SynthesisError,
    Voice,
    check_request,
)
from trainer.tts.blends import blend, parse_blend
from trainer.tts.waveform import finish_speech

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MODEL_FILE = "kokoro-v1.0.int8.onnx"
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

    def __init__(self, folder: Path) -> None:
        """Look at `folder` (the model and `styles/*.bin`); the model is loaded later.

        Raises:
            EngineUnavailableError: a file is missing.
        """
        self._folder = folder
        missing = [] if (folder / MODEL_FILE).is_file() else [MODEL_FILE]
        self._names = sorted(path.stem for path in (folder / "styles").glob("*.bin"))
        if not set(self._names) - BROKEN_VOICES:
            missing.append("styles/*.bin")
        if missing:
            raise EngineUnavailableError(
                f"Kokoro's {', '.join(missing)} not found in {folder}: run `watchword voices`."
            )

    def voices(self) -> list[Voice]:
        """Return the plain voices, by name; blends are made of them with `blend`."""
        return [self.voice(name) for name in self._names if name not in BROKEN_VOICES]

    def voice(self, name: str) -> Voice:
        """Return the voice of a name, plain or blended, for example from a stored clip.

        Raises:
            ValueError: there is no such voice.
        """
        parts = []
        for part in parse_blend(name):
            if part not in self._names or part in BROKEN_VOICES:
                raise ValueError(f"Kokoro has no voice {part!r}: see `watchword doctor`.")
            parts.append(
                Voice(
                    engine=self.name,
                    name=part,
                    language=_LANGUAGES.get(part[0], "en"),
                    speaker=SAME_PERSON.get(part, part),
                    licence=LICENCE,
                )
            )
        if len(parts) == 1:
            return parts[0]
        first, second = parts
        return blend(first, second, parse_blend(name)[first.name])

    def synthesize(
        self,
        text: str,
        voice: Voice,
        *,
        speed: float = 1.0,
        phonemes: str | None = None,
        seed: int = 0,  # noqa: ARG002 - nothing in the model is random
    ) -> Speech:
        """Speak `text`, or `phonemes` in its place; see `SpeechEngine.synthesize`.

        At most 510 phoneme symbols, about half a minute.
        """
        check_request(self, voice, phonemes, speed)
        british = voice.language == "en-gb"
        symbols = read_text(text, british=british) if phonemes is None else phonemes
        tokens = self._tokens(symbols, text)
        style = self._style(voice.name)[min(len(tokens), STYLE_SHAPE[0] - 1)]
        (samples,) = self._session.run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
                "style": style,
                "speed": np.array([speed], dtype=np.float32),
            },
        )
        settings: dict[str, object] = {
            "model": MODEL_FILE,
            "phonemes": symbols,
            "speed": float(speed),
        }
        return finish_speech(samples, RATE_HZ, text, voice, settings)

    def close(self) -> None:
        """Free the model."""
        self.__dict__.pop("_session", None)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime  # noqa: PLC0415 - heavy

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = self._folder / MODEL_FILE
        try:
            return onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own classes share no narrower base
            raise EngineUnavailableError(
                f"{path} cannot be loaded ({error}): delete it and run `watchword voices`."
            ) from error

    def _tokens(self, symbols: str, text: str) -> list[int]:
        vocabulary = _vocabulary()
        unknown = sorted(set(symbols) - set(vocabulary))
        if unknown:
            raise SynthesisError(
                f"Kokoro has no token for {' '.join(unknown)} in {symbols!r} ({text!r})."
            )
        if not any(symbol.isalpha() for symbol in symbols):
            raise SynthesisError(f"There is nothing to speak in {text!r}: give words.")
        if len(symbols) > STYLE_SHAPE[0]:
            raise SynthesisError(
                f"{text[:40]!r}… has {len(symbols)} phoneme symbols and Kokoro takes "
                f"{STYLE_SHAPE[0]}: split the text."
            )
        return [vocabulary[symbol] for symbol in symbols]

    def _style(self, name: str) -> NDArray[np.float32]:
        """Return the styles of a plain or blended voice, float32 [510, 1, 256]."""
        parts = parse_blend(name).items()
        return np.asarray(
            sum(np.float32(weight) * _read_style(self._style_path(part)) for part, weight in parts)
        )

    def _style_path(self, name: str) -> Path:
        path = self._folder / "styles" / f"{name}.bin"
        if not path.is_file():
            raise SynthesisError(f"Kokoro's voice {name} is not in {path.parent}.")
        return path


@cache
def _vocabulary() -> dict[str, int]:
    """Return Kokoro's 114 symbols and their tokens; hibari, which reads the texts, has them."""
    path = resources.files("hibari") / "assets" / "vocab.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


@lru_cache(maxsize=64)
def _read_style(path: Path) -> NDArray[np.float32]:
    values = np.fromfile(path, dtype="<f4")
    if values.size != np.prod(STYLE_SHAPE):
        raise EngineUnavailableError(
            f"{path} is not a Kokoro style ({values.size} values instead of "
            f"{np.prod(STYLE_SHAPE)}): delete it and run `watchword voices`."
        )
    return values.reshape(STYLE_SHAPE)
