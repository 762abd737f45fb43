import pytest

from trainer.tts import engines as registry_module
from trainer.tts.base import EngineUnavailableError, Voice, parents
from trainer.tts.engines import ENGINES, available_engines


def voice(speaker, engine="kokoro"):
    return Voice(engine, "a", "en-us", speaker, "CC0")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (voice("af_heart"), {"kokoro:af_heart"}),
        (voice("af_heart+am_adam"), {"kokoro:af_heart", "kokoro:am_adam"}),
        (voice("kokoro:af_heart", "hibari"), {"kokoro:af_heart"}),
        (voice("libritts_r#84", "piper"), {"piper:libritts_r#84"}),
    ],
)
def test_parents_name_everybody_behind_a_voice(given, expected):
    assert parents(given) == expected


def test_without_voices_packages_and_programs_each_engine_says_what_is_missing(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    for module in ("piper", "hibari", "nanotts"):
        monkeypatch.setattr(f"trainer.tts.{module}.find_spec", lambda _name: None)
    engines, reasons = available_engines(tmp_path / "nothing")
    assert engines == {}
    assert list(reasons) == list(ENGINES)
    assert "watchword voices" in reasons["kokoro"]
    assert "pip install piper-tts" in reasons["piper"]
    assert "pip install hibari-tts" in reasons["hibari"]
    assert "pip install py-nanotts" in reasons["nanotts"]
    assert "apt-get install flite" in reasons["flite"]
    assert "apt-get install espeak-ng" in reasons["espeak"]


def test_a_missing_engine_does_not_hinder_the_others(tmp_path, monkeypatch):
    def missing(_voices_dir):
        raise EngineUnavailableError("gone")

    there = object()
    monkeypatch.setattr(registry_module, "ENGINES", {"a": missing, "b": lambda _dir: there})
    assert available_engines(tmp_path) == ({"b": there}, {"a": "gone"})


def test_an_unknown_engine_is_refused_with_the_choice(tmp_path):
    with pytest.raises(ValueError, match=r"no speech engine sam: choose from kokoro, piper"):
        available_engines(tmp_path, ["sam"])
