"""Flite, when it is installed: a text in, small concatenative and statistical voices out."""

from __future__ import annotations

from trainer.tts.base import EngineUnavailableError, Speech, Voice, check_request
from trainer.tts.programs import ask_program, find_program, speak_to_wav
from trainer.tts.waveform import finish_speech

LICENCE = "MIT-Festival"
NO_SPEAKER = frozenset({"awb_time"})
"""A talking clock: it says times and nothing else."""
_SPEAKERS = {"kal16": "kal"}
_LANGUAGES = {"awb": "en"}
"""Awb is Scottish; the others are American."""


class FliteEngine:
    """The Debian program `flite`; a process for each text, and the same text sounds the same."""

    name = "flite"
    licence = LICENCE
    speaks_phonemes = False

    def __init__(self) -> None:
        """Ask the program for its voices; `EngineUnavailableError` when there is none."""
        self._program = find_program("flite")
        answer = ask_program([self._program, "-lv"])
        names = answer.partition(":")[2].split()
        self._names = [name for name in names if name not in NO_SPEAKER]
        if not self._names:
            raise EngineUnavailableError(
                f"{self._program} has no voices: install flite from your distribution."
            )

    def voices(self) -> list[Voice]:
        """Return the voices that are compiled into the program."""
        return [
            Voice(
                engine=self.name,
                name=name,
                language=_LANGUAGES.get(name, "en-us"),
                speaker=_SPEAKERS.get(name, name),
                licence=LICENCE,
            )
            for name in self._names
        ]

    def synthesize(
        self,
        text: str,
        voice: Voice,
        *,
        speed: float = 1.0,
        phonemes: str | None = None,
        seed: int = 0,  # noqa: ARG002 - flite has no variation
    ) -> Speech:
        """Speak `text`; see `SpeechEngine.synthesize`."""
        check_request(self, voice, phonemes, speed)
        stretch = f"duration_stretch={1.0 / speed:.4f}"
        samples, rate_hz = speak_to_wav(
            [self._program, "-voice", voice.name, "--setf", stretch, "-t", text], "-o"
        )
        return finish_speech(samples, rate_hz, text, voice, {"speed": float(speed)})

    def close(self) -> None:
        """Nothing stays open between texts."""
