import pytest

from trainer.tts.base import Voice, parents
from trainer.tts.blends import blend, parse_blend

HEART = Voice("kokoro", "af_heart", "en-us", "af_heart", "Apache-2.0")
ADAM = Voice("kokoro", "am_adam", "en-us", "am_adam", "Apache-2.0")
EMMA = Voice("kokoro", "bf_emma", "en-gb", "bf_emma", "Apache-2.0")
JOE = Voice("piper", "joe", "en-us", "joe", "CC0")


def test_a_blend_carries_both_parents_in_its_name_and_speaker():
    mixed = blend(HEART, ADAM, 0.6)
    assert mixed.name == "af_heart*0.60+am_adam*0.40"
    assert mixed.speaker == "af_heart+am_adam"
    assert parents(mixed) == {"kokoro:af_heart", "kokoro:am_adam"}


@pytest.mark.parametrize("weight", [0.01, 0.333, 0.5, 0.67, 0.99])
def test_a_blends_name_parses_back_to_weights_that_sum_to_one(weight):
    weights = parse_blend(blend(HEART, EMMA, weight).name)
    assert weights == pytest.approx({"af_heart": weight, "bf_emma": 1 - weight}, abs=0.006)
    assert sum(weights.values()) == pytest.approx(1.0)


def test_a_plain_name_is_a_voice_of_weight_one():
    assert parse_blend("af_heart") == {"af_heart": 1.0}


def test_the_heavier_parent_gives_the_language():
    assert blend(HEART, EMMA, 0.7).language == "en-us"
    assert blend(HEART, EMMA, 0.3).language == "en-gb"


@pytest.mark.parametrize(
    ("a", "b", "weight"),
    [
        (HEART, HEART, 0.5),
        (HEART, JOE, 0.5),
        (blend(HEART, ADAM, 0.5), EMMA, 0.5),
        (HEART, ADAM, 0.0),
        (HEART, ADAM, 1.2),
        (HEART, ADAM, -0.3),
    ],
)
def test_what_is_no_convex_blend_of_two_voices_is_refused(a, b, weight):
    with pytest.raises(ValueError, match=r"[Bb]lend|engines"):
        blend(a, b, weight)


@pytest.mark.parametrize(
    "name", ["af_heart*0.60+am_adam", "af_heart*0.60+am_adam*0.60", "af_heart*0.6+am_adam*0.4", "*"]
)
def test_a_name_that_is_no_blend_is_refused(name):
    with pytest.raises(ValueError, match="is no blend"):
        parse_blend(name)
