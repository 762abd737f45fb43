import math
from itertools import product

import numpy as np
import pytest

from trainer.articulation import SYMBOLS
from trainer.ctc import (
    ACOUSTIC_MODELS,
    FRAME_SAMPLES,
    OVERLAP_S,
    WINDOW_S,
    AcousticModelUnavailableError,
    HamaModel,
    TorchaudioModel,
    acoustic_model,
    forward_score,
    in_windows,
    spotted_score,
)

RATE_HZ = 16_000


def collapse(path, blank):
    kept = [t for i, t in enumerate(path) if i == 0 or t != path[i - 1]]
    return [t for t in kept if t != blank]


@pytest.mark.parametrize("tokens", [[1], [1, 2], [1, 1], [2, 1, 2]])
def test_the_forward_score_is_the_sum_over_all_paths(tokens):
    shares = np.random.default_rng(0).dirichlet(np.ones(3), size=5)
    total = sum(
        math.prod(shares[i, t] for i, t in enumerate(path))
        for path in product(range(3), repeat=5)
        if collapse(path, 0) == tokens
    )
    score = forward_score(np.log(shares).astype(np.float32), tokens, 0)
    assert score == pytest.approx(math.log(total) / len(tokens), abs=1e-5)


@pytest.mark.parametrize("tokens", [[1], [1, 2], [1, 1], [2, 1, 2]])
def test_what_is_spotted_is_the_best_path_through_any_stretch(tokens):
    shares = np.random.default_rng(1).dirichlet(np.ones(3), size=6)
    best = max(
        math.prod(shares[first + i, t] for i, t in enumerate(path))
        for length in range(1, 7)
        for first in range(7 - length)
        for path in product(range(3), repeat=length)
        if collapse(path, 0) == tokens
    )
    score = spotted_score(np.log(shares).astype(np.float32), tokens, 0)
    assert score == pytest.approx(math.log(best) / len(tokens), abs=1e-5)


def test_fewer_frames_than_tokens_have_no_score():
    logs = np.log(np.full((2, 4), 0.25, np.float32))
    assert spotted_score(logs, [1, 2, 3], 0) == spotted_score(logs, [1, 1], 0) == -math.inf
    with pytest.raises(ValueError, match="at least one token"):
        spotted_score(logs, [], 0)
    assert forward_score(logs, [1, 2, 3], 0) == -math.inf
    assert forward_score(logs, [1, 1], 0) == -math.inf  # a blank must stand between them
    assert forward_score(logs[:0], [1], 0) == -math.inf
    with pytest.raises(ValueError, match="at least one token"):
        forward_score(logs, [], 0)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 20.0, 20.01, 39.0, 39.5, 58.02, 100.0])
def test_windows_give_every_frame_once_and_never_beside_a_cut(seconds):
    waveform = np.arange(round(seconds * RATE_HZ), dtype=np.float32)
    asked = []

    def read(part):
        assert len(part) <= WINDOW_S * RATE_HZ
        frames = part[::FRAME_SAMPLES]
        edge = np.minimum(np.arange(len(frames)), len(frames) - 1 - np.arange(len(frames)))
        asked.append((part[0] if len(part) else 0, len(part)))
        return np.stack([frames, edge], axis=1)

    out = in_windows(read, waveform)
    assert out[:, 0].tolist() == waveform[::FRAME_SAMPLES].tolist()
    inside = [
        edge
        for value, edge in out.tolist()
        if value / RATE_HZ > OVERLAP_S and (len(waveform) - value) / RATE_HZ > OVERLAP_S
    ]
    if len(asked) > 1:
        assert min(inside) >= OVERLAP_S / 2 * RATE_HZ / FRAME_SAMPLES - 1


def test_a_name_that_is_no_model_is_refused():
    with pytest.raises(ValueError, match="hama, torchaudio"):
        acoustic_model("whisper")
    assert set(ACOUSTIC_MODELS) == {"hama", "torchaudio"}


def test_a_missing_model_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "hama", None)
    with pytest.raises(AcousticModelUnavailableError, match=r"pip install 'watchword\[ctc\]'"):
        HamaModel()
    monkeypatch.setitem(__import__("sys").modules, "torchaudio", None)
    with pytest.raises(AcousticModelUnavailableError, match=r"watchword\[torchaudio\]"):
        TorchaudioModel()


class Bundle:
    """What torchaudio's bundles have, with a network of one random layer."""

    sample_rate = RATE_HZ

    def get_labels(self):
        return ("-", "|", *"ETAOINSHRDLU", "'")

    def get_model(self):
        import torch

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                generator = torch.Generator().manual_seed(0)
                self.weight = torch.randn(400, 15, generator=generator)

            def forward(self, waveforms):
                return waveforms.unfold(1, 400, FRAME_SAMPLES) @ self.weight, None

        return Net()


def test_torchaudio_is_read_as_letters_with_the_border_in_the_blank():
    model = TorchaudioModel(Bundle())
    waveform = np.random.default_rng(0).normal(0, 0.1, 25 * RATE_HZ).astype(np.float32)
    logs = model.log_probs(waveform)
    assert logs.dtype == np.float32
    assert logs.shape == ((len(waveform) - 400) // FRAME_SAMPLES + 1, 15)
    assert np.exp(logs).sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert logs[:, 1].max() < -20
    spelled = model.spell("don't", "")
    assert "".join(model.tokens[t] for t in spelled) == "DON'T"
    assert model.spell("|-", "") == ()


def test_a_bundle_of_another_rate_is_refused():
    bundle = Bundle()
    bundle.sample_rate = 8_000
    with pytest.raises(AcousticModelUnavailableError, match="8000 Hz"):
        TorchaudioModel(bundle)


@pytest.fixture(scope="module")
def hama():
    pytest.importorskip("hama", reason="the extra ctc is not installed")
    return acoustic_model()


def test_hama_reads_frames_of_20_ms_beyond_its_own_limit_of_30_s(hama):
    for seconds in (0.1, 1.0, 20.02, 33.0):
        waveform = np.zeros(round(seconds * RATE_HZ), np.float32)
        logs = hama.log_probs(waveform)
        assert logs.shape == (len(waveform) // FRAME_SAMPLES + 1, len(SYMBOLS) + 1)
        assert np.exp(logs).sum(axis=1) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("phonemes", "sounds"),
    [
        ("smˈɑɹt", "s m ɑ ɹ t"),
        ("mˈɪɹəɹ", "m ɪ ɹ ɜ"),
        ("bˈɜɹd", "b ɜ d"),
        ("lˈɪTəɹi", "l ɪ t ə ɹ i"),
        ("ʤˈɑɹvɪs,", "ʤ ɑ ɹ v ɪ s"),
        ("…", ""),
    ],
)
def test_hama_spells_sounds_and_writes_a_vowel_with_its_r_as_one(hama, phonemes, sounds):
    assert " ".join(hama.tokens[t] for t in hama.spell("", phonemes)) == sounds
