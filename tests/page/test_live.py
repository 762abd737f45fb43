"""Sound that a browser sends in chunks: heard once each, whatever comes; what is no sound."""

from __future__ import annotations

import base64
from types import SimpleNamespace

import numpy as np
import pytest

from page.live import Chunk, ChunkError, Live

STEP = 480


class LoudStream:
    """A detector's stream: a step's score is how loud its loudest sample is."""

    def __init__(self):
        self.rest = np.zeros(0, np.int16)

    def scores(self, pcm):
        sound = np.concatenate([self.rest, pcm])
        whole = len(sound) // STEP * STEP
        self.rest = sound[whole:]
        steps = np.abs(sound[:whole].reshape(-1, STEP).astype(np.float32)).max(axis=1)
        return (steps / 32768).astype(np.float32)


@pytest.fixture
def live():
    detector = SimpleNamespace(
        manifest=SimpleNamespace(phrase="up and down"),
        warmup_steps=0,
        threshold=0.5,
        refractory_s=0.3,
        step_s=0.03,
        stream=LoudStream,
        step_end_s=lambda step: 0.03 * (step + 1),
    )
    return Live(detector, "a")


def sent(number, pcm, *, rate_hz=16_000, last=False):
    text = base64.b64encode(np.asarray(pcm, "<i2").tobytes()).decode()
    return Chunk.from_dict(
        {"session": "a", "number": number, "rate_hz": rate_hz, "last": last, "pcm": text}
    )


def shout(at_s, seconds=1.0):
    pcm = np.zeros(round(seconds * 16_000), np.int16)
    pcm[round(at_s * 16_000)] = 30_000
    return pcm


def test_the_first_steps_are_no_detections_where_the_detector_says_so(live):
    live.detector.warmup_steps = 10
    waiting = Live(live.detector, "b")
    waiting.take(sent(1, shout(0.05)))
    assert waiting.detections == []
    assert waiting.answer()["first_s"] == pytest.approx(0.03, abs=0.001)


def test_chunks_give_scores_and_detections_at_their_places(live):
    live.take(sent(1, shout(0.5)))
    answer = live.answer()
    assert (answer["number"], answer["first_step"], len(answer["scores"])) == (1, 0, 33)
    assert answer["detections"] == [[pytest.approx(0.51), 0.9155]]
    live.take(sent(2, shout(0.2), last=True))
    answer = live.answer()
    assert (answer["first_step"], len(answer["scores"])) == (33, 33)
    assert [time_s for time_s, _ in answer["detections"]] == pytest.approx([0.51, 1.23])
    assert answer["ended"]
    assert live.pcm().tolist() == [*shout(0.5), *shout(0.2)]


def test_a_chunk_that_comes_twice_is_heard_once(live):
    for _ in range(3):
        live.take(sent(1, shout(0.5)))
    assert live.samples == 16_000
    assert len(live.detections) == 1


def test_after_the_last_chunk_nothing_is_heard(live):
    live.take(sent(1, [], last=True))
    live.take(sent(2, shout(0.5)))
    assert live.samples == 0


def test_other_rates_are_resampled_without_seams(live):
    time_s = np.arange(48_000) / 48_000
    tone = np.round(10_000 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16)
    for number, part in enumerate(np.array_split(tone, 7), 1):
        live.take(sent(number, part, rate_hz=48_000, last=number == 7))
    assert live.samples == pytest.approx(16_000, abs=2)
    spectrum = np.abs(np.fft.rfft(live.pcm()[1_000:15_000].astype(float)))
    peak = int(np.argmax(spectrum))
    assert peak * 16_000 / 14_000 == pytest.approx(440, abs=2)
    assert np.delete(spectrum, range(peak - 20, peak + 20)).max() < spectrum[peak] / 100


@pytest.mark.parametrize(
    "values",
    [
        {},
        [],
        {"session": "a", "number": "x", "rate_hz": 16_000, "last": False, "pcm": ""},
        {"session": "a", "number": 1, "rate_hz": 1, "last": False, "pcm": ""},
        {"session": "a", "number": 1, "rate_hz": 16_000, "last": False, "pcm": "?"},
        {"session": "a", "number": 1, "rate_hz": 16_000, "last": False, "pcm": "AAA="[:2]},
        {"session": "a", "number": 1, "rate_hz": 8_000, "last": False, "pcm": "A" * 2_000_000},
    ],
)
def test_what_is_no_sound_is_refused(values):
    with pytest.raises(ChunkError):
        Chunk.from_dict(values)
