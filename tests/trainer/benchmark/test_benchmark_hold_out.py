"""What is held out is out of sight: engines, and their people in other engines' clips."""

from contextlib import closing

import numpy as np
import pytest

from db.clip_search import COLUMNS
from db.clips import ClipFilter, ClipStore
from db.connection import open_database
from trainer.benchmark.hold_out import (
    HoldOutError,
    StoreWithout,
    check_held_out,
    heard_by_backbone,
    people_behind,
    training_engines,
)

SPOKEN = [
    ("flite", "slt", "flite:slt"),
    ("festival", "cmu_us_slt_arctic_hts", "flite:slt"),
    ("festival", "ked_diphone", "festival:ked"),
    ("kokoro", "af_heart", "kokoro:af_heart"),
    ("kokoro", "blend", "flite:slt+kokoro:af_heart"),
    ("recording", "anna", "speechocean:anna"),
]
SEEN = {"festival:ked", "kokoro:af_heart", "speechocean:anna"}


@pytest.fixture
def stores(tmp_path):
    with closing(open_database(f"sqlite:///{tmp_path}/clips.sqlite3")) as connection:
        everything = ClipStore(connection, tmp_path / "clips")
        for number, (engine, voice, speaker) in enumerate(SPOKEN):
            everything.add(
                np.full(1600, 100 + number, np.int16), 16_000,
                text="Smart mirror.", text_normalised="smart mirror", phonemes="smˈɑɹt mˈɪɹɚ",
                engine=engine, voice=voice, speaker=speaker, settings={},
                source="corpus" if engine == "recording" else "synthetic", licence="CC0",
            )  # fmt: skip
        people = frozenset({"flite:slt"})
        yield everything, StoreWithout(connection, tmp_path / "clips", ("flite",), people)


def test_every_way_of_finding_clips_hides_them(stores):
    everything, without = stores
    texts = ["smart mirror"]
    assert len(everything.find(texts=texts)) == len(SPOKEN)
    for found in (
        without.find(texts=texts),
        without.select(ClipFilter()),
        without.sample(ClipFilter(), limit=10, seed=0),
        without.find(),
    ):
        assert set(found["speaker"]) == SEEN


def test_clips_that_say_what_an_exam_asks_for_are_hidden(stores):
    _, without = stores
    assert without.hiding(frozenset({"smart mirror"})).find().empty
    assert without.hiding(frozenset({"smart"})).count(ClipFilter()) == len(SPOKEN) - 1
    assert set(without.hiding(frozenset({"smart", "mirror"})).find()["speaker"]) == SEEN
    assert set(without.find()["speaker"]) == SEEN


def test_asking_for_a_held_out_engine_finds_nothing(stores):
    _, without = stores
    nothing = without.find(engines=["flite"])
    assert nothing.empty
    assert set(nothing.columns) == set(COLUMNS)
    assert set(without.find(engines=["flite", "recording"])["speaker"]) == {"speechocean:anna"}
    assert without.count(ClipFilter(engines=["flite"])) == 0


def test_a_limit_counts_what_is_shown(stores):
    _, without = stores
    assert len(without.select(ClipFilter(), limit=2)) == 2
    assert len(without.select(ClipFilter(), limit=10)) == len(SEEN)


def test_counting_leaves_the_held_out_engine_out(stores):
    everything, without = stores
    assert everything.count(ClipFilter()) - without.count(ClipFilter()) == 1


def test_who_speaks_in_training_is_the_same_everywhere():
    engines = training_engines(("flite", "nanotts"))
    assert {"flite", "nanotts", "bark", "elevenlabs"}.isdisjoint(engines)
    assert {"kokoro", "piper", "hibari", "espeak", "festival"} == set(engines)


def test_people_behind_an_engine_are_named():
    assert people_behind(("nanotts",), None) == {"nanotts:en-us", "nanotts:en-gb"}


def test_an_engine_that_is_missing_cannot_be_held_out(tmp_path):
    with pytest.raises(HoldOutError, match="cannot speak here"):
        people_behind(("piper",), tmp_path)


def test_a_breach_is_an_error():
    clean = {"speech": {"kokoro (Apache-2.0)": {"voices": ["kokoro:af_heart"], "clips": 3}}}
    check_held_out(clean, ("flite",), frozenset({"flite:slt"}))
    engine = {"speech": {"flite (BSD)": {"voices": ["flite:new"], "clips": 1}}}
    with pytest.raises(HoldOutError, match="flite"):
        check_held_out(engine, ("flite",), frozenset({"flite:slt"}))
    person = {"speech": {"festival (MIT)": {"voices": ["flite:slt"], "clips": 1}}}
    with pytest.raises(HoldOutError, match="flite:slt was held out"):
        check_held_out(person, ("flite",), frozenset({"flite:slt"}))


def test_what_the_backbone_heard_is_told():
    hours = {"flite (MIT-Festival)": 0.5, "kokoro (Apache-2.0)": 1.0, "speechocean (CC BY)": 2}
    assert heard_by_backbone({"backbone": {"hours": hours}}, ("flite", "nanotts")) == ["flite"]
    assert heard_by_backbone({"backbone": "none: …"}, ("flite",)) == []
