"""The package `kokoro` with small random weights: its own code speaks, only nobody's voice."""

import hashlib
import json
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from trainer.tts import kokoro_model, kokoro_weights
from trainer.tts.base import EngineUnavailableError
from trainer.tts.blends import blend
from trainer.tts.kokoro import STYLE_SHAPE, KokoroEngine
from trainer.tts.kokoro_model import CHOICE_VARIABLE, MODEL_FILE, choose_model
from trainer.tts.kokoro_weights import CONFIG_FILE, PACKAGE_MODEL_FILE, REPOSITORY, REVISION

PARTS = ("bert", "bert_encoder", "predictor", "decoder", "text_encoder")
CONFIG = {
    "n_token": 178,
    "hidden_dim": 512,
    "style_dim": 128,
    "n_layer": 1,
    "max_dur": 5,
    "dropout": 0.2,
    "text_encoder_kernel_size": 5,
    "n_mels": 80,
    "dim_in": 16,
    "plbert": {
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 512,
        "num_hidden_layers": 1,
        "dropout": 0.1,
    },
    "istftnet": {
        "upsample_rates": [10, 6],
        "upsample_kernel_sizes": [20, 12],
        "upsample_initial_channel": 512,
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3, 5]],
        "gen_istft_n_fft": 20,
        "gen_istft_hop_size": 5,
    },
}
"""Kokoro's own, with fewer and narrower layers where the code lets them be so."""

needs_package = pytest.mark.skipif(
    find_spec("kokoro") is None, reason="the package kokoro is not installed"
)


@pytest.fixture(autouse=True)
def alone(tmp_path_factory, monkeypatch):
    """No choice, no cache and no hub but a test's own."""
    monkeypatch.delenv(CHOICE_VARIABLE, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    cache = tmp_path_factory.mktemp("hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder like the hub's repository. Rows of large tensors are alike, so that it is small."""
    import torch

    folder = tmp_path_factory.mktemp("weights")
    config = {**CONFIG, "vocab": kokoro_model._vocabulary()}
    (folder / CONFIG_FILE).write_text(json.dumps(config), encoding="utf-8")
    torch.save({}, folder / "empty.pth")
    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = kokoro_model._import_kmodel()(
            repo_id="local", config=config, model=str(folder / "empty.pth")
        )

    def made(tensor):
        if tensor.numel() < 10_000:
            return torch.randn(tensor.shape) * 0.05
        return (torch.randn(1, *tensor.shape[1:]) * 0.05).expand(tensor.shape)

    states = {
        part: {
            key: made(value) if value.is_floating_point() else torch.zeros_like(value, device="cpu")
            for key, value in getattr(shapes, part).state_dict().items()
        }
        for part in PARTS
    }
    torch.save(states, folder / PACKAGE_MODEL_FILE)
    (folder / "voices").mkdir()
    for name, height in {"af_heart": 0.5, "am_adam": -0.5}.items():
        style = torch.randn(STYLE_SHAPE, generator=torch.manual_seed(len(name))) * 0.1 + height
        torch.save(style, folder / "voices" / f"{name}.pt")
    return folder


@pytest.fixture(scope="module")
def engine(weights):
    engine = KokoroEngine(weights, "package")
    yield engine
    engine.close()


@needs_package
def test_the_package_speaks_with_local_weights_and_the_seed_decides(engine):
    voice = engine.voice("af_heart")
    one, other, again = (engine.synthesize("Smart mirror.", voice, seed=s) for s in (1, 2, 1))
    assert one.settings["model"] == PACKAGE_MODEL_FILE
    assert one.settings["phonemes"] == "smˈɑɹt mˈɪɹəɹ."
    assert one.settings["seed"] == 1
    np.testing.assert_array_equal(one.waveform, again.waveform)
    assert not np.array_equal(one.waveform, other.waveform)


@needs_package
def test_voices_of_the_package_are_blended_and_paced_too(engine):
    heart, adam = engine.voices()
    mixed = engine.synthesize("Smart mirror.", blend(heart, adam, 0.5), seed=1)
    for parent in (heart, adam):
        other = engine.synthesize("Smart mirror.", parent, seed=1)
        assert not np.array_equal(mixed.waveform, other.waveform)
    slow = engine.synthesize("Smart mirror.", heart, speed=0.5)
    fast = engine.synthesize("Smart mirror.", heart, speed=2.0)
    assert slow.seconds > 1.5 * fast.seconds


@needs_package
def test_speaking_leaves_torchs_own_chance_and_threads_alone(engine):
    import torch

    torch.manual_seed(3)
    expected = torch.rand(4)
    threads = torch.get_num_threads()
    torch.manual_seed(3)
    engine.close()
    engine.synthesize("Hello.", engine.voice("af_heart"), seed=9)
    assert torch.equal(torch.rand(4), expected)
    assert torch.get_num_threads() == threads


@needs_package
def test_the_packages_text_reader_stays_out_of_the_process(engine):
    engine.synthesize("Hello.", engine.voice("af_heart"))
    assert "kokoro.model" in sys.modules
    assert not {"kokoro.pipeline", "misaki", "phonemizer", "spacy"} & sys.modules.keys()


@needs_package
def test_the_onnx_export_comes_first_and_each_can_be_asked_for(weights, tmp_path, monkeypatch):
    assert choose_model(weights).name == PACKAGE_MODEL_FILE
    for path in weights.glob("*.*"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / MODEL_FILE).touch()
    assert choose_model(tmp_path).name == MODEL_FILE
    monkeypatch.setenv(CHOICE_VARIABLE, "package")
    assert choose_model(tmp_path).name == PACKAGE_MODEL_FILE
    monkeypatch.setenv(CHOICE_VARIABLE, "onnx")
    with pytest.raises(EngineUnavailableError, match="watchword voices"):
        choose_model(weights)
    monkeypatch.setenv(CHOICE_VARIABLE, "best")
    with pytest.raises(ValueError, match=r"no choice.*onnx, package, hub"):
        choose_model(weights)


@needs_package
def test_what_each_model_lacks_is_said(tmp_path, monkeypatch):
    with pytest.raises(EngineUnavailableError) as caught:
        KokoroEngine(tmp_path)
    said = str(caught.value)
    for part in (MODEL_FILE, "watchword voices", PACKAGE_MODEL_FILE, f"{CHOICE_VARIABLE}=hub"):
        assert part in said
    monkeypatch.setattr(kokoro_model.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EngineUnavailableError, match="pip install kokoro"):
        choose_model(tmp_path, "package")


@needs_package
def test_damaged_weights_a_damaged_configuration_and_a_damaged_voice_are_named(weights, tmp_path):
    (tmp_path / CONFIG_FILE).symlink_to(weights / CONFIG_FILE)
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "am_adam.pt").symlink_to(weights / "voices" / "am_adam.pt")
    (tmp_path / "voices" / "af_heart.pt").write_bytes(b"no tensor")
    (tmp_path / PACKAGE_MODEL_FILE).write_bytes(b"no weights")
    engine = KokoroEngine(tmp_path)
    with pytest.raises(EngineUnavailableError, match=r"af_heart\.pt is not a Kokoro style"):
        engine.synthesize("Hello.", engine.voice("af_heart"))
    with pytest.raises(EngineUnavailableError, match=f"{PACKAGE_MODEL_FILE} cannot be loaded"):
        engine.synthesize("Hello.", engine.voice("am_adam"))
    (tmp_path / CONFIG_FILE).unlink()
    (tmp_path / CONFIG_FILE).write_text("{")
    with pytest.raises(EngineUnavailableError, match="no JSON"):
        KokoroEngine(tmp_path).synthesize("Hello.", engine.voice("am_adam"))


@dataclass
class Hub:
    """What a hub's server has, and what it was asked for."""

    files: dict[str, bytes]
    absent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def hub(weights, monkeypatch):
    """A server on the loopback interface that has the repository at its pinned revision."""
    paths = [weights / CONFIG_FILE, weights / PACKAGE_MODEL_FILE, *weights.glob("voices/*.pt")]
    files = {path.relative_to(weights).as_posix(): path.read_bytes() for path in paths}
    hub = Hub(files={**files, "README.md": b"# Kokoro", "samples/a.wav": b"RIFF"})
    about = f"/api/models/{REPOSITORY}"
    listing = {"id": REPOSITORY, "sha": REVISION, "siblings": []}
    tree = [
        {"type": "file", "path": name, "size": len(content), "oid": sha1(content)}
        for name, content in hub.files.items()
    ]
    answers = {f"{about}/revision/{REVISION}": listing, f"{about}/tree/{REVISION}": tree}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self, *, body=True):
            path = unquote(urlsplit(self.path).path)
            name = path.removeprefix(f"/{REPOSITORY}/resolve/{REVISION}/")
            hub.asked.append(name)
            if path in answers:
                content = json.dumps(answers[path]).encode()
            elif name in hub.files and name not in hub.absent:
                content = hub.files[name]
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{sha1(content)}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def do_HEAD(self):
            self.do_GET(body=False)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    sha256 = hashlib.sha256(files[PACKAGE_MODEL_FILE]).hexdigest()
    monkeypatch.setattr(kokoro_weights, "SHA256", sha256)
    yield hub
    server.shutdown()
    server.server_close()


