"""Kokoro-82M's own computation: phoneme tokens, a style and a pace in, 24 kHz samples out.

Two implementations of one protocol: the int8 ONNX export, which is small, needs nothing but
onnxruntime and has no random part; and the full weights through the package `kokoro`, which need
torch. `choose_model` takes what is there.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from functools import cache, cached_property
from importlib import resources
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from trainer.tts.base import EngineUnavailableError
from trainer.tts.kokoro_weights import CONFIG_FILE, PACKAGE_MODEL_FILE, find_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MODEL_FILE = "kokoro-v1.0.int8.onnx"
MOST_TOKENS = 510
"""Beside the two at the ends: Kokoro's context is 512."""
CHOICE_VARIABLE = "WATCHWORD_KOKORO"
CHOICES = ("", "onnx", "package", "hub")


class KokoroModel(Protocol):
    """What the engine needs of a model. Building one is cheap; weights come with the first call."""

    name: str
    """The file of its weights, kept with each clip."""
    folder: Path
    """Where it was found."""

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Phoneme symbol → token."""
        ...

    def speak(
        self, tokens: Sequence[int], style: NDArray[np.float32], speed: float, seed: int
    ) -> NDArray[np.float32]:
        """Return float32 [samples] at 24 kHz.

        Args:
            tokens: of the phonemes, without the zeros at both ends; at most `MOST_TOKENS`.
            style: float32 [1, 256].
            speed: 2 is twice as fast.
            seed: of the noise in the vocoder, where the model draws any.

        Raises:
            EngineUnavailableError: the weights cannot be loaded.
        """
        ...

    def close(self) -> None:
        """Free the weights."""
        ...


class OnnxModel:
    """The int8 export: tokens int64 [1, n + 2], style [1, 256], speed [1]; nothing is random."""

    name = MODEL_FILE

    def __init__(self, folder: Path) -> None:
        """Look for the file; `EngineUnavailableError` when it is missing."""
        self.folder = folder
        if not (folder / MODEL_FILE).is_file():
            raise EngineUnavailableError(
                f"{MODEL_FILE} is not in {folder}: run `watchword voices`."
            )

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Phoneme symbol → token."""
        return _vocabulary()

    def speak(
        self,
        tokens: Sequence[int],
        style: NDArray[np.float32],
        speed: float,
        seed: int,  # noqa: ARG002 - nothing in this model is random
    ) -> NDArray[np.float32]:
        """See `KokoroModel.speak`."""
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": style,
            "speed": np.array([speed], dtype=np.float32),
        }
        (samples,) = self._session.run(None, inputs)
        return np.asarray(samples, dtype=np.float32).ravel()

    def close(self) -> None:
        """Free the session."""
        self.__dict__.pop("_session", None)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime  # noqa: PLC0415 - heavy

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = self.folder / MODEL_FILE
        try:
            return onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own classes share no narrower base
            raise EngineUnavailableError(
                f"{path} cannot be loaded ({error}): delete it and run `watchword voices`."
            ) from error


class PackageModel:
    """The full weights through `kokoro.model.KModel`, on one thread of the processor."""

    name = PACKAGE_MODEL_FILE

    def __init__(self, folder: Path, *, hub: bool = False) -> None:
        """Look for the package and its weights.

        Args:
            folder: where the weights may lie; the hub's cache is searched when they do not.
            hub: fetch missing weights from the hub.

        Raises:
            EngineUnavailableError: the package or the weights are missing.
        """
        for package in ("kokoro", "loguru", "transformers"):
            if importlib.util.find_spec(package) is None:
                raise EngineUnavailableError(
                    f"The package {package} is not installed: `pip install kokoro`, or without "
                    f"its own text reader `pip install --no-deps kokoro loguru`."
                )
        self.folder = find_weights(folder, hub=hub)

    @cached_property
    def vocabulary(self) -> Mapping[str, int]:
        """Phoneme symbol → token."""
        return dict(self._config["vocab"])

    def speak(
        self, tokens: Sequence[int], style: NDArray[np.float32], speed: float, seed: int
    ) -> NDArray[np.float32]:
        """See `KokoroModel.speak`."""
        import torch  # noqa: PLC0415 - heavy

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.random.fork_rng(devices=[]):
                model = self._model  # building it draws numbers too
                torch.manual_seed(seed)
                samples, _ = model.forward_with_tokens(
                    torch.tensor([[0, *tokens, 0]]), torch.from_numpy(style.copy()), speed
                )
        finally:
            torch.set_num_threads(threads)
        return np.asarray(samples.numpy(), dtype=np.float32).ravel()

    def close(self) -> None:
        """Free the weights."""
        self.__dict__.pop("_model", None)

    @cached_property
    def _config(self) -> dict[str, Any]:
        path = self.folder / CONFIG_FILE
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise EngineUnavailableError(f"{path} is no JSON ({error}): fetch it again.") from error

    @cached_property
    def _model(self) -> Any:
        path = self.folder / PACKAGE_MODEL_FILE
        try:
            kmodel = _import_kmodel()
            # The name of the hub's repository is only told: all that it would fetch is given.
            model = kmodel(repo_id="local", config=self._config, model=str(path))
        except Exception as error:  # a wrong pickle, shape, key or library: all their own classes
            raise EngineUnavailableError(
                f"{path} cannot be loaded by the package kokoro ({type(error).__name__}: {error}): "
                f"fetch it again, or set {CHOICE_VARIABLE}=onnx."
            ) from error
        return model.eval()


def choose_model(folder: Path, choice: str | None = None) -> KokoroModel:
    """Return the model to use.

    Args:
        folder: `kokoro` in the voices folder.
        choice: `onnx`, `package`, or `hub`, which is `package` and may fetch its weights; empty for
            the ONNX export where it is and the package's weights otherwise. By default what
            `CHOICE_VARIABLE` says.

    Raises:
        EngineUnavailableError: it is not there; the message says what each lacks.
        ValueError: another choice.
    """
    chosen = os.environ.get(CHOICE_VARIABLE, "") if choice is None else choice
    if chosen not in CHOICES:
        raise ValueError(
            f"{CHOICE_VARIABLE}={chosen} is no choice: leave it empty or give one of "
            f"{', '.join(CHOICES[1:])}."
        )
    if chosen in {"package", "hub"}:
        return PackageModel(folder, hub=chosen == "hub")
    try:
        return OnnxModel(folder)
    except EngineUnavailableError as no_onnx:
        if chosen == "onnx":
            raise
        try:
            return PackageModel(folder)
        except EngineUnavailableError as no_package:
            raise EngineUnavailableError(f"{no_onnx} (Nor instead: {no_package})") from no_package


@cache
def _vocabulary() -> dict[str, int]:
    """Return Kokoro's 114 symbols and their tokens; hibari, which reads the texts, has them."""
    path = resources.files("hibari") / "assets" / "vocab.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _import_kmodel() -> Any:
    """Import `kokoro.model` alone.

    The package's `__init__` also imports its text reader: spaCy, and espeak-ng and phonemizer,
    which are under the GPL and must not be in this process (docs/decisions/0009). Our own
    pronunciation takes their place.
    """
    if "kokoro" not in sys.modules:
        spec = importlib.util.find_spec("kokoro")
        assert spec is not None
        package = ModuleType("kokoro")
        package.__path__ = list(spec.submodule_search_locations or [])
        package.__spec__ = spec
        sys.modules["kokoro"] = package
        # As the package's own __init__ does: it says every text that it speaks.
        importlib.import_module("loguru").logger.disable("kokoro")
    return importlib.import_module("kokoro.model").KModel
