"""Piper from the outside: a text and a voice file in, speech from `piper_worker`'s process out.

The voices are the `.onnx` files with their `.onnx.json` in the folder `piper` of the voices folder;
any English Piper voice can be put there. The seed chooses the noise, how much of it there is, and a
pace near the one that was asked for. Two people of one file can be blended.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from functools import cached_property
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
from trainer.tts.blends import find_voice, parse_blend
from trainer.tts.piper_graph import speakers_in_table
from trainer.tts.waveform import finish_speech

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

LICENCE = "GPL-3.0-or-later"
WORKER = "trainer.tts.piper_worker"
ROOT = str(Path(__file__).parents[2])
"""Where the worker finds its own modules."""
TIMEOUT_S = 120.0
"""For one text, with the loading of its voice."""
NOISE_SCALES = (0.45, 0.85)
"""Around Piper's own 0.667."""
NOISE_WS = (0.5, 1.0)
"""Around Piper's own 0.8: how much durations vary."""
LENGTHS = (0.94, 1.06)
"""Times the length that the speed asks for: nobody says a thing twice at one pace."""
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
            command: starts the worker; by default this Python with `piper_worker`.

        Raises:
            EngineUnavailableError: piper-tts or a voice is missing.
        """
        if command is None and find_spec("piper") is None:
            raise EngineUnavailableError(
                "The package piper-tts (GPL) is not installed. It is optional: "
                "`pip install piper-tts`."
            )
        self._command = tuple(command or (sys.executable, "-P", "-m", WORKER))
        self._folder = folder
        self._configs = _read_configs(folder)
        if not self._configs:
            raise EngineUnavailableError(
                f"There is no English Piper voice in {folder}: run `watchword voices`, or put a "
                f"voice's .onnx and .onnx.json there."
            )
        self._tables: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the engine

    def voices(self) -> list[Voice]:
        """Return one voice for each file, or for each speaker of a file that has several."""
        return list(self._plain.values())

    def voice(self, name: str) -> Voice:
        """Return the voice of a name, plain or blended, for example from a stored clip.

        Raises:
            ValueError: there is no such voice.
        """
        return find_voice(name, self._plain)

    def can_blend(self, a: Voice, b: Voice) -> bool:
        """Return whether there is a voice between these two: two people of one file, mostly.

        A file is opened once to see whether it looks its speakers up in a table of vectors.
        """
        stems = {voice.name.partition("#")[0] for voice in (a, b)}
        if a.name == b.name or len(stems) > 1 or not {a.name, b.name} <= self._plain.keys():
            return False
        if any(mark in a.name + b.name for mark in "*+"):
            return False
        (stem,) = stems
        if stem not in self._tables:
            try:
                self._tables[stem] = speakers_in_table(self._folder / f"{stem}.onnx")
            except ValueError as error:
                logger.warning("%s", error)
                self._tables[stem] = 0
        return self._tables[stem] > 1

    @cached_property
    def _plain(self) -> dict[str, Voice]:
        found = {}
        for stem, config in self._configs.items():
            language = "en-gb" if config["espeak"]["voice"].startswith("en-gb") else "en-us"
            dataset = stem.split("-")[1] if stem.count("-") >= 2 else stem
            licence = _licence(self._folder / f"{stem}.MODEL_CARD")
            for speaker in sorted(config["speaker_id_map"]) or [""]:
                name = f"{stem}#{speaker}" if speaker else stem
                found[name] = Voice(
                    engine=self.name,
                    name=name,
                    language=language,
                    speaker=_person(dataset, speaker),
                    licence=licence,
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
        parts = [
            (*name.partition("#")[::2], share) for name, share in parse_blend(voice.name).items()
        ]
        stem = parts[0][0]
        if stem not in self._configs:
            raise SynthesisError(f"Piper's voice {stem} is not in {self._folder}.")
        config = self._configs[stem]
        rng = np.random.default_rng(seed)
        noise_scale, noise_w, stretch = (
            float(rng.uniform(*limits)) for limits in (NOISE_SCALES, NOISE_WS, LENGTHS)
        )
        own_length = float(config.get("inference", {}).get("length_scale", 1.0))
        how: dict[str, object] = {
            "length_scale": round(own_length * stretch / speed, 4),
            "noise_scale": round(noise_scale, 3),
            "noise_w": round(noise_w, 3),
            "seed": seed,
        }
        ids = config["speaker_id_map"]
        samples, rate_hz = self._ask(
            {
                "model": str(self._folder / f"{stem}.onnx"),
                "text": text if phonemes is None else f"[[ {phonemes.translate(_IPA)} ]]",
                "speakers": [[ids[speaker], share] for _, speaker, share in parts if speaker],
                **how,
            }
        )
        settings = {"speed": float(speed), **how}
        if len(parts) > 1:
            settings["blend"] = "slerp"
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
        # -P keeps this folder, whose piper.py would hide the package, off the worker's path.
        path = os.pathsep.join([ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            self._command,
            env={**os.environ, "PYTHONPATH": path},
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
            config["speaker_id_map"] = _speaker_ids(config)
        except (ValueError, LookupError, TypeError) as error:
            logger.warning("%s is not a Piper voice's description (%r): left out", path, error)
            continue
        if spoken.startswith("en"):
            found[stem] = config
        else:
            logger.info("%s speaks %s: left out", path, spoken)
    return found


def _speaker_ids(config: dict[str, Any]) -> dict[str, int]:
    """Return speaker → row; nothing for one person. Some files give no names: numbers are used."""
    count = int(config["num_speakers"])
    if count <= 1:
        return {}
    named = config.get("speaker_id_map") or {str(row): row for row in range(count)}
    return {str(speaker): int(row) for speaker, row in named.items()}


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
