"""Bark through transformers: a text and a speaker's prompt in, 24 kHz speech out.

Method: Suno, https://github.com/suno-ai/bark, as `BarkModel` of transformers. Three networks sample
one after the other, so that torch's random state, which the seed sets, decides the waveform. It
is made for a GPU and uses one where there is one.
"""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
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
from trainer.tts.tempo import change_tempo
from trainer.tts.waveform import LONGEST_REST_S, LONGEST_SOUND_S, finish_speech

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

LICENCE = "MIT"
HUB_MODELS = ("suno/bark-small", "suno/bark")
"""Looked for in the hub's cache, after the folder."""
HOW_TO_GET = f"hf download {HUB_MODELS[0]} --local-dir"
PRESETS_FILE = "speaker_embeddings_path.json"
PROMPTS = {"semantic_prompt": 1, "coarse_prompt": 2, "fine_prompt": 2}
"""What a speaker's preset consists of, and the dimensions of each."""
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
MOST_LETTERS = 180
"""Bark speaks about 13 s at a time and drops what does not fit."""
TEMPERATURES = {"semantic": 0.7, "coarse_acoustics": 0.7, "fine_acoustics": 0.5}
"""Those of Suno's own code."""
FEWEST_TOKENS = 10
"""A fifth of a second; of almost nothing the decoder's convolutions cannot be computed."""
LEAST_END = 0.2
"""Probability of the end at which speech ends, as in Suno's own code; without it Bark goes on with
words that nobody wrote."""


