"""What may have been the phrase is forgotten when it is over."""

from __future__ import annotations

import numpy as np
import pytest

from watchword_runtime import Detector
from watchword_runtime.decision import FORGET_AFTER_S, FORGET_SCORE, Forgetting
from watchword_runtime.engines import Session
from watchword_runtime.frontend import CHANNELS
from watchword_runtime.scores import ScoreStream

SILENT = np.zeros((150, CHANNELS), np.float32)


class Counter:
    """A network whose logit is how many loud steps it has heard since its states were zero."""

    def __init__(self, gain: float = 6.0) -> None:
        self.gain = gain
        self.reset()

    def runner(self) -> Counter:
        return self

    def reset(self) -> None:
        self.heard = 0.0

    def save(self) -> list[np.ndarray]:
        return [np.array([self.heard], np.float32)]

    def restore(self, states: list[np.ndarray]) -> None:
        self.heard = float(states[0][0])

    def run(self, features: np.ndarray) -> list[float]:
        logits = []
        for step in features:
            self.heard += float(step.mean() > 1)
            logits.append(self.gain * self.heard - 3.0)
        return logits


def heard(
    frames: np.ndarray, step: object, size: int, *, forgets: bool = True, gain: float = 6.0
) -> list[float]:
    stream = ScoreStream(Session(Counter(gain), "c"), step, 1, SILENT, forgets=forgets)
    scores = []
    for start in range(0, len(frames), size):
        scores += stream.advance(frames[start : start + size])
    return scores


@pytest.fixture
def frames(tiny) -> np.ndarray:
    """Sixty steps of silence, the sixth and the fiftieth of them loud."""
    frames = np.zeros((60 * tiny.step.frames, CHANNELS), np.float32)
    for step in (5, 49):
        frames[step * tiny.step.frames :][: tiny.step.frames] = 9.0
    return frames


def test_it_forgets_a_moment_after_what_may_have_been_the_phrase(tiny, frames):
    scores = heard(frames, tiny.step, len(frames))
    wait = round(FORGET_AFTER_S / tiny.step.step_s)
    above = [step for step, score in enumerate(scores) if score > 0.5]
    assert above == [*range(5, 5 + wait + 1), *range(49, 60)]
    # Where it does not forget, the first loud step is remembered for ever.
    remembered = heard(frames, tiny.step, len(frames), forgets=False)
    assert [step for step, score in enumerate(remembered) if score > 0.5] == list(range(5, 60))
    assert remembered[50] > scores[50]


def test_what_hardly_was_the_phrase_is_forgotten_too(tiny, frames):
    """Whoever is not understood says it again."""
    scores = heard(frames, tiny.step, len(frames), gain=2.0)
    assert FORGET_SCORE < scores[5] < 0.5
    assert scores[48] < FORGET_SCORE
    assert scores[49] == scores[5]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 60, 61, 100])
def test_however_the_sound_is_cut_it_forgets_in_the_same_step(tiny, frames, size):
    assert heard(frames, tiny.step, size) == heard(frames, tiny.step, len(frames))


def test_it_is_never_late():
    forgetting = Forgetting(0.03)
    rng = np.random.default_rng(0)
    for _ in range(200):
        steps = int(rng.integers(1, forgetting.steps_until_due + 1))
        due = [forgetting.due(float(score)) for score in rng.random(steps)]
        assert not any(due[:-1])


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_engines_go_back_to_the_states_that_were_saved(kind, tiny, tmp_path, request):
    files = {"tiny.onnx": tiny.onnx}
    if kind == "tflite":
        files = {"tiny.tflite": request.getfixturevalue("tiny_tflite")}
    session = Detector.load(tiny.bundle(tmp_path / "bundle", files)).session()
    features = np.random.default_rng(1).uniform(0, 20, (25, 3, CHANNELS)).astype(np.float32)
    session.run(features[:5])
    saved = session.save()
    first = session.run(features[5:18])
    session.run(features[18:])
    session.restore(saved)
    assert session.run(features[5:18]) == first
    session.restore(saved)
    assert session.run(features[5:18]) == first
    session.reset()
    assert session.run(features[5:18]) != first
