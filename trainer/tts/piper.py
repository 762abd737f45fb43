"""Piper from the outside: a text and a voice file in, speech from `piper_worker`'s process out.

The voices are the `.onnx` files with their `.onnx.json` in the folder `piper` of the voices folder;
any English Piper voice can be put there. The seed chooses the noise and how much of it there is.
"""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
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
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

LICENCE = "GPL-3.0-or-later"
WORKER = Path(__file__).with_name("piper_worker.py")
TIMEOUT_S = 120.0
"""For one text, with the loading of its voice."""
NOISE_SCALES = (0.45, 0.85)
"""Around Piper's own 0.667."""
NOISE_WS = (0.5, 1.0)
"""Around Piper's own 0.8: how much durations vary."""
UNKNOWN_LICENCE = "unknown: see the voice's model card"

_IPA = str.maketrans(
    {
        "A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "ʤ": "dʒ", "ʧ": "tʃ",
        "ᵊ": "ə", "T": "ɾ", "ʣ": "dz", "ʦ": "ts",
    }
)  # fmt: skip
"""Kokoro's single symbols for what Piper's espeak writes with two."""


class PiperEngine:
    """Every Piper voice in a folder; the process is kept warm and started again once if it dies."""

    name = "piper"
    licence = LICENCE
    speaks_phonemes = True

    def __init__(self, folder: Path, command: Sequence[str] | None = None) -> None:
        """Read the voices' descriptions.

        Args:
            folder: where the voices are.
            command: starts the worker; by default this Python with `piper_worker.py`.

        Raises:
            EngineUnavailableError: piper-tts or a voice is missing.
        """
        if command is None and find_spec("piper") is None:
            raise EngineUnavailableError(
                "The package piper-tts (GPL) is not installed. It is optional: "
                "`pip install piper-tts`."
            )
        # -P: the worker's folder holds our piper.py, which must not hide the package.
        self._command = tuple(command or (sys.executable, "-P", str(WORKER)))
        self._folder = folder
        self._configs = _read_configs(folder)
        if not self._configs:
            raise EngineUnavailableError(
                f"There is no English Piper voice in {folder}: run `watchword voices`, or put a "
                f"voice's .onnx and .onnx.json there."
            )
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the engine

    def voices(self) -> list[Voice]:
        """Return one voice for each file, or for each speaker of a file that has several."""
        found = []
        for stem, config in self._configs.items():
            language = "en-gb" if config["espeak"]["voice"].startswith("en-gb") else "en-us"
            dataset = stem.split("-")[1] if stem.count("-") >= 2 else stem
            speakers = [""] if config["num_speakers"] == 1 else sorted(config["speaker_id_map"])
            licence = _licence(self._folder / f"{stem}.MODEL_CARD")
            found += [
                Voice(
                    engine=self.name,
                    name=f"{stem}#{speaker}" if speaker else stem,
                    language=language,
                    speaker=_person(dataset, speaker),
                    licence=licence,
                )
                for speaker in speakers
            ]
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
        stem, _, speaker = voice.name.partition("#")
        if stem not in self._configs:
            raise SynthesisError(f"Piper's voice {stem} is not in {self._folder}.")
        config = self._configs[stem]
        inference = config.get("inference", {})
        rng = np.random.default_rng(seed)
        how: dict[str, object] = {
            "length_scale": round(float(inference.get("length_scale", 1.0)) / speed, 4),
            "noise_scale": round(float(rng.uniform(*NOISE_SCALES)), 3),
            "noise_w": round(float(rng.uniform(*NOISE_WS)), 3),
            "seed": seed,
        }
        said = text if phonemes is None else f"[[ {phonemes.translate(_IPA)} ]]"
        samples, rate_hz = self._ask(
            {
                "model": str(self._folder / f"{stem}.onnx"),
                "text": said,
                "speaker": config["speaker_id_map"][speaker] if speaker else None,
                **how,
            }
        )
        settings = {"speed": float(speed), **how}
        if phonemes is not None:
            settings["phonemes"] = phonemes
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

    def _ask(self, request: dict[str, Any]) -> tuple[np.ndarray, int]:
        """Send a request; when the process dies, start it again once and send it once more."""
        for attempt in (1, 2):
            if self._process is None:
                self._start()
            header, body = self._exchange(request)
            if header is not None:
                if "error" in header:
                    raise SynthesisError(f"Piper failed on {request['text']!r}: {header['error']}")
                return np.frombuffer(body, dtype="<i2"), int(header["rate_hz"])
            logger.warning("Piper's process died (attempt %d): %s", attempt, self._last_words())
            self.close()
        raise SynthesisError(
            f"Piper's process died twice on {request['text']!r}: {self._last_words()}"
        )

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        header, _ = self._exchange(None)
        if header is None or "error" in header:
            reason = self._last_words() if header is None else header["error"]
            self.close()
            raise EngineUnavailableError(f"Piper's process does not start: {reason}")

    def _exchange(self, request: dict[str, Any] | None) -> tuple[dict[str, Any] | None, bytes]:
        """Send a request, if any, and read an answer; its header is None when the process died."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        try:
            if request is not None:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            line = process.stdout.readline()
            header = json.loads(line) if line.endswith(b"\n") else None
            length_bytes = 2 * int(header.get("samples", 0)) if header else 0
            body = process.stdout.read(length_bytes)
        except (BrokenPipeError, ValueError):
            return None, b""
        finally:
            timer.cancel()
        return (header, body) if len(body) == length_bytes else (None, b"")

    def _last_words(self) -> str:
        """What the process last wrote to its standard error."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return " ".join(lines[-3:]) or "it said nothing"


def _read_configs(folder: Path) -> dict[str, dict[str, Any]]:
    """Return name → description of each English voice whose model is there, by name."""
    found = {}
    for path in sorted(folder.glob("*.onnx.json")):
        stem = path.name.removesuffix(".onnx.json")
        if not path.with_suffix("").is_file():
            continue
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            spoken = str(config["espeak"]["voice"])
            config.setdefault("speaker_id_map", {})
            config["num_speakers"] = int(config["num_speakers"])
        except (ValueError, LookupError, TypeError) as error:
            logger.warning("%s is not a Piper voice's description (%r): left out", path, error)
            continue
        if spoken.startswith("en"):
            found[stem] = config
        else:
            logger.info("%s speaks %s: left out", path, spoken)
    return found


def _licence(card: Path) -> str:
    """Read the licence out of a voice's model card, which lies beside it as `<name>.MODEL_CARD`."""
    if card.is_file():
        for line in card.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.strip("* ").partition(":")
            if key.strip().lower() in {"license", "licence"} and value.strip():
                return value.strip()
    return UNKNOWN_LICENCE


def _person(dataset: str, speaker: str) -> str:
    """Name who speaks: a data set's only speaker has its name, the quality does not matter."""
    if dataset == "arctic":  # the same recordings are behind flite's awb, rms and slt
        return f"flite:{speaker}"
    name = f"{dataset}#{speaker}" if speaker else dataset
    return name.replace("+", "_").replace(":", "_")
