"""Festival, when it is installed: a text in, speech of its diphone and HTS voices out.

Starting the program takes a hundred times as long as a short text, so one process is kept and is
told in Scheme what to say. The seed chooses the pitch of the diphone voices; the HTS voices have
one pitch (their engine takes no other from Festival).
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import threading
import unicodedata
from pathlib import Path

import numpy as np

from trainer.tts.base import EngineUnavailableError, Speech, SynthesisError, Voice, check_request
from trainer.tts.programs import ask_program, find_program, read_speech
from trainer.tts.waveform import finish_speech

LICENCE = "MIT-Festival"
UNKNOWN_LICENCE = "unknown: see the voice's package"
FREE_VOICES = re.compile(r"(kal|ked|rab)_diphone|cmu_us_\w+_arctic\w*")
"""Voices whose packages allow any use; some others forbid a commercial one."""
TIMEOUT_S = 60.0
"""For one text, with the start of the program."""
PITCH_FACTORS = (0.85, 1.2)
"""Times the voice's own pitch."""
_LANGUAGES = {"american": "en-us", "british": "en-gb"}
_ARCTIC = re.compile(r"cmu_us_(\w+?)_arctic")

_LIST_VOICES = """(mapcar (lambda (name)
  (let ((about (cadr (voice.description name))))
    (format t "voice %s %s %s\\n" name
      (cadr (assoc 'language about)) (cadr (assoc 'dialect about)))))
  (voice.list))"""
_VOICE_LINE = re.compile(r"^voice (\S+) (\S+) (\S+)\s*$", re.MULTILINE)


class FestivalEngine:
    """The program `festival` with the English voices that are installed beside it."""

    name = "festival"
    licence = LICENCE
    speaks_phonemes = False

    def __init__(self) -> None:
        """Ask the program for its voices; `EngineUnavailableError` when there is none."""
        self._program = find_program("festival")
        self._process: subprocess.Popen[str] | None = None
        found = _VOICE_LINE.findall(ask_program([self._program, "-b", _LIST_VOICES]))
        self._voices = [
            Voice(
                engine=self.name,
                name=name,
                language=_LANGUAGES.get(dialect, "en"),
                speaker=_speaker(name),
                licence=LICENCE if FREE_VOICES.fullmatch(name) else UNKNOWN_LICENCE,
            )
            for name, language, dialect in sorted(found)
            if language in {"english", "britishenglish", "americanenglish"}
        ]
        if not self._voices:
            raise EngineUnavailableError(
                f"{self._program} has no English voice: `apt-get install festvox-kallpc16k`."
            )

    def voices(self) -> list[Voice]:
        """Return the English voices that are installed."""
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
        """Speak `text`; see `SpeechEngine.synthesize`."""
        check_request(self, voice, phonemes, speed)
        if voice not in self._voices:
            raise SynthesisError(f"Festival has no voice {voice.name}: see `watchword doctor`.")
        settings: dict[str, object] = {"speed": float(speed), "seed": seed}
        if "_hts" in voice.name:
            manner = f'(set! hts_engine_params (cons (list "-r" {speed:.4f}) hts_engine_params))'
        else:
            pitch = round(float(np.random.default_rng(seed).uniform(*PITCH_FACTORS)), 3)
            settings["pitch"] = pitch
            manner = (
                f"(Parameter.set 'Duration_Stretch {1 / speed:.4f})"
                f"(set! int_lr_params (cons (list 'target_f0_mean (* {pitch} "
                f"(cadr (assoc 'target_f0_mean int_lr_params)))) int_lr_params))"
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            said = self._ask(
                f"(begin (voice_{voice.name}) {manner} "
                f"(set! spoken (utt.synth (Utterance Text {_quoted(_readable(text))}))) "
                f"(utt.save.wave spoken {_quoted(str(path))} 'riff))"
            )
            if not path.is_file():
                raise SynthesisError(
                    f"Festival failed on {text!r}: {said or 'it said nothing'}. Leave this text "
                    f"to another engine."
                )
            samples, rate_hz = read_speech(path, self._program)
        return finish_speech(samples, rate_hz, text, voice, settings)

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()  # type: ignore[union-attr]

    def _ask(self, expression: str) -> str:
        """Have an expression evaluated and return what the program said about it.

        Raises:
            SynthesisError: the process ended, or did not answer in time and was ended.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                [self._program, "--pipe"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        said: list[str] = []
        try:
            # An expression of its own: it is reached also when the one before fails.
            process.stdin.write(f'{expression}\n(format t "\\nanswered\\n")(fflush nil)\n')
            process.stdin.flush()
            for line in process.stdout:
                if line.rstrip("\n") == "answered":
                    return " ".join(said)
                said += [line.strip()] if line.strip() else []
        except BrokenPipeError:
            said.append("it does not listen")
        finally:
            timer.cancel()
        self.close()
        raise SynthesisError(f"Festival's process ended: {' '.join(said[-3:]) or 'no word why'}.")


def _speaker(name: str) -> str:
    """Name who speaks: the recordings of the Arctic set are behind flite's and Piper's voices too.

    So are those of kal.
    """
    arctic = _ARCTIC.match(name)
    if arctic:
        return f"flite:{arctic[1]}"
    person = name.partition("_")[0]
    return "flite:kal" if person == "kal" else person


def _readable(text: str) -> str:
    """Write a text in ASCII on one line: Festival takes each byte of another letter for a word."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'").replace("…", "..."))
    return " ".join(plain.encode("ascii", "ignore").decode("ascii").split())


def _quoted(text: str) -> str:
    """Write a Scheme string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
