"""ElevenLabs against a server on this machine that speaks its protocol."""

import email.utils
import json
import logging
import pickle
import time
from dataclasses import asdict

import numpy as np
import pytest

from tests.trainer.tts.account_server import ADAM, ALICE, COPY, KEY, Account, detail, serve
from trainer.tts import paid
from trainer.tts.base import EngineUnavailableError, SynthesisError, Voice, parents
from trainer.tts.doctor import check_engines
from trainer.tts.elevenlabs import ElevenLabsEngine
from trainer.tts.elevenlabs_api import (
    ATTEMPTS,
    AccessRefusedError,
    ElevenLabsClient,
    QuotaExceededError,
    RequestRefusedError,
    ServiceBusyError,
    ServiceUnreachableError,
)
from trainer.tts.engines import available_engines
from trainer.tts.paid import ALLOW_VARIABLE, CostError, check_costs, paid_allowed
from trainer.tts.secrets import Secret

BUSY = (429, detail("system_busy", "We are busy."), {})


@pytest.fixture
def account():
    with serve(Account()) as account:
        yield account


@pytest.fixture
def pauses():
    return []


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("ELEVENLABS_API_KEY", "ELEVENLABS_BASE_URL", ALLOW_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def allowed(monkeypatch):
    monkeypatch.setenv(ALLOW_VARIABLE, "elevenlabs")


def make(account, pauses, key=KEY, **options):
    client = ElevenLabsClient(
        Secret(key, "the test"), base_url=account.url, sleep=pauses.append, **options
    )
    return ElevenLabsEngine(client)


@pytest.fixture
def engine(account, pauses, allowed):
    return make(account, pauses)


@pytest.fixture
def adam(engine):
    return next(voice for voice in engine.voices() if voice.name == ADAM["voice_id"])


def posts(account):
    return [body for method, _, _, body in account.asked if method == "POST"]


def test_voices_are_the_accounts(engine):
    voices = {voice.name: voice for voice in engine.voices()}
    assert list(voices) == sorted(v["voice_id"] for v in (ADAM, ALICE, COPY))
    languages = [voices[v["voice_id"]].language for v in (ADAM, ALICE, COPY)]
    assert languages == ["en-us", "en-gb", "en"]
    adam, copy = voices[ADAM["voice_id"]], voices[COPY["voice_id"]]
    assert parents(adam) == parents(copy) == {f"elevenlabs:{ADAM['voice_id']}"}


def test_voices_are_asked_for_once_until_closed(engine, account):
    engine.voices()
    engine.voices()
    assert len(account.asked) == 1
    engine.close()
    account.voices = [ADAM]
    assert len(engine.voices()) == 1


def test_a_text_is_spoken_at_16_khz(engine, account, adam):
    speech = engine.synthesize("smart mirror", adam, seed=5)
    assert speech.rate_hz == 16_000
    assert speech.waveform.dtype == np.float32
    assert 0.9 < speech.seconds < 1.1
    (body,) = posts(account)
    assert body["text"] == "smart mirror"
    assert body["seed"] == 5
    assert body["voice_settings"]["speed"] == 1.0
    assert account.charged == len("smart mirror")


def test_the_seed_decides_what_is_asked_for(engine, account, adam):
    first = engine.synthesize("smart mirror", adam, seed=5)
    again = engine.synthesize("smart mirror", adam, seed=5)
    other = engine.synthesize("smart mirror", adam, seed=6)
    bodies = posts(account)
    assert bodies[0] == bodies[1] != bodies[2]
    assert np.array_equal(first.waveform, again.waveform)
    assert not np.array_equal(first.waveform, other.waveform)
    assert bodies[2]["voice_settings"]["stability"] == other.settings["stability"]


@pytest.mark.parametrize(("speed", "sent"), [(0.5, 0.7), (0.9, 0.9), (1.35, 1.2), (2.0, 1.2)])
def test_a_pace_beyond_the_services_is_stretched(engine, account, adam, speed, sent):
    speech = engine.synthesize("smart mirror", adam, speed=speed, seed=1)
    assert posts(account)[0]["voice_settings"]["speed"] == sent
    assert speech.settings["speed"] == speed
    # The server knows no pace: all of the change that is seen is made here.
    assert speech.seconds == pytest.approx(1.02 / (speed / sent), abs=0.06)


def test_what_the_service_was_not_made_for_is_refused_before_it_costs(engine, account, adam):
    for text in ("turn <break/> on", "…", "a" * 1_001):
        with pytest.raises(SynthesisError):
            engine.synthesize(text, adam)
    with pytest.raises(ValueError, match="speaks texts only"):
        engine.synthesize("smart", adam, phonemes="smˈɑɹt")
    with pytest.raises(ValueError, match="belongs to the engine kokoro"):
        engine.synthesize("smart", Voice("kokoro", "af_heart", "en-us", "af_heart", "x"))
    assert posts(account) == []


def test_a_voice_that_is_gone_is_one_failure(engine, account, adam):
    account.voices = [ALICE]
    with pytest.raises(RequestRefusedError, match="voice_not_found"):
        engine.synthesize("smart mirror", adam)
    alice = Voice("elevenlabs", ALICE["voice_id"], "en-gb", "x", "x")
    assert engine.synthesize("smart mirror", alice).seconds > 0.5


@pytest.mark.parametrize("fault", [BUSY, (503, "<html>", {}), (500, "", {}), "drop", "cut"])
def test_what_passes_is_tried_again_after_longer_and_longer(engine, account, pauses, adam, fault):
    account.faults = [fault, fault, fault]
    assert engine.synthesize("smart mirror", adam, seed=3).seconds > 0.5
    assert len(posts(account)) == 4
    assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1.0 <= pauses[2] <= 2.0


def test_pauses_come_from_the_seed(engine, account, pauses, adam):
    for seed in (3, 3, 4):
        account.faults = [BUSY, BUSY]
        engine.synthesize("smart mirror", adam, seed=seed)
    assert pauses[0:2] == pauses[2:4]
    assert pauses[0:2] != pauses[4:6]


def test_the_server_may_say_how_long_to_wait(engine, account, pauses, adam):
    soon = email.utils.formatdate(time.time() + 20, usegmt=True)
    account.faults = [
        (429, "", {"Retry-After": "7"}),
        (429, "", {"Retry-After": soon}),
        (429, "", {"Retry-After": "soon"}),
    ]
    engine.synthesize("smart mirror", adam)
    assert 7.25 <= pauses[0] <= 7.5
    assert 17 <= pauses[1] <= 21
    assert 1 <= pauses[2] <= 2


def test_a_server_that_wants_an_hour_is_given_up(engine, account, pauses, adam):
    account.faults = [(429, detail("system_busy", "Later."), {"Retry-After": "3600"})]
    with pytest.raises(ServiceBusyError, match="Later"):
        engine.synthesize("smart mirror", adam)
    assert pauses == []


def test_a_service_that_stays_busy_fails_this_text_only(engine, account, pauses, adam):
    account.faults = [BUSY] * ATTEMPTS
    with pytest.raises(ServiceBusyError, match=f"system_busy.*{ATTEMPTS} attempts"):
        engine.synthesize("smart mirror", adam)
    assert len(pauses) == ATTEMPTS - 1
    assert engine.synthesize("smart mirror", adam).seconds > 0.5


def test_a_service_that_is_gone_is_not_asked_again_until_closed(engine, account, adam):
    account.faults = ["drop"] * ATTEMPTS
    with pytest.raises(ServiceUnreachableError, match="no answer"):
        engine.synthesize("smart mirror", adam)
    asked = len(account.asked)
    with pytest.raises(EngineUnavailableError, match="no answer"):
        engine.synthesize("smart mirror", adam)
    assert len(account.asked) == asked
    engine.close()
    assert engine.synthesize("smart mirror", adam).seconds > 0.5


def test_silence_on_the_line_times_out(account, pauses, allowed):
    engine = make(account, pauses, timeout_s=0.2)
    voice = engine.voices()[0]
    account.faults = ["hang"]
    assert engine.synthesize("smart mirror", voice).seconds > 0.5
    assert len(pauses) == 1


def test_an_exhausted_quota_ends_the_engine(engine, account, adam):
    account.used = account.limit - 8
    assert engine.synthesize("go on", adam).seconds > 0.3
    account.used = account.limit
    with pytest.raises(QuotaExceededError, match=r"no credits left.*quota_exceeded"):
        engine.synthesize("smart mirror", adam)
    asked = len(account.asked)
    with pytest.raises(EngineUnavailableError, match="no credits left"):
        engine.synthesize("smart mirror", adam)
    assert len(account.asked) == asked


@pytest.mark.parametrize(
    "body",
    [
        detail("quota_exceeded", "Out.", type="x", code="insufficient_credits"),
        json.dumps({"detail": {"code": "insufficient_credits", "message": "Out."}}),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 402, 429])
def test_a_quota_is_known_by_its_code(engine, account, adam, status, body):
    account.faults = [(status, body, {})]
    with pytest.raises(QuotaExceededError):
        engine.synthesize("smart mirror", adam)
    assert len(posts(account)) == 1


def test_faults_of_a_request_are_told(engine, account, adam):
    faults = {"detail": [{"loc": ["body", "seed"], "msg": "too large", "type": "value_error"}]}
    account.faults = [(422, json.dumps(faults), {})]
    with pytest.raises(RequestRefusedError, match=r"422 invalid: .*seed.*too large"):
        engine.synthesize("smart mirror", adam)


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ((b"ID3\x04" + b"\0" * 999, "application/octet-stream"), "in place of pcm_16000"),
        ((b"\xff\xfb" + b"\0" * 998, "audio/mpeg"), "in place of pcm_16000"),
        ((b"\0" * 999, "audio/pcm"), "half a sample"),
        ((b"\0" * 32_000, "audio/pcm"), "silence"),
        ((b"\x10\x20" * 40, "audio/pcm"), "constant|sounds"),
    ],
)
def test_what_is_no_speech_is_refused(engine, account, adam, sent, fault):
    account.pcm, account.content_type = sent
    with pytest.raises(SynthesisError, match=fault):
        engine.synthesize("smart mirror", adam)


