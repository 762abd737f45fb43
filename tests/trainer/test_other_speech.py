"""Where the phrase would be, somebody else speaks."""

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.small_training import examples
from trainer.halves import ECHO_FRAMES
from trainer.other_speech import BEHIND_FRAMES, other_speech
from trainer.render import Stream

PHRASES = examples(0, 3).positives
RAMP = np.repeat(np.arange(900, dtype=np.float16)[:, None], 40, axis=1)
SPANS = np.array([[30, 60], [300, 500], [800, 890]], np.int32)
TALK = Stream(RAMP, SPANS, np.array([7, 8, 9]))
"""Its first clip is shorter than the phrase; nothing follows its last one."""


@pytest.fixture
def scenes():
    return other_speech(200, PHRASES, [TALK], np.random.default_rng(0))


def said(scene):
    """The frames in which others speak: the ramp's values are whole and follow each other."""
    return scene.features[scene.start_frame :, 0]


def goes_on(scene):
    return (np.diff(said(scene)) == 1).all()


def test_somebody_speaks_where_the_phrase_would_begin(scenes):
    assert len(scenes) == 200
    for scene in scenes:
        assert any(
            np.array_equal(
                scene.features[: scene.start_frame], phrase.features[: phrase.start_frame]
            )
            for phrase in PHRASES
        )
    assert 60 < sum(map(goes_on, scenes)) < 140


def test_some_begin_and_go_on_with_what_follows_in_their_stream(scenes):
    going_on = [scene for scene in scenes if goes_on(scene)]
    lengths = {len(said(scene)) - (scene.end_frame - scene.start_frame) for scene in going_on}
    assert lengths == {BEHIND_FRAMES}
    assert {(scene.clip_id, int(said(scene)[0])) for scene in going_on} == {(7, 30), (8, 300)}


def test_some_stop_as_the_phrase_does_and_need_not_be_at_their_beginning(scenes):
    begins = {8: 0, 9: 0}
    stopping = [scene for scene in scenes if not goes_on(scene)]
    for scene in stopping:
        length = scene.end_frame + ECHO_FRAMES - scene.start_frame
        words, behind = np.split(said(scene), [length])
        assert (np.diff(words) == 1).all()
        assert any(
            np.array_equal(behind, phrase.features[phrase.end_frame + ECHO_FRAMES :, 0])
            for phrase in PHRASES
        )
        first, last = dict(zip(TALK.clip_ids, SPANS, strict=True))[scene.clip_id]
        assert first <= words[0] <= words[-1] < last
        begins[scene.clip_id] += words[0] == first
    assert len(stopping) / 3 < sum(begins.values()) < len(stopping)
    assert all(begins.values())


def test_where_nobody_has_that_much_to_say_there_are_none():
    def made(streams, count=5):
        return other_speech(count, PHRASES, streams, np.random.default_rng(0))

    short = replace(TALK, features=RAMP[:100], spans=SPANS[:1], clip_ids=TALK.clip_ids[:1])
    assert made([short]) == made([]) == made([TALK], count=-3) == ()


def test_the_phrases_stay_as_they_are():
    before = [phrase.features.copy() for phrase in PHRASES]
    other_speech(50, PHRASES, [TALK], np.random.default_rng(0))
    for phrase, features in zip(PHRASES, before, strict=True):
        np.testing.assert_array_equal(phrase.features, features)
