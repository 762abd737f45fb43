"""Bark's code path with tiny random weights: real transformers, real files, no words."""

import json
import shutil
from contextlib import suppress
from importlib.util import find_spec

import numpy as np
import pytest

from tests.trainer.tts.tiny_bark import SPEAKERS, write_speakers, write_tiny_bark
from trainer.tts import bark
from trainer.tts.bark import BarkEngine
from trainer.tts.base import EngineUnavailableError, SynthesisError, parents
from trainer.tts.engines import available_engines

needs_transformers = pytest.mark.skipif(
    find_spec("transformers") is None,
    reason='transformers is missing: pip install "watchword[bark]"',
)
TEXT = "Smart mirror."


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(bark, "HUB_MODELS", ())


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices") / "bark"
    folder.mkdir()
    write_tiny_bark(folder)
    return folder


@pytest.fixture(scope="module")
def spoken(weights):
    """The engine, and a seed of which these random weights come to an end."""
    engine = BarkEngine(weights)
    for seed in range(20):
        try:
            speech = engine.synthesize(TEXT, engine.voices()[1], seed=seed)
        except SynthesisError:
            continue
        yield engine, seed, speech
        break
    else:
        pytest.fail("no seed of 20 gave a clip")
    engine.close()


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """A folder with everything but weights that can be loaded; transformers counts as there."""
    monkeypatch.setattr(bark, "find_spec", lambda _name: object())
    write_speakers(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"none")
    return tmp_path


def test_without_transformers_it_says_what_to_install(listed, monkeypatch):
    monkeypatch.setattr(bark, "find_spec", lambda _name: None)
    with pytest.raises(EngineUnavailableError, match=r'pip install "watchword\[bark\]"'):
        BarkEngine(listed)


def test_without_weights_it_says_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setattr(bark, "find_spec", lambda _name: object())
    engines, reasons = available_engines(tmp_path, ["bark"])
    assert engines == {}
    assert f"hf download suno/bark-small --local-dir {tmp_path / 'bark'}" in reasons["bark"]


def test_voices_are_the_prompts_that_are_there(listed):
    voices = {voice.name: voice for voice in BarkEngine(listed).voices()}
    assert list(voices) == sorted(SPEAKERS)
    assert voices["v2/en_speaker_0"].language == "en-us"
    assert voices["v2/de_speaker_3"].language == "en"
    assert parents(voices["v2/en_speaker_1"]) == parents(voices["en_speaker_1"])
    (listed / "speaker_embeddings/v2/en_speaker_0_fine_prompt.npy").unlink()
    assert len(BarkEngine(listed).voices()) == len(SPEAKERS) - 1
    shutil.rmtree(listed / "speaker_embeddings")
    with pytest.raises(EngineUnavailableError, match="No speaker prompt"):
        BarkEngine(listed)


@pytest.mark.parametrize("path", ["../outside.npy", "/etc/hostname"])
def test_prompts_outside_the_folder_are_not_read(listed, path):
    np.save(listed.parent / "outside.npy", np.zeros(3))
    listing = json.loads((listed / bark.PRESETS_FILE).read_text())
    listing["v2/en_speaker_0"]["fine_prompt"] = path
    (listed / bark.PRESETS_FILE).write_text(json.dumps(listing))
    assert "v2/en_speaker_0" not in {voice.name for voice in BarkEngine(listed).voices()}


def test_texts_that_bark_does_not_speak_are_refused(listed):
    engine = BarkEngine(listed)
    voice = engine.voices()[0]
    for text, reason in (
        ("[laughs] go", "laughs"), ("♪ go ♪", "sings"), ("…", "words"), ("word " * 50, "split"),
    ):  # fmt: skip
        with pytest.raises(SynthesisError, match=reason):
            engine.synthesize(text, voice)
    with pytest.raises(ValueError, match="speaks texts only"):
        engine.synthesize("go", voice, phonemes="ɡˈO")


@needs_transformers
def test_weights_that_are_damaged_are_said(listed):
    engine = BarkEngine(listed)
    with pytest.raises(EngineUnavailableError, match="cannot be loaded"):
        engine.synthesize("go", engine.voices()[0])


@needs_transformers
def test_a_damaged_prompt_is_one_failure(weights, tmp_path):
    folder = tmp_path / "bark"
    shutil.copytree(weights, folder)
    prompts = folder / "speaker_embeddings" / "v2"
    np.save(prompts / "en_speaker_0_fine_prompt.npy", np.zeros(3))
    np.save(prompts / "en_speaker_1_fine_prompt.npy", np.array([{}]), allow_pickle=True)
    engine = BarkEngine(folder)
    voices = {voice.name: voice for voice in engine.voices()}
    with pytest.raises(SynthesisError, match="no fine_prompt"):
        engine.synthesize("go", voices["v2/en_speaker_0"])
    with pytest.raises(SynthesisError, match="cannot be read"):
        engine.synthesize("go", voices["v2/en_speaker_1"])


@needs_transformers
def test_the_seed_decides_the_waveform(spoken):
    import torch

    engine, seed, speech = spoken
    state = torch.random.get_rng_state()
    threads = torch.get_num_threads()
    again = engine.synthesize(TEXT, speech.voice, seed=seed)
    assert np.array_equal(speech.waveform, again.waveform)
    assert speech.waveform.dtype == np.float32
    assert speech.rate_hz == 24_000
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads
    fresh = BarkEngine(engine._weights)
    assert np.array_equal(fresh.synthesize(TEXT, speech.voice, seed=seed).waveform, speech.waveform)


@needs_transformers
def test_speaker_text_and_seed_make_a_difference(spoken):
    engine, _, speech = spoken

    def said(text, speaker):
        clips = {}
        for seed in range(4):
            with suppress(SynthesisError):  # these weights do not always come to an end
                clips[seed] = engine._generate(text, engine._preset(speaker), 12, seed)[0].tobytes()
        return clips

    first = said(TEXT, speech.voice.name)
    assert len(set(first.values())) > 1
    for other in (said("Hello.", speech.voice.name), said(TEXT, "v2/en_speaker_0")):
        both = first.keys() & other.keys()
        assert both
        assert any(first[seed] != other[seed] for seed in both)


@needs_transformers
def test_speed_stretches(spoken):
    engine, seed, speech = spoken
    slow = engine.synthesize(TEXT, speech.voice, speed=0.7, seed=seed)
    assert slow.seconds == pytest.approx(speech.seconds / 0.7, rel=0.2)
    assert slow.settings["speed"] == 0.7


@needs_transformers
def test_speech_without_an_end_is_refused(spoken, monkeypatch):
    engine, seed, speech = spoken
    monkeypatch.setattr(bark, "LONGEST_REST_S", 0.1)
    monkeypatch.setattr(bark, "LONGEST_SOUND_S", 0.0)
    with pytest.raises(SynthesisError, match="did not come to an end"):
        engine.synthesize(TEXT, speech.voice, seed=seed)


@needs_transformers
def test_the_hubs_cache_is_found(weights, tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(bark, "HUB_MODELS", ("suno/bark-small",))
    repository = tmp_path / "models--suno--bark-small"
    shutil.copytree(weights, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    engine = BarkEngine(tmp_path / "nothing")
    assert engine._weights == repository / "snapshots" / "abc"
    assert len(engine.voices()) == len(SPEAKERS)
