"""eSpeak NG, when it is installed: a text in, formant speech in many robotic voices out.

It is under the GPL and only run as a program. The seed chooses the pitch.
"""

from __future__ import annotations

import re

import numpy as np

from trainer.tts.base import EngineUnavailableError, Speech, Voice, check_request
from trainer.tts.programs import ask_program, find_program, speak_to_wav
from trainer.tts.waveform import finish_speech

LICENCE = "GPL-3.0-or-later"
LANGUAGES = ("en-us", "en-gb")
WORDS_PER_MINUTE = 175
LOWEST_PITCH, HIGHEST_PITCH = 30, 70
"""Of 0 to 99; 50 is a variant's own."""
NO_VOICE = frozenset({"whisper", "whisperf"})
"""They whisper: nobody calls a device like this."""
_VARIANT = re.compile(r"!v/(\S+)\s*$", re.MULTILINE)


class EspeakEngine:
    """The Debian program `espeak-ng`; a voice is a language with a variant, like `en-us+f3`."""

    name = "espeak"
    licence = LICENCE
    speaks_phonemes = False

    def __init__(self) -> None:
        """Ask the program for its variants; `EngineUnavailableError` when there is none."""
        self._program = find_program("espeak-ng")
        found = _VARIANT.findall(ask_program([self._program, "--voices=variant"]))
        self._variants = sorted(set(found) - NO_VOICE)
        if not self._variants:
            raise EngineUnavailableError(
                f"{self._program} has no variants: install espeak-ng-data from your distribution."
            )

    def voices(self) -> list[Voice]:
        """Return each variant in American and British English."""
        return [
            Voice(
                engine=self.name,
                name=f"{language}+{variant}",
                language=language,
                speaker=_speaker(variant),
                licence=LICENCE,
            )
            for variant in self._variants
            for language in LANGUAGES
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
        pitch = int(np.random.default_rng(seed).integers(LOWEST_PITCH, HIGHEST_PITCH + 1))
        words_per_minute = round(WORDS_PER_MINUTE * speed)
        samples, rate_hz = speak_to_wav(
            [
                *(self._program, "-v", voice.name, "-s", str(words_per_minute)),
                *("-p", str(pitch), "-z", "-b", "1", "--stdin"),
            ],
            "-w",
            text,
        )
        settings: dict[str, object] = {"speed": float(speed), "pitch": pitch, "seed": seed}
        return finish_speech(samples, rate_hz, text, voice, settings)

    def close(self) -> None:
        """Nothing stays open between texts."""


def _speaker(variant: str) -> str:
    """Numbered versions of a named variant (steph, steph2) are one speaker; m1 and m2 are two."""
    return variant if len(variant) <= 2 else variant.rstrip("0123456789").lower()