def test_a_wrong_key_is_said_without_showing_it(account, pauses, allowed):
    wrong = "sk_wrong0123456789"
    with pytest.raises(AccessRefusedError, match="invalid_api_key") as refused:
        make(account, pauses, key=wrong).voices()
    assert wrong not in str(refused.value)
    assert "***" in str(refused.value)
    assert pauses == []


def test_a_redirect_does_not_get_the_key(account, pauses, allowed):
    with serve(Account()) as elsewhere:
        account.faults = [(302, "", {"Location": f"{elsewhere.url}/v1/voices"})]
        with pytest.raises(AccessRefusedError, match="points elsewhere"):
            make(account, pauses).voices()
        assert elsewhere.asked == []


@pytest.mark.parametrize("url", ["http://api.example.org", "ftp://127.0.0.1", "nonsense"])
def test_the_key_is_sent_to_https_or_this_machine_only(url):
    with pytest.raises(EngineUnavailableError, match="https"):
        ElevenLabsClient(Secret(KEY, "the test"), base_url=url)


def test_the_key_is_nowhere(engine, account, adam, caplog):
    caplog.set_level(logging.DEBUG)
    account.faults = [BUSY, (401, detail("missing_permissions", f"{KEY} may not"), {})]
    with pytest.raises(AccessRefusedError) as refused:
        engine.synthesize("smart mirror", adam)
    engine.close()
    speech = engine.synthesize("smart mirror", adam)
    shown = [
        caplog.text, str(refused.value), repr(refused.value), repr(engine), repr(vars(engine)),
        json.dumps(speech.settings), json.dumps(asdict(speech.voice)),
    ]  # fmt: skip
    assert all(KEY not in text for text in shown)
    assert "attempt 2" in caplog.text
    with pytest.raises(TypeError, match="not handed on"):
        pickle.dumps(engine._client._key)


