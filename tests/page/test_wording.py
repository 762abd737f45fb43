"""Numbers become words that a person reads, and the presets are the trainer's."""

from __future__ import annotations

import pytest

from page import wording


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (8.4, "8 s"), (59.6, "1 min"), (190, "3 min"), (4800, "1 h 20 min")],
)
def test_duration(seconds, text):
    assert wording.duration(seconds) == text


def test_size_and_share():
    assert wording.size(61_000) == "60 KiB"
    assert wording.size(3_500_000) == "3.3 MiB"
    assert wording.share(0.025) == "2.5 %"
    assert wording.share(None) == "not measured"


def test_stage_name():
    assert wording.stage_name("make_clips") == "Make clips"
    assert not wording.stage_name("")


def test_the_presets_are_those_of_the_trainer():
    from trainer.presets import PRESETS

    assert {name: preset.about for name, preset in PRESETS.items()} == wording.PRESETS