class BarkEngine:
    """Every English speaker prompt that came with the weights, and those of other languages."""

    name = "bark"
    licence = LICENCE
    speaks_phonemes = False

    def __init__(self, folder: Path) -> None:
        """Look for transformers and for weights in `folder` or the hub's cache; nothing is loaded.

        Raises:
            EngineUnavailableError: one of them is missing.
        """
        if find_spec("transformers") is None:
            raise EngineUnavailableError(
                'Bark needs the package transformers: `pip install "watchword[bark]"`.'
            )
        self._weights = find_weights(folder)
        self._presets = _read_presets(self._weights)

    def voices(self) -> list[Voice]:
        """Return the speaker prompts by name, like `v2/en_speaker_6`.

        The older prompts of the same number may be the same person, who is one speaker then.
        """
        return [
            Voice(
                engine=self.name,
                name=name,
                language="en-us" if _speaker(name).startswith("en_") else "en",
                speaker=_speaker(name),
                licence=LICENCE,
            )
            for name in sorted(self._presets)
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
        """Speak `text`; see `SpeechEngine.synthesize`. Bark has no pace: `speed` stretches."""
        check_request(self, voice, phonemes, speed)
        letters = sum(letter.isalnum() for letter in text)
        if set(text) & set("[]♪") or not letters:
            raise SynthesisError(
                f"Bark sings and laughs for ♪ and brackets and needs words: change {text!r}."
            )
        if letters > MOST_LETTERS:
            raise SynthesisError(
                f"{text[:40]!r}… has {letters} letters and Bark speaks {MOST_LETTERS} at a time: "
                f"split the text."
            )
        waveform, rate_hz = self._generate(text, self._preset(voice.name), letters, seed)
        settings: dict[str, object] = {
            "model": self._weights.name,
            "device": self._device.split(":")[0],
            "speed": float(speed),
            "seed": seed,
        }
        return finish_speech(change_tempo(waveform, rate_hz, speed), rate_hz, text, voice, settings)

    def close(self) -> None:
        """Free the model."""
        self.__dict__.pop("_model", None)
        self.__dict__.pop("_processor", None)

    def _generate(
        self, text: str, preset: Mapping[str, NDArray[Any]], letters: int, seed: int
    ) -> tuple[NDArray[np.float32], int]:
        """Return float32 [samples] and their rate."""
        import torch  # noqa: PLC0415 - heavy

        model, config = self._model, self._model.generation_config
        rate = float(config.semantic_config["semantic_rate_hz"])
        most_tokens = math.ceil(rate * (LONGEST_REST_S + LONGEST_SOUND_S * letters))
        most_tokens = min(most_tokens, int(config.semantic_config["max_new_tokens"]))
        for part, temperature in TEMPERATURES.items():
            getattr(config, f"{part}_config").update(temperature=temperature, do_sample=True)
        inputs = self._processor(text, voice_preset=dict(preset)).to(self._device)
        inputs["history_prompt"] = inputs["history_prompt"].to(self._device)
        with _sampling(seed, self._device):
            samples = model.generate(
                **inputs,
                semantic_max_new_tokens=most_tokens,
                semantic_min_new_tokens=FEWEST_TOKENS,
                min_eos_p=LEAST_END,
            )
        waveform = samples[0].to("cpu", torch.float32).numpy()
        seconds = len(waveform) / config.sample_rate
        if seconds >= (most_tokens - 1) / rate:
            raise SynthesisError(
                f"Bark did not come to an end of {text!r} within {seconds:.1f} s: choose another "
                f"seed or speaker."
            )
        return waveform, int(config.sample_rate)

    @cached_property
    def _device(self) -> str:
        import torch  # noqa: PLC0415 - heavy

        return "cuda:0" if torch.cuda.is_available() else "cpu"

    @cached_property
    def _model(self) -> Any:
        from safetensors import SafetensorError  # noqa: PLC0415
        from transformers import BarkModel  # noqa: PLC0415 - heavy
        from transformers.utils import logging  # noqa: PLC0415

        logging.disable_progress_bar()  # workers share the terminal with our own progress
        logging.set_verbosity_error()
        try:
            model: Any = BarkModel.from_pretrained(self._weights, local_files_only=True)
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
            raise EngineUnavailableError(
                f"Bark's weights in {self._weights} cannot be loaded ({error}): delete the folder "
                f"and fetch them again."
            ) from error
        return model.to(self._device).eval()

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoProcessor  # noqa: PLC0415 - heavy

        try:
            return AutoProcessor.from_pretrained(self._weights, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise EngineUnavailableError(
                f"Bark's tokeniser in {self._weights} cannot be loaded ({error}): delete the "
                f"folder and fetch it again."
            ) from error

    def _preset(self, name: str) -> dict[str, NDArray[Any]]:
        """Return the arrays of a speaker prompt; they hold numbers of tokens."""
        if name not in self._presets:
            raise SynthesisError(f"Bark has no speaker {name!r}: see `watchword doctor`.")
        arrays = {}
        for prompt, dimensions in PROMPTS.items():
            path = self._presets[name][prompt]
            try:
                array = np.load(path, allow_pickle=False)
            except (OSError, ValueError) as error:
                raise SynthesisError(f"{path} cannot be read ({error}): fetch it again.") from error
            if array.ndim != dimensions:
                raise SynthesisError(f"{path} is no {prompt} of a speaker: fetch it again.")
            arrays[prompt] = array.astype(np.int64)
        return arrays


def find_weights(folder: Path) -> Path:
    """Return the folder that holds Bark: the voices folder's, or the hub's cache.

    Raises:
        EngineUnavailableError: neither holds it.
    """
    if _holds_weights(folder):
        return folder
    for name in HUB_MODELS if find_spec("huggingface_hub") else ():
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - optional

        config = try_to_load_from_cache(name, "config.json")
        if isinstance(config, str) and _holds_weights(Path(config).parent):
            return Path(config).parent
    raise EngineUnavailableError(
        f"Bark's weights are not in {folder} and not in the hub's cache: `{HOW_TO_GET} {folder}`."
    )


def _holds_weights(folder: Path) -> bool:
    return (folder / PRESETS_FILE).is_file() and any(
        (folder / name).is_file() for name in WEIGHT_FILES
    )


def _read_presets(weights: Path) -> dict[str, dict[str, Path]]:
    """Return the files of each speaker prompt that is completely there.

    Raises:
        EngineUnavailableError: the list cannot be read, or no prompt is there.
    """
    listing = weights / PRESETS_FILE
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineUnavailableError(f"{listing} cannot be read ({error}).") from error
    presets: dict[str, dict[str, Path]] = {}
    for name, paths in entries.items() if isinstance(entries, dict) else ():
        if not isinstance(paths, dict) or not all(isinstance(paths.get(p), str) for p in PROMPTS):
            continue
        files = {prompt: weights / paths[prompt] for prompt in PROMPTS}
        inside = all(
            ".." not in Path(p).parts and not Path(p).is_absolute() for p in paths.values()
        )
        if inside and all(file.is_file() for file in files.values()):
            presets[name] = files
    if not presets:
        raise EngineUnavailableError(
            f"No speaker prompt that {listing} lists is there: fetch its folder again."
        )
    return presets


def _speaker(name: str) -> str:
    return name.rpartition("/")[2]


@contextmanager
def _sampling(seed: int, device: str) -> Iterator[None]:
    """Sample from a seed on one thread, and leave torch as it was."""
    import torch  # noqa: PLC0415 - heavy

    threads = torch.get_num_threads()
    with torch.random.fork_rng([device] if device != "cpu" else []):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
