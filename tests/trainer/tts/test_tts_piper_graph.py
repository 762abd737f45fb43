"""Models of a few nodes with a Piper voice's signature: their noise and speakers become inputs."""

import json
import sys
from importlib.util import find_spec

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, save

from trainer.tts.base import SynthesisError, parents
from trainer.tts.blends import blend, can_blend
from trainer.tts.piper import PiperEngine
from trainer.tts.piper_graph import (
    NOISE_CHANNELS,
    NOISE_INPUT,
    SPEAKER_INPUT,
    mix_rows,
    seed_by_input,
    speaker_by_input,
    speakers_in_table,
)

RATE_HZ = 16_000
SYMBOL_SAMPLES = 800
TABLE = np.array([[1, 0, 0], [0, 1, 0], [2, 2, 0], [0, 0, 5]], np.float32)
"""A person's pitch is 100 Hz and 100 Hz x the first entry of the vector."""

needs_piper = pytest.mark.skipif(find_spec("piper") is None, reason="piper-tts is not installed")


def voice_model(*, look_up="table"):
    """input, input_lengths, scales, sid → a tone of the speaker's pitch; noise moves its phase."""
    node = helper.make_node
    speaker = {
        "table": [node("Gather", ["emb_g.weight", "sid"], ["vector"])],
        "cast": [
            node("Cast", ["sid"], ["sid32"], to=TensorProto.INT32),
            node("Gather", ["emb_g.weight", "sid32"], ["vector"], axis=0),
        ],
        "twice": [
            node("Gather", ["emb_g.weight", "sid"], ["row"]),
            node("Cast", ["sid"], ["number"], to=TensorProto.FLOAT),
            node("Add", ["row", "number"], ["vector"]),
        ],
        "one_hot": [
            node("OneHot", ["sid", "speakers", "off_on"], ["which"]),
            node("MatMul", ["which", "emb_g.weight"], ["vector"]),
        ],
        "columns": [
            node("Gather", ["emb_t", "sid"], ["column"], axis=1),
            node("Transpose", ["column"], ["vector"]),
        ],
    }[look_up]
    constants = {
        "emb_g.weight": TABLE,
        "emb_t": TABLE.T,
        "speakers": np.array(len(TABLE), np.int64),
        "off_on": np.array([0, 1], np.float32),
        "axis": np.array(1, np.int64),
        "zero": np.array(0, np.int64),
        "zero_f": np.array(0, np.float32),
        "one": np.array(1, np.int64),
        "one_f": np.array(1, np.float32),
        "per_symbol": np.array(SYMBOL_SAMPLES, np.float32),
        "base": np.array(2 * np.pi * 100 / RATE_HZ, np.float32),
        "half": np.array(0.5, np.float32),
        "wave": np.array([1, 1, -1], np.int64),
    }
    nodes = [
        *speaker,
        node("Shape", ["input"], ["shape"]),
        node("Gather", ["shape", "axis"], ["count"]),
        node("Cast", ["count"], ["count_f"], to=TensorProto.FLOAT),
        node("Gather", ["scales", "one"], ["length_scale"]),
        node("Gather", ["scales", "zero"], ["noise_scale"]),
        node("Mul", ["count_f", "per_symbol"], ["plain_samples"]),
        node("Mul", ["plain_samples", "length_scale"], ["samples"]),
        node("Range", ["zero_f", "samples", "one_f"], ["steps"]),
        node("Gather", ["vector", "zero"], ["only"]),
        node("Gather", ["only", "zero"], ["height"]),
        node("Add", ["height", "one_f"], ["raised"]),
        node("Mul", ["raised", "base"], ["angle"]),
        node("Mul", ["steps", "angle"], ["phase"]),
        node("Reshape", ["input", "wave"], ["symbols"]),
        node("RandomNormalLike", ["symbols"], ["noise"], dtype=1),
        node("Mul", ["noise", "noise_scale"], ["scaled_noise"]),
        node("ReduceMean", ["scaled_noise"], ["start"], keepdims=0),
        node("Add", ["phase", "start"], ["moved_phase"]),
        node("Sin", ["moved_phase"], ["tone"]),
        node("Div", ["steps", "samples"], ["ramp"]),
        node("Mul", ["tone", "ramp"], ["swelling"]),
        node("Reshape", ["swelling", "wave"], ["output"]),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "vits",
        [
            info("input", TensorProto.INT64, ["batch", "phonemes"]),
            info("input_lengths", TensorProto.INT64, ["batch"]),
            info("scales", TensorProto.FLOAT, [3]),
            info("sid", TensorProto.INT64, ["batch"]),
        ],
        [info("output", TensorProto.FLOAT, [1, 1, "time"])],
        [
            helper.make_tensor(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape, a.ravel())
            for name, a in constants.items()
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def put_voice(folder, stem, *, look_up="table", names=("ann", "bob", "cy", "di")):
    from piper.config import PhonemeType

    save(voice_model(look_up=look_up), folder / f"{stem}.onnx")
    symbols = "_^$ abcdefghijklmnopqrstuvwxyzɑɐɒæɔəɚɛɜɝɪʊʌŋɹɾʃʒθðˈˌː.,?!"
    config = {
        "audio": {"sample_rate": RATE_HZ, "quality": "medium"},
        "espeak": {"voice": "en-us"},
        "phoneme_type": PhonemeType.ESPEAK.value,
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(symbols)},
        "num_symbols": len(symbols),
        "num_speakers": len(TABLE),
        "speaker_id_map": {name: row for row, name in enumerate(names)},
    }
    (folder / f"{stem}.onnx.json").write_text(json.dumps(config))


@pytest.fixture
def engine(tmp_path):
    put_voice(tmp_path, "en_US-crowd-medium")
    engine = PiperEngine(tmp_path)
    yield engine
    engine.close()


def session(model):
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def pitch_hz(waveform):
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)), 1 << 17))
    return np.argmax(spectrum) * RATE_HZ / (1 << 17)


