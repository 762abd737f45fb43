"""Kokoro's engine on a model of a few nodes: a tone of the style's pitch, 0.1 s for each token."""

import numpy as np
import pytest
from onnx import TensorProto, helper, save

from trainer.tts.base import EngineUnavailableError, SynthesisError, parents
from trainer.tts.blends import blend, can_blend
from trainer.tts.kokoro import BROKEN_VOICES, RATE_HZ, STYLE_SHAPE, KokoroEngine
from trainer.tts.kokoro_model import CHOICE_VARIABLE, MODEL_FILE

TOKEN_SAMPLES = 2400
SILENT_SAMPLES = 6000


def tiny_model():
    """tokens, style, speed → silence and a tone whose angular step is style[0]."""
    constants = {
        "axis": np.array(1, np.int64),
        "zero": np.array(0, np.float32),
        "one": np.array(1, np.float32),
        "per_token": np.array(TOKEN_SAMPLES, np.float32),
        "half": np.array(0.5, np.float32),
        "first": np.array(0, np.int64),
        "silence": np.zeros(SILENT_SAMPLES, np.float32),
        "scalar": np.array([], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Shape", ["tokens"], ["shape"]),
        node("Gather", ["shape", "axis"], ["count"]),
        node("Cast", ["count"], ["count_f"], to=TensorProto.FLOAT),
        node("Mul", ["count_f", "per_token"], ["samples"]),
        node("Reshape", ["speed", "scalar"], ["pace"]),
        node("Div", ["samples", "pace"], ["length"]),
        node("Range", ["zero", "length", "one"], ["steps"]),
        node("Gather", ["style", "first"], ["row"]),
        node("Gather", ["row", "first"], ["angle"]),
        node("Mul", ["steps", "angle"], ["phase"]),
        node("Sin", ["phase"], ["tone"]),
        node("Mul", ["tone", "half"], ["quiet"]),
        node("Concat", ["silence", "quiet", "silence"], ["audio"], axis=0),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "kokoro",
        [
            info("tokens", TensorProto.INT64, [1, "n"]),
            info("style", TensorProto.FLOAT, [1, 256]),
            info("speed", TensorProto.FLOAT, [1]),
        ],
        [info("audio", TensorProto.FLOAT, ["samples_out"])],
        [
            helper.make_tensor(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape, a.ravel())
            for name, a in constants.items()
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def step_of(pitch_hz):
    return 2 * np.pi * pitch_hz / RATE_HZ


@pytest.fixture(autouse=True)
def no_choice(monkeypatch):
    monkeypatch.delenv(CHOICE_VARIABLE, raising=False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "styles").mkdir()
    save(tiny_model(), tmp_path / MODEL_FILE)
    pitches = {"af_heart": 200, "am_adam": 100, "bf_emma": 220, "em_alex": 150, "pm_alex": 150}
    for name, pitch_hz in {**pitches, **dict.fromkeys(BROKEN_VOICES, 90)}.items():
        style = np.full(STYLE_SHAPE, step_of(pitch_hz), "<f4")
        style.tofile(tmp_path / "styles" / f"{name}.bin")
    return tmp_path


@pytest.fixture
def engine(folder):
    engine = KokoroEngine(folder)
    yield engine
    engine.close()


def pitch_hz(speech):
    middle = speech.waveform[1500:-1500] * np.hanning(len(speech.waveform) - 3000)
    spectrum = np.abs(np.fft.rfft(middle, 1 << 16))
    return np.argmax(spectrum) * RATE_HZ / (1 << 16)


def test_voices_leave_out_the_broken_and_know_their_language(engine):
    languages = {voice.name: voice.language for voice in engine.voices()}
    assert languages == {
        "af_heart": "en-us",
        "am_adam": "en-us",
        "bf_emma": "en-gb",
        "em_alex": "en",
        "pm_alex": "en",
    }


def test_voices_of_one_person_share_a_speaker(engine):
    assert parents(engine.voice("pm_alex")) == parents(engine.voice("em_alex"))


def test_a_text_is_spoken_and_the_silence_is_cut(engine):
    speech = engine.synthesize("Smart mirror.", engine.voice("af_heart"))
    symbols = speech.settings["phonemes"]
    assert symbols == "smˈɑɹt mˈɪɹəɹ."
    assert speech.seconds == pytest.approx((len(symbols) + 2) * 0.1 + 0.06, abs=0.03)
    assert speech.rate_hz == RATE_HZ
    assert pitch_hz(speech) == pytest.approx(200, abs=2)


def test_a_british_voice_reads_the_british_way(engine):
    speech = engine.synthesize("Smart mirror.", engine.voice("bf_emma"))
    assert speech.settings["phonemes"] == "smˈɑːt mˈɪɹə."


def test_given_phonemes_are_spoken_as_they_are(engine):
    speech = engine.synthesize("smirt marror", engine.voice("bf_emma"), phonemes="smˈɜɹt mˈæɹəɹ")
    assert speech.settings["phonemes"] == "smˈɜɹt mˈæɹəɹ"
    assert speech.text == "smirt marror"


def test_speed_shortens(engine):
    voice = engine.voice("af_heart")
    slow = engine.synthesize("Smart mirror.", voice, speed=0.8)
    fast = engine.synthesize("Smart mirror.", voice, speed=1.6)
    assert slow.seconds / fast.seconds == pytest.approx(2.0, abs=0.1)


def test_a_blend_speaks_between_its_parents_and_is_found_again_by_name(engine):
    mixed = blend(engine.voice("af_heart"), engine.voice("am_adam"), 0.7)
    speech = engine.synthesize("Smart mirror.", mixed)
    assert pitch_hz(speech) == pytest.approx(0.7 * 200 + 0.3 * 100, abs=2)
    assert engine.voice(mixed.name) == mixed


def test_the_same_call_gives_the_same_samples(engine):
    voice = engine.voice("af_heart")
    first, second = (engine.synthesize("Smart mirror.", voice, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.waveform, second.waveform)


def test_it_works_again_after_close(engine):
    voice = engine.voice("af_heart")
    before = engine.synthesize("Hello.", voice)
    engine.close()
    np.testing.assert_array_equal(engine.synthesize("Hello.", voice).waveform, before.waveform)


def test_nothing_to_say_and_too_much_to_say_are_refused(engine):
    voice = engine.voice("af_heart")
    with pytest.raises(SynthesisError, match="nothing to speak"):
        engine.synthesize("...", voice)
    with pytest.raises(SynthesisError, match="split the text"):
        engine.synthesize("hello " * 200, voice)


def test_an_unknown_phoneme_is_not_swallowed(engine):
    with pytest.raises(SynthesisError, match="no token for 7 "):
        engine.synthesize("seven", engine.voice("af_heart"), phonemes="sˈ7n")


def test_another_engines_voice_a_wild_speed_and_an_unknown_name_are_refused(engine):
    voice = engine.voice("af_heart")
    stranger = type(voice)("piper", "joe", "en-us", "joe", "CC0")
    with pytest.raises(ValueError, match="belongs to the engine piper"):
        engine.synthesize("Hello.", stranger)
    with pytest.raises(ValueError, match="outside"):
        engine.synthesize("Hello.", voice, speed=9)
    with pytest.raises(ValueError, match="no voice 'af_nobody'"):
        engine.voice("af_nobody")
    with pytest.raises(ValueError, match="no voice 'pm_santa'"):
        engine.voice("pm_santa")


def test_any_two_plain_voices_can_be_blended(engine):
    heart, adam = engine.voice("af_heart"), engine.voice("am_adam")
    assert can_blend(engine, heart, adam)
    assert not can_blend(engine, heart, heart)
    assert not can_blend(engine, heart, blend(heart, adam, 0.5))
    assert not can_blend(engine, heart, type(heart)("kokoro", "af_no", "en-us", "no", "CC0"))


def test_missing_files_are_named(tmp_path, folder):
    with pytest.raises(EngineUnavailableError, match=rf"{MODEL_FILE} is not.*watchword voices"):
        KokoroEngine(tmp_path / "nothing", "onnx")
    (folder / MODEL_FILE).rename(tmp_path / "moved")
    with pytest.raises(EngineUnavailableError, match=MODEL_FILE):
        KokoroEngine(folder, "onnx")
    (tmp_path / "moved").rename(folder / MODEL_FILE)
    for path in (folder / "styles").iterdir():
        path.unlink()
    with pytest.raises(EngineUnavailableError, match=r"styles.*watchword voices"):
        KokoroEngine(folder)


def test_a_damaged_model_and_a_damaged_style_are_named(folder):
    (folder / "styles" / "af_heart.bin").write_bytes(b"short")
    engine = KokoroEngine(folder)
    with pytest.raises(EngineUnavailableError, match=r"af_heart\.bin is not a Kokoro style"):
        engine.synthesize("Hello.", engine.voice("af_heart"))
    (folder / MODEL_FILE).write_bytes(b"no model")
    with pytest.raises(EngineUnavailableError, match="cannot be loaded"):
        engine.synthesize("Hello.", engine.voice("am_adam"))


def test_the_packages_voices_speak_through_the_onnx_export_too(folder):
    import torch

    (folder / "voices").mkdir()
    style = torch.full(STYLE_SHAPE, step_of(170))
    torch.save(style, folder / "voices" / "af_sky.pt")
    engine = KokoroEngine(folder)
    speech = engine.synthesize("Smart mirror.", engine.voice("af_sky"))
    assert speech.settings["model"] == MODEL_FILE
    assert pitch_hz(speech) == pytest.approx(170, abs=2)
