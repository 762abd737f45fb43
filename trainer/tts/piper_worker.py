"""Piper in a process of its own: requests as JSON lines in, a JSON line and int16 samples out each.

Piper is under the GPL; this file alone imports it, and is run as a program. The first line says
`{"ready": true}` or `{"error": ...}`. Then for each request

    {"model": path, "text": str, "speakers": [[int, float], ...], "length_scale": float,
     "noise_scale": float, "noise_w": float, "seed": int}

where `speakers` has no entry for a model of one person, one for a person of several, and two with
weights for the voice between them,

comes `{"rate_hz": int, "samples": n}` followed by n little-endian int16, or `{"error": str}`.
End of input ends the process.
"""

from __future__ import annotations

import io
import json
import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from trainer.tts.piper_graph import (
    NOISE_CHANNELS,
    NOISE_INPUT,
    PIPERS_SPEAKER_INPUT,
    SPEAKER_INPUT,
    mix_rows,
    seed_by_input,
    speaker_by_input,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FRAMES_PER_SYMBOL = 40
"""Of noise: 0.46 s of speech for each symbol or pad at length 1, several times what is needed."""


class SeededSession:
    """A Piper model whose noise comes from `rng` and whose speaker is `choose_speaker`'s."""

    def __init__(self, path: str) -> None:
        import onnx  # noqa: PLC0415 - heavy
        import onnxruntime  # noqa: PLC0415 - heavy

        self.rng = np.random.default_rng(0)
        model = onnx.load(path)
        self._noises = seed_by_input(model)
        self._table = speaker_by_input(model)
        self._speaker: NDArray[np.float32] | None = None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def choose_speaker(self, parts: Sequence[tuple[int, float]]) -> int | None:
        """Let the next texts be spoken by one person of the model or by one between two.

        Returns:
            The number to tell Piper; the model takes no notice of it where it has a table.
        """
        if not parts:
            return None
        if self._table is not None:
            self._speaker = mix_rows(self._table, parts)
        elif len(parts) > 1:
            raise ValueError("this model does not look its speakers up in a table: no blends")
        return int(parts[0][0])

    def run(self, outputs: Any, inputs: dict[str, Any], options: Any = None) -> Any:
        """Run the model with fresh noise."""
        length_scale = float(inputs["scales"][1])
        frames = 64 + int(FRAMES_PER_SYMBOL * inputs["input"].shape[1] * max(1.0, length_scale))
        noise = {
            f"{NOISE_INPUT}{i}": self.rng.standard_normal(
                (1, NOISE_CHANNELS, frames), dtype=np.float32
            )
            for i in range(self._noises)
        }
        if self._table is not None:
            del inputs[PIPERS_SPEAKER_INPUT]
            inputs[SPEAKER_INPUT] = self._speaker
        return self._session.run(outputs, {**inputs, **noise}, options)

    def __getattr__(self, name: str) -> Any:
        """Whatever else Piper asks of a session."""
        return getattr(self._session, name)


@lru_cache(maxsize=4)
def load_voice(path: str) -> Any:
    """Return a PiperVoice; the last few stay loaded."""
    from pathlib import Path  # noqa: PLC0415

    from piper import PiperVoice  # noqa: PLC0415 - GPL, and only in this process
    from piper.config import PiperConfig  # noqa: PLC0415

    config = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    return PiperVoice(session=SeededSession(path), config=PiperConfig.from_dict(config))


def speak(request: dict[str, Any]) -> tuple[NDArray[np.int16], int]:
    """Return what a request says, int16 [samples], and its rate."""
    from piper.config import SynthesisConfig  # noqa: PLC0415

    voice = load_voice(request["model"])
    voice.session.rng = np.random.default_rng(request["seed"])
    config = SynthesisConfig(
        speaker_id=voice.session.choose_speaker(request["speakers"]),
        length_scale=request["length_scale"],
        noise_scale=request["noise_scale"],
        noise_w_scale=request["noise_w"],
    )
    chunks = [chunk.audio_int16_array for chunk in voice.synthesize(request["text"], config)]
    empty = np.zeros(0, dtype=np.int16)
    return np.concatenate([empty, *chunks]), voice.config.sample_rate


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""

    def answer(header: dict[str, Any], body: bytes = b"") -> None:
        answers.write(json.dumps(header).encode() + b"\n" + body)
        answers.flush()

    try:
        import piper  # noqa: F401, PLC0415 - says early what is missing
    except ImportError as error:
        answer({"error": f"piper-tts cannot be loaded: {error}"})
        return
    answer({"ready": True})
    for line in requests:
        try:
            samples, rate_hz = speak(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other side must hear it
            answer({"error": f"{type(error).__name__}: {error}"})
        else:
            body = samples.astype("<i2").tobytes()
            answer({"rate_hz": rate_hz, "samples": len(samples)}, body)


def main() -> None:
    """Serve on standard input and output; what libraries print goes to standard error."""
    answers = io.open(os.dup(sys.stdout.fileno()), "wb")  # noqa: UP020, SIM115
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, answers)
    except BrokenPipeError:
        os._exit(0)  # the other side has gone


if __name__ == "__main__":
    main()