def test_an_answer_that_is_no_json_is_said(account, pauses, allowed):
    for body in ("<html>welcome</html>", "3", '{"items": []}'):
        account.faults = [(200, body, {})]
        with pytest.raises(EngineUnavailableError):
            make(account, pauses).voices()


def test_without_consent_nothing_is_asked(account, pauses, monkeypatch, tmp_path):
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    monkeypatch.setenv("ELEVENLABS_BASE_URL", account.url)
    engines, reasons = available_engines(tmp_path, ["elevenlabs"])
    assert engines == {}
    assert "--allow-paid elevenlabs" in reasons["elevenlabs"]
    with pytest.raises(EngineUnavailableError, match="costs money"):
        make(account, pauses)
    assert account.asked == []


def test_consent_that_ends_is_respected(account, pauses):
    with paid_allowed(["elevenlabs"]):
        engine = make(account, pauses)
        adam = engine.voices()[0]
    for ask in (lambda: engine.synthesize("hi", adam), lambda: engine.estimate_cost(["hi"])):
        with pytest.raises(EngineUnavailableError, match="costs money"):
            ask()
    assert len(account.asked) == 1


def test_consent_is_given_back(monkeypatch):
    with paid_allowed(["elevenlabs"]):
        assert paid.allowed_engines() == {"elevenlabs"}
        with paid_allowed([]):
            assert paid.allowed_engines() == {"elevenlabs"}
    assert paid.allowed_engines() == frozenset()
    monkeypatch.setenv(ALLOW_VARIABLE, " elevenlabs, ")
    with paid_allowed([]):
        assert paid.allowed_engines() == {"elevenlabs"}
    assert paid.allowed_engines() == {"elevenlabs"}
    with pytest.raises(ValueError, match="kokoro"), paid_allowed(["kokoro"]):
        pass


