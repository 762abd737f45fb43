"""Piper in a process of its own: requests as JSON lines in, a JSON line and int16 samples out each.

Piper is under the GPL; this file alone imports it, and is run by its path. The first line says
`{"ready": true}` or `{"error": ...}`. Then for each request

    {"model": path, "text": str, "speaker": int or null, "length_scale": float,
     "noise_scale": float, "noise_w": float, "seed": int}

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

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOISE_INPUT = "watchword_noise_"
"""A model's random nodes become inputs of this name with a number, so that a seed decides."""
NOISE_CHANNELS = 256
"""More than any Piper model draws; each takes what it needs."""
FRAMES_PER_SYMBOL = 40
"""Of noise: 0.46 s of speech for each symbol or pad at length 1, several times what is needed."""


def seed_by_input(model: Any) -> int:
    """Replace each RandomNormalLike of an ONNX model by a slice of a new input.

    Args:
        model: an `onnx.ModelProto`, changed in place.

    Returns:
        How many inputs `NOISE_INPUT + str(i)`, float32 [1, NOISE_CHANNELS, frames], it has now.
    """
    from onnx import TensorProto, helper  # noqa: PLC0415 - heavy

    graph = model.graph
    start = helper.make_tensor("watchword_start", TensorProto.INT64, [3], [0, 0, 0])
    graph.initializer.append(start)
    count = 0
    nodes = []
    for node in graph.node:
        if node.op_type != "RandomNormalLike":
            nodes.append(node)
            continue
        name = f"{NOISE_INPUT}{count}"
        shape = f"{name}_shape"
        nodes.append(helper.make_node("Shape", [node.input[0]], [shape]))
        nodes.append(helper.make_node("Slice", [name, start.name, shape], [node.output[0]]))
        graph.input.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, NOISE_CHANNELS, name])
        )
        count += 1
    del graph.node[:]
    graph.node.extend(nodes)
    return count


class SeededSession:
    """A Piper model whose noise comes from `rng`; has the `run` that Piper calls."""

    def __init__(self, path: str) -> None:
        import onnx  # noqa: PLC0415 - heavy
        import onnxruntime  # noqa: PLC0415 - heavy

        self.rng = np.random.default_rng(0)
        model = onnx.load(path)
        self._noises = seed_by_input(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

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
        speaker_id=request["speaker"],
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
