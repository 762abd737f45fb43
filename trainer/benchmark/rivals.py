"""A phrase in, detectors that other projects ship for it out, behind what measuring asks for.

Their packages are no dependency: `pip install "watchword[rivals]"` brings them.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from trainer.benchmark.phrases import folder_name
from watchword_runtime.frontend import HOP_S, SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from watchword_runtime import Detector

CHUNK_SAMPLES = 1280
"""80 ms: what openWakeWord hears at once; its buffers hold ten seconds and drop what is older."""


class RivalMissingError(RuntimeError):
    """A rival's package is not installed; the message says how to get it."""


class RivalStream(Protocol):
    """What is left of a rival: step scores of a stream."""

    def scores(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """Return the score of each step that these samples [any number] complete."""
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...


class _MicroStream:
    """pymicro-wakeword's mean over its sliding window, once every 10 ms.

    The network runs every third of them; between its runs the package answers 0, which no
    threshold minds.
    """

    def __init__(self, model: Any, features: Any) -> None:
        self._model = model
        self._features = features
        self.reset()

    def scores(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        frames = self._features.process_streaming(pcm.tobytes())
        return np.array([self._model.process_streaming_prob(f) for f in frames], np.float32)

    def reset(self) -> None:
        self._model.reset()
        self._features.reset()


class _OpenStream:
    """pyopen-wakeword's score, once every 80 ms.

    After a reset of its own it hears eight seconds of silence before anything else, which takes
    longer than a positive; that is heard once, and what it leaves is kept.
    """

    def __init__(self, model: Any, features: Any) -> None:
        model.reset()
        features.reset()
        self._model = model
        self._features = features
        self.scores(np.zeros(CHUNK_SAMPLES, np.int16))
        self._after_silence = [(part, deepcopy(_values(part))) for part in (model, features)]

    def scores(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        return np.fromiter(self._each(pcm), np.float32)

    def _each(self, pcm: NDArray[np.int16]) -> Iterator[float]:
        for start in range(0, len(pcm), CHUNK_SAMPLES):
            chunk = pcm[start : start + CHUNK_SAMPLES].tobytes()
            for embedding in self._features.process_streaming(chunk):
                yield from self._model.process_streaming(embedding)

    def reset(self) -> None:
        for part, values in self._after_silence:
            vars(part).update(deepcopy(values))


def _values(part: Any) -> dict[str, Any]:
    """Return what a part of pyopen-wakeword remembers: its buffers and how full they are."""
    names = ("audio", "new_audio_samples", "mels", "new_mels", "embeddings", "new_embeddings")
    return {name: getattr(part, name) for name in names if hasattr(part, name)}


@dataclass(frozen=True)
class _Manifest:
    phrase: str


@dataclass(frozen=True)
class RivalDetector:
    """A rival under the names by which `trainer.evaluate` asks the runtime's detector."""

    manifest: _Manifest
    step_s: float
    threshold: float
    """That its package ships or recommends."""
    stream: Callable[[], RivalStream]
    warmup_steps: int = 0
    """Rivals judge from the first step on."""


@dataclass(frozen=True)
class Rival:
    """Another project's package."""

    module: str
    """To import."""
    phrases: frozenset[str]
    """It ships a model for each."""
    make: Callable[[str], RivalDetector]
    """Phrase → detector."""

    def open(self, phrase: str) -> Detector:
        """Return its detector for a phrase that it knows.

        Raises:
            RivalMissingError: the package is not installed.
        """
        if find_spec(self.module) is None:
            raise RivalMissingError(
                f'{self.module} is not installed: pip install "watchword[rivals]".'
            )
        return cast("Detector", self.make(phrase))


def _micro(phrase: str) -> RivalDetector:
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model  # noqa: PLC0415

    model = MicroWakeWord.from_builtin(Model(folder_name(phrase)))
    return RivalDetector(
        _Manifest(phrase),
        HOP_S,
        model.probability_cutoff,
        lambda: _MicroStream(model, MicroWakeWordFeatures()),
    )


OPEN_THRESHOLD = 0.5
"""In its package's own example."""


def _open(phrase: str) -> RivalDetector:
    from pyopen_wakeword import Model, OpenWakeWord, OpenWakeWordFeatures  # noqa: PLC0415

    model = OpenWakeWord.from_builtin(Model(folder_name(phrase)))
    return RivalDetector(
        _Manifest(phrase),
        CHUNK_SAMPLES / SAMPLE_RATE_HZ,
        OPEN_THRESHOLD,
        lambda: _OpenStream(model, OpenWakeWordFeatures.from_builtin()),
    )


_BOTH = ("alexa", "hey jarvis", "hey mycroft", "okay nabu")
RIVALS: Mapping[str, Rival] = {
    "microwakeword": Rival("pymicro_wakeword", frozenset(_BOTH), _micro),
    "openwakeword": Rival("pyopen_wakeword", frozenset((*_BOTH, "hey rhasspy")), _open),
}


def rivals_of(phrase: str) -> dict[str, Rival]:
    """Return the rivals that ship a model for a phrase, by name."""
    return {name: rival for name, rival in RIVALS.items() if phrase in rival.phrases}
