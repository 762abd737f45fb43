"""What the report says of scores whose answer is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from trainer import rates
from trainer.recipe import NoiseRecipe, RecordingRecipe, VoiceRecipe
from trainer.render import Scene
from trainer.scene_recipe import SceneRecipe
from trainer.validation import ValidationScores
from trainer.validation_report import validation_report

HOURS = 2.0


def scene(clip_id, snr_db, room=None):
    noises = tuple(NoiseRecipe("coloured", 0, level) for level in snr_db)
    recording = RecordingRecipe(noises, -3.0, room)
    recipe = SceneRecipe(VoiceRecipe(), 2.0, 1.0, recording)
    return Scene(np.zeros((1, 40), np.float16), 0, 1, clip_id, recipe)


@pytest.fixture
def scenes():
    return [scene(1, [3.0]), scene(1, [12.0], "a"), scene(2, [40.0]), scene(2, [8.0, 8.0])]


@pytest.fixture
def clips():
    return pd.DataFrame(
        {
            "id": [1, 2, 8, 9],
            "engine": ["kokoro", "flite", "flite", "kokoro"],
            "voice": ["a*0.5+b*0.5", "slt", "slt", "a"],
            "speaker": ["kokoro:a+kokoro:b", "flite:slt", "flite:slt", "kokoro:a"],
            "text": ["smart mirror", "smart mirror", "smart miller", "mirror"],
        }
    )


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    stream = np.full(round(HOURS * 120_000), -10.0, np.float32)
    stream[::400] = rng.exponential(1.5, len(stream[::400]))
    return ValidationScores(
        positives=np.array([-1.0, 3.0, 6.0, 9.0], np.float32),
        near=np.array([2.0, 7.0, 1.0], np.float32),
        near_clip_ids=np.array([8, 9, 8]),
        plain=(stream,),
        hours=HOURS,
        step_s=0.03,
        smoothing_steps=6,
    )


@pytest.fixture
def report(scores, scenes, clips):
    # Through JSON, as the page reads it: NaN or infinity would not get there.
    values = validation_report(scores, scenes, clips, [4.0, 5.0])
    return json.loads(json.dumps(values, allow_nan=False))


def place(report, logit):
    """Return where in the columns a threshold is."""
    return report["thresholds"].index(pytest.approx(1 / (1 + math.exp(-logit))))


def test_the_curve_passes_through_the_operating_points_and_only_gets_stricter(report):
    assert report["thresholds"] == sorted(set(report["thresholds"]))
    assert report["missed"]["missed"][place(report, 4.0)] == 2
    for counts in (report["missed"]["missed"], [-n for n in report["near_accepted"]]):
        assert counts == sorted(counts)
    per_hour = [point["per_hour"] for point in report["false_accepts"]]
    assert per_hour[0] == pytest.approx(60, rel=0.1)
    assert 0.02 <= per_hour[-1] < 0.05  # scores that round to one end it


def test_counts_and_bounds_are_those_of_the_scores(report, scores):
    at = place(report, 5.0)
    point, bounds = report["false_accepts"][at], rates.wilson(2, 4)
    assert point["events"] == scores.false_accepts(5.0)
    assert point["high_95"] == pytest.approx(
        rates.poisson_per_hour(point["events"], HOURS).high, abs=1e-5
    )
    assert report["missed"]["high_95"][at] == pytest.approx(bounds.high, abs=1e-5)
    assert report["near_accepted"][at] == 1


def test_where_few_events_are_left_the_tail_says_the_rate(report):
    for point in report["false_accepts"]:
        assert point["extrapolated"] == (point["events"] < rates.COUNTED_EVENTS)
        assert point["per_hour"] > 0
    # Heights were drawn with a mean of 1.5, so many an hour.
    threshold = -math.log(1 / report["thresholds"][-1] - 1)
    truth = 300 * math.exp(-threshold / 1.5)
    assert report["false_accepts"][-1]["per_hour"] == pytest.approx(truth, rel=3)


def test_groups_say_who_spoke_through_what(report):
    at = place(report, 4.0)
    found = {
        kind: {group["name"]: (group["missed"][at], group["of"]) for group in groups}
        for kind, groups in report["groups"].items()
    }
    assert found == {
        "engine": {"kokoro": (2, 2), "flite": (0, 2)},
        "voice": {"kokoro/a*0.5+b*0.5": (2, 2), "flite/slt": (0, 2)},
        # Two noises of 8 dB are one of 5 dB.
        "noise": {"below 5 dB": (1, 2), "10 to 15 dB": (1, 1), "20 dB and more": (0, 1)},
        "room": {"close, without echo": (1, 3), "in a room, with echo": (1, 1)},
    }
    assert next(group["name"] for group in report["groups"]["noise"]) == "below 5 dB"
    assert (report["scenes"], report["clips"], report["people"]) == (4, 2, 3)


def test_near_misses_are_listed_once_loudest_first(report):
    listed = [(near["clip"], near["text"]) for near in report["loudest_near_misses"]]
    assert listed == [(9, "mirror"), (8, "smart miller")]


def test_the_same_scores_give_the_same_report(report, scores, scenes, clips):
    assert json.loads(json.dumps(validation_report(scores, scenes, clips, [4.0, 5.0]))) == report


def test_without_negatives_or_near_misses_there_is_still_a_curve(scenes, clips):
    empty = ValidationScores(
        np.array([1.0, 2.0, 3.0, 4.0], np.float32), np.zeros(0, np.float32),
        np.zeros(0, np.int64), (), 0.0, 0.03, 6,
    )  # fmt: skip
    report = validation_report(empty, scenes, clips, [0.0, 2.5])
    assert report["missed"]["missed"][-1] == 2
    assert report["loudest_near_misses"] == []
