"""A paid engine in a whole gathering: worker processes, a real database, a server on loopback."""

from contextlib import closing

import numpy as np
import pytest
import soxr

from db.clips import ClipStore
from db.connection import open_database
from tests.trainer.tts.account_server import KEY, Account, serve
from trainer.corpus import gather
from trainer.phrases import Bucket, parse_phrase
from trainer.presets import PRESETS, BucketPlan, Preset
from trainer.progress import silent
from trainer.tts.nanotts import NanoTtsEngine
from trainer.tts.paid import ALLOW_VARIABLE, CostError, paid_allowed
from watchword.cli import main

TINY = Preset(
    name="tiny",
    about="for tests",
    positive=BucketPlan(texts=2, clips_per_text=8, growth=1),
    confuser=BucketPlan(texts=4, clips_per_text=1, growth=1),
    in_between=BucketPlan(texts=2, clips_per_text=1, growth=1),
    plain=BucketPlan(texts=2, clips_per_text=1, growth=1),
    positive_variants=1,
    confuser_variants=1,
    plain_variants=1,
    ambient_hours=0.02,
    rooms=4,
    steps=10,
)
ENGINES = ["nanotts", "elevenlabs"]


@pytest.fixture
def account(monkeypatch, tmp_path):
    """An account whose voices all are nanotts, at several pitches."""
    voices = NanoTtsEngine()

    def speak(text, seed):
        speech = voices.synthesize(text, voices.voices()[seed % 2], seed=seed)
        waveform = soxr.resample(speech.waveform, speech.rate_hz, 16_000)
        return np.round(waveform * 32_000).astype("<i2").tobytes()

    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    monkeypatch.delenv(ALLOW_VARIABLE, raising=False)
    with serve(Account(speak=speak)) as account:
        monkeypatch.setenv("ELEVENLABS_BASE_URL", account.url)
        yield account


@pytest.fixture
def database(tmp_path):
    with closing(open_database(f"sqlite:///{tmp_path}/clips.sqlite3")) as connection:
        yield connection


@pytest.fixture
def store(database, tmp_path):
    return ClipStore(database, tmp_path / "clips")


def run(store, tmp_path, report=silent):
    return gather(
        parse_phrase("smart mirror"), TINY, store, tmp_path / "voices", seed=0, report=report,
        engines=ENGINES, workers=2,
    )  # fmt: skip


def asked_to_speak(account):
    return [body for method, _, _, body in account.asked if method == "POST"]


def test_with_consent_it_speaks_and_the_cost_was_told_first(account, database, store, tmp_path):
    told = []

    def report(progress):
        if "elevenlabs" in progress.detail:
            told.append((progress.detail, len(asked_to_speak(account))))

    with paid_allowed(["elevenlabs"]):
        corpus = run(store, tmp_path, report)
    ((sentence, asked_before),) = told
    assert asked_before == 0
    sent = [body["text"] for body in asked_to_speak(account)]
    assert f"will charge for {sum(map(len, sent)):,} characters" in sentence
    clips = corpus.buckets[Bucket.POSITIVE].clips
    bought = clips[clips["engine"] == "elevenlabs"]
    assert len(bought) >= 5
    assert set(bought["licence"]) == {"ElevenLabs terms of service"}
    assert set(bought["speaker"]) <= {f"elevenlabs:{v['voice_id']}" for v in account.voices}
    everything = "\n".join(database.iterdump())
    assert "ElevenLabs terms of service" in everything
    assert KEY not in everything


def test_without_consent_the_others_speak(account, store, tmp_path):
    corpus = run(store, tmp_path)
    assert "--allow-paid elevenlabs" in corpus.missing_engines["elevenlabs"]
    assert set(corpus.buckets[Bucket.POSITIVE].clips["engine"]) == {"nanotts"}
    assert account.asked == []


def test_more_than_is_left_is_not_begun(account, database, store, tmp_path):
    account.used = account.limit - 10
    with paid_allowed(["elevenlabs"]), pytest.raises(CostError, match="of the 10 credits"):
        run(store, tmp_path)
    assert asked_to_speak(account) == []
    assert database.execute("SELECT count(*) FROM clip").fetchone()[0] == 0


def test_the_command_refuses_it_in_a_sentence(account, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(PRESETS, "quick", TINY)
    account.used = account.limit
    with pytest.raises(SystemExit) as left:
        main(["train", "smart mirror", "--preset", "quick", "--out", str(tmp_path / "out" / "sm"),
              "--engines", "nanotts,elevenlabs", "--allow-paid", "elevenlabs"])  # fmt: skip
    assert left.value.code == 3
    error = capsys.readouterr().err
    assert "of the 0 credits that are left: nothing was charged" in error
    assert "Traceback" not in error
    assert asked_to_speak(account) == []