def feeds(**more):
    return {
        "input": np.ones((1, 10), np.int64),
        "input_lengths": np.array([10], np.int64),
        "scales": np.array([0, 1, 0], np.float32),
        **more,
    }


def test_random_nodes_of_a_model_take_their_noise_from_inputs():
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("RandomNormalLike", ["x"], ["noise"], dtype=1),
            helper.make_node("Add", ["x", "noise"], ["y"]),
        ],
        "noisy",
        [value("x", TensorProto.FLOAT, [1, "c", "t"])],
        [value("y", TensorProto.FLOAT, [1, "c", "t"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    assert seed_by_input(model) == 1
    x = np.ones((1, 3, 5), np.float32)
    noise = np.random.default_rng(0).standard_normal((1, NOISE_CHANNELS, 9), dtype=np.float32)
    (y,) = session(model).run(None, {"x": x, f"{NOISE_INPUT}0": noise})
    np.testing.assert_array_equal(y, x + noise[:, :3, :5])


@pytest.mark.parametrize("look_up", ["table", "cast"])
def test_a_speakers_vector_as_an_input_gives_what_the_speakers_number_gave(look_up):
    before = session(voice_model(look_up=look_up))
    model = voice_model(look_up=look_up)
    table = speaker_by_input(model)
    np.testing.assert_array_equal(table, TABLE)
    after = session(model)
    assert [entry.name for entry in after.get_inputs()] == [*feeds(), SPEAKER_INPUT]
    for row in range(len(TABLE)):
        (expected,) = before.run(None, feeds(sid=np.array([row], np.int64)))
        (got,) = after.run(None, feeds(**{SPEAKER_INPUT: mix_rows(table, [(row, 1.0)])}))
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("look_up", ["twice", "one_hot", "columns"])
def test_a_model_that_chooses_its_speaker_otherwise_stays_as_it_is(look_up):
    model = voice_model(look_up=look_up)
    before = model.SerializeToString()
    assert speaker_by_input(model) is None
    assert model.SerializeToString() == before


def test_the_speakers_of_a_file_are_counted(tmp_path):
    save(voice_model(), tmp_path / "a.onnx")
    save(voice_model(look_up="one_hot"), tmp_path / "b.onnx")
    (tmp_path / "c.onnx").write_bytes(b"not a model")
    assert speakers_in_table(tmp_path / "a.onnx") == len(TABLE)
    assert speakers_in_table(tmp_path / "b.onnx") == 0
    with pytest.raises(ValueError, match=r"c\.onnx is no ONNX model"):
        speakers_in_table(tmp_path / "c.onnx")


def test_a_mix_turns_from_one_to_the_other_and_keeps_its_length():
    np.testing.assert_allclose(
        mix_rows(TABLE, [(0, 0.5), (1, 0.5)]), [[np.sqrt(0.5), np.sqrt(0.5), 0]], rtol=1e-6
    )
    mixed = mix_rows(TABLE, [(0, 0.75), (3, 0.25)])
    assert np.linalg.norm(mixed) == pytest.approx(0.75 * 1 + 0.25 * 5, rel=1e-6)
    for share in (0.01, 0.99):
        near = mix_rows(TABLE, [(0, share), (2, 1 - share)])
        parent = TABLE[0] if share > 0.5 else TABLE[2]
        assert np.linalg.norm(near - parent) < 0.05
    same = np.stack([TABLE[2], TABLE[2] * 3])
    np.testing.assert_allclose(mix_rows(same, [(0, 0.5), (1, 0.5)]), [TABLE[2] * 2], rtol=1e-6)


@pytest.mark.parametrize("parts", [[], [(9, 1.0)], [(-1, 1.0)], [(0, 0.2), (1, 0.3), (2, 0.5)]])
def test_a_mix_of_nobody_or_of_strangers_is_refused(parts):
    with pytest.raises(ValueError, match="cannot be made"):
        mix_rows(TABLE, parts)


@needs_piper
def test_piper_speaks_each_speaker_and_between_two(engine):
    ann, bob = (engine.voice(f"en_US-crowd-medium#{name}") for name in ("ann", "bob"))
    mixed = blend(ann, bob, 0.5)
    assert can_blend(engine, ann, bob)
    assert parents(mixed) == {"piper:crowd#ann", "piper:crowd#bob"}
    pitches = [
        pitch_hz(engine.synthesize("Smart mirror.", voice, seed=1).waveform)
        for voice in (ann, bob, mixed, ann)
    ]
    assert pitches == pytest.approx([200, 100, 100 + 100 * np.sqrt(0.5), 200], abs=3)


@needs_piper
def test_a_blend_is_made_again_from_its_name_and_settings(engine):
    ann, bob = (engine.voice(f"en_US-crowd-medium#{name}") for name in ("ann", "bob"))
    mixed = blend(ann, bob, 0.3)
    first = engine.synthesize("Smart mirror.", mixed, seed=4, speed=1.2)
    engine.synthesize("Something else.", bob, seed=9)
    again = engine.synthesize(
        first.text,
        engine.voice(first.voice.name),
        seed=first.settings["seed"],
        speed=first.settings["speed"],
    )
    assert first.settings["blend"] == "slerp"
    assert first.settings == again.settings
    np.testing.assert_array_equal(first.waveform, again.waveform)
    other = engine.synthesize("Smart mirror.", mixed, seed=5, speed=1.2)
    assert all(
        other.settings[key] != first.settings[key]
        for key in ("length_scale", "noise_scale", "noise_w")
    )
    assert not np.array_equal(other.waveform[:4000], first.waveform[:4000])


@needs_piper
def test_only_two_people_of_one_file_with_a_table_can_be_blended(tmp_path, caplog):
    put_voice(tmp_path, "en_US-crowd-medium", names=("ann", "bob*", "c+y", "di"))
    put_voice(tmp_path, "en_US-other-medium", look_up="one_hot")
    put_voice(tmp_path, "en_US-bad-medium")
    (tmp_path / "en_US-bad-medium.onnx").write_bytes(b"rubbish")
    engine = PiperEngine(tmp_path, [sys.executable])
    voices = {voice.name: voice for voice in engine.voices()}

    def possible(a, b):
        return can_blend(engine, voices[f"en_US-{a}"], voices[f"en_US-{b}"])

    assert possible("crowd-medium#ann", "crowd-medium#di")
    assert not possible("crowd-medium#ann", "crowd-medium#ann")
    assert not possible("crowd-medium#ann", "crowd-medium#bob*")
    assert not possible("crowd-medium#ann", "crowd-medium#c+y")
    assert not possible("crowd-medium#ann", "other-medium#ann")
    assert not possible("other-medium#ann", "other-medium#bob")
    assert not possible("bad-medium#ann", "bad-medium#bob")
    assert "en_US-bad-medium.onnx is no ONNX model" in caplog.text


@needs_piper
def test_a_model_without_a_table_speaks_its_people_and_says_that_it_cannot_blend(tmp_path):
    put_voice(tmp_path, "en_US-other-medium", look_up="one_hot")
    engine = PiperEngine(tmp_path)
    ann, bob = engine.voices()[:2]
    speech = engine.synthesize("Smart mirror.", bob, seed=1)
    assert pitch_hz(speech.waveform) == pytest.approx(100, abs=3)
    with pytest.raises(SynthesisError, match="no blends"):
        engine.synthesize("Smart mirror.", blend(ann, bob, 0.5))
    engine.close()
