import pytest
import torch

from trainer.model import WEIGHTS_FILE, TinyCRNN, TinyCRNNConfig
from trainer.validation import Verdict
from watchword.finished_stages import KeptRuns

VERDICT = Verdict((0.1, 0.05, 0.0), near_accepted=0.02, false_accepts_per_hour=3.0, cost=0.06)


@pytest.fixture
def model():
    return TinyCRNN(TinyCRNNConfig(conv_channels=8, hidden=8, head=4)).eval()


@pytest.fixture
def kept(tmp_path, model):
    KeptRuns(tmp_path, {"clips": "one"}).keep(1, VERDICT, model)
    return tmp_path


def test_a_run_comes_back_as_it_was(kept, model):
    runs = KeptRuns(kept, {"clips": "one"})
    assert runs.load(0) is None
    verdict, found = runs.load(1)
    assert verdict == VERDICT
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), found.parameters(), strict=True)
    )


def test_a_run_on_other_clips_is_none(kept, caplog):
    assert KeptRuns(kept, {"clips": "two"}).load(1) is None
    assert "other clips" in caplog.text


def test_a_damaged_run_is_none(kept, caplog):
    (kept / "1" / WEIGHTS_FILE).write_bytes(b"half of it")
    assert KeptRuns(kept, {"clips": "one"}).load(1) is None
    assert "run 1 anew" in caplog.text