def test_the_registry_builds_it_with_key_and_consent(account, allowed, monkeypatch, tmp_path):
    monkeypatch.setenv("ELEVENLABS_BASE_URL", account.url)
    _, reasons = available_engines(tmp_path, ["elevenlabs"])
    assert "ELEVENLABS_API_KEY" in reasons["elevenlabs"]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "secrets.toml").write_text(f'ELEVENLABS_API_KEY = "{KEY}"\n')
    engines, reasons = available_engines(tmp_path, ["elevenlabs"])
    assert reasons == {}
    assert len(engines["elevenlabs"].voices()) == 3
    (tmp_path / "home" / "secrets.toml").write_text("ELEVENLABS_API_KEY = sk_forgot_the_quotes")
    _, reasons = available_engines(tmp_path, ["elevenlabs"])
    assert "secrets.toml is no TOML file" in reasons["elevenlabs"]
    assert "sk_forgot" not in reasons["elevenlabs"]


def test_the_cost_is_known_before_it_starts(engine, account):
    account.used = 9_000
    estimate = engine.estimate_cost(["smart mirror", "smart mirror", "go"])
    assert (estimate.characters, estimate.credits, estimate.remaining) == (26, 13, 1_000)
    assert estimate.enough
    assert estimate.sentence() == ("26 characters, about 13 of the 1,000 credits that are left")
    assert posts(account) == []
    assert account.charged == 0


def test_a_price_that_is_not_told_is_one_credit(engine, account):
    account.price = None
    assert engine.estimate_cost(["smart mirror"]).credits == 12


def test_no_cost_is_guessed_when_the_account_does_not_say(engine, account):
    account.faults = [(200, json.dumps({"tier": "free"}), {})]
    with pytest.raises(EngineUnavailableError, match="nothing is spent"):
        engine.estimate_cost(["smart mirror"])


def test_work_that_the_account_cannot_pay_for_is_not_begun(engine, account):
    texts = {"elevenlabs": ["smart mirror"] * 10, "kokoro": ["smart mirror"]}
    (estimate,) = check_costs({"elevenlabs": engine}, texts).values()
    assert estimate.credits == 60
    account.used = 9_941
    with pytest.raises(CostError, match="60 of the 59 credits"):
        check_costs({"elevenlabs": engine}, texts)
    assert check_costs({}, texts) == {}
    assert check_costs({"elevenlabs": engine}, {"kokoro": ["smart mirror"]}) == {}
    assert posts(account) == []


def test_the_doctor_spends_nothing(account, allowed, monkeypatch, tmp_path):
    monkeypatch.setenv("ELEVENLABS_BASE_URL", account.url)
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    (check,) = check_engines(tmp_path, names=["elevenlabs"], thorough=True)
    assert check.ok
    assert (check.voices, check.speakers) == (3, 2)
    assert "47 characters, about 24 of the 10,000 credits" in check.detail
    account.used = account.limit
    (check,) = check_engines(tmp_path, names=["elevenlabs"])
    assert not check.ok
    assert "24 of the 0 credits" in check.detail
    assert posts(account) == []
    monkeypatch.delenv(ALLOW_VARIABLE)
    asked = len(account.asked)
    (check,) = check_engines(tmp_path, names=["elevenlabs"])
    assert "--allow-paid" in check.detail
    assert len(account.asked) == asked