def sha1(content):
    return hashlib.sha1(content).hexdigest()


@needs_package
def test_the_hub_is_asked_only_when_told_to_and_only_once(hub, tmp_path):
    with pytest.raises(EngineUnavailableError, match=f"{CHOICE_VARIABLE}=hub"):
        KokoroEngine(tmp_path)
    assert hub.asked == []
    engine = KokoroEngine(tmp_path, "hub")
    assert [voice.name for voice in engine.voices()] == ["af_heart", "am_adam"]
    engine.synthesize("Hello.", engine.voice("am_adam"))
    asked = len(hub.asked)
    assert asked > 3
    assert not {"README.md", "samples/a.wav"} & set(hub.asked)
    KokoroEngine(tmp_path, "hub")
    KokoroEngine(tmp_path, "package")
    KokoroEngine(tmp_path)
    assert len(hub.asked) == asked


@needs_package
def test_other_weights_than_the_pinned_are_refused_and_deleted(hub, tmp_path, alone, monkeypatch):
    monkeypatch.setattr(kokoro_weights, "SHA256", "0" * 64)
    with pytest.raises(EngineUnavailableError, match=r"another kokoro-v1_0\.pth"):
        KokoroEngine(tmp_path, "hub")
    assert not list(alone.rglob(PACKAGE_MODEL_FILE))
    with pytest.raises(EngineUnavailableError, match=f"{CHOICE_VARIABLE}=hub"):
        KokoroEngine(tmp_path, "package")


@needs_package
def test_a_hub_that_is_away_or_lacks_the_weights_is_an_error_that_says_so(tmp_path, hub):
    hub.absent.add(PACKAGE_MODEL_FILE)
    with pytest.raises(EngineUnavailableError, match="does not give hexgrad/Kokoro-82M"):
        KokoroEngine(tmp_path, "hub")


@needs_package
def test_no_hub_at_all_is_an_error_that_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # the hub's client tries again
    with pytest.raises(EngineUnavailableError, match="does not give hexgrad/Kokoro-82M"):
        KokoroEngine(tmp_path, "hub")
