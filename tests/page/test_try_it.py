"""Trying a detector: sound from a file, the threshold, what is sent back, training again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import altair as alt
import numpy as np
import pytest

from db import job_claims, jobs
from db.clips import ClipStore
from db.connection import home
from page import feedback
from page.feedback import wav
from page.hearing import choices, excerpt, hear, likeliest_s
from page.sound_charts import envelope, score_line, sound_charts
from tests.page.loud_detector import BURSTS_S, bursts, write_loud_bundle
from watchword_runtime import Detector

ROOT = Path(__file__).parents[2]


def texts(elements):
    return " | ".join(element.value for element in elements)


@pytest.fixture
def result(tmp_path):
    return write_loud_bundle(tmp_path / "smart_mirror")


@pytest.fixture
def job(connection, result):
    job_id = jobs.submit(connection, "smart mirror", "quick", 3, {})
    job_claims.claim(connection, "w")
    job_claims.finish(connection, job_id, "w", result)
    return job_id


@pytest.fixture
def tried(open_page, job):
    """The page after a file was chosen."""
    app = open_page("try_it", job=str(job))
    app.button_group(key="source").set_value("file").run()
    return app.file_uploader(key="try_upload").set_value(("b.wav", bursts(), "audio/wav")).run()


def heard_bursts(result):
    pcm = np.frombuffer(bursts()[44:], "<i2").astype(np.int16)
    return hear(Detector.load(result["bundle"]), pcm)


def test_what_is_said_at_once_is_heard_when_it_was_said(tmp_path):
    detector = Detector.load(write_loud_bundle(tmp_path / "loud")["bundle"])
    at_once = np.frombuffer(bursts()[44:], "<i2").astype(np.int16)[round(0.9 * 16_000) :]
    heard = hear(detector, at_once)
    late_by_s = [
        heard.times_s[step] - (start_s - 0.9)
        for step, start_s in zip(heard.detections(0.5), BURSTS_S, strict=True)
    ]
    assert all(0 < late_s < 0.35 for late_s in late_by_s)


def test_without_a_detector_it_says_what_to_do(open_page):
    app = open_page("try_it")
    assert "No detector yet" in texts(app.markdown)
    assert not app.exception


def test_a_file_is_heard_by_the_shipped_artifact(tried):
    assert not tried.exception
    assert "It heard “smart mirror” 3 times" in texts(tried.markdown)
    assert len(tried.get("vega_lite_chart")) == 3
    falses = [b for b in tried.button if b.label == "This was a false wake"]
    assert len(falses) == 3
    assert tried.selectbox(key="try_file").options == ["tiny.onnx · onnxruntime"]


def test_the_threshold_redraws_what_is_detected(tried):
    (slider,) = [one for one in tried.select_slider if one.label == "Threshold"]
    assert "This is the threshold that ships. Measured: 0.5 false wakes" in texts(tried.caption)
    slider.set_value(max(float(one) for one in slider.options)).run()
    assert "It did not hear “smart mirror”" in texts(tried.markdown)
    assert "The one that ships is 0.5." in texts(tried.caption)
    assert not tried.exception


def test_a_recording_is_heard_too(open_page, job):
    app = open_page("try_it", job=str(job))
    app.button_group(key="source").set_value("record").run()
    app.audio_input(key="try_said").set_value(("said.wav", bursts(), "audio/wav")).run()
    assert "It heard “smart mirror” 3 times" in texts(app.markdown)
    assert not app.exception


def test_a_long_sound_is_drawn_in_parts_and_lists_some(open_page, job):
    long = wav(np.tile(np.frombuffer(bursts()[44:], "<i2"), 10).astype(np.int16))
    app = open_page("try_it", job=str(job))
    app.button_group(key="source").set_value("file").run()
    app.file_uploader(key="try_upload").set_value(("long.wav", long, "audio/wav")).run()
    (view,) = [one for one in app.slider if one.label == "Seconds shown"]
    assert view.value == (0.0, 30.0)
    assert "It heard “smart mirror” 30 times" in texts(app.markdown)
    assert "18 more are marked above." in texts(app.caption)
    view.set_value((44.0, 45.0)).run()
    assert len(app.get("vega_lite_chart")) == 3
    assert not app.exception


def test_no_audio_is_said(open_page, job):
    app = open_page("try_it", job=str(job))
    app.button_group(key="source").set_value("file").run()
    app.file_uploader(key="try_upload").set_value(("b.wav", b"GIF89a", "audio/wav")).run()
    assert "b.wav is no audio" in texts(app.error)
    assert not app.get("vega_lite_chart")


def test_a_bundle_that_is_gone_says_so(open_page, connection, result):
    job_id = jobs.submit(connection, "smart mirror", "quick", 3, {})
    job_claims.claim(connection, "w")
    job_claims.finish(connection, job_id, "w", result | {"bundle": "/nowhere"})
    assert "no longer in /nowhere" in texts(open_page("try_it").error)


def test_what_was_wrong_is_sent_back_and_trained_again(tried, connection, job, monkeypatch):
    sent = []

    def send_back(phrase, kind, pcm, file):
        sent.append((phrase, kind, len(pcm) / 16_000))
        return 7

    monkeypatch.setattr(feedback, "send_back", send_back)
    next(b for b in tried.button if b.label == "This was a false wake").click().run()
    tried.toggle[0].set_value(True).run()
    (stretch,) = [one for one in tried.slider if one.label.startswith("From just before")]
    stretch.set_value((0.5, 1.5)).run()
    next(b for b in tried.button if b.label == "It missed me here").click().run()
    assert [(phrase, kind) for phrase, kind, _ in sent] == [
        ("smart mirror", "false-wake"), ("smart mirror", "missed"),
    ]  # fmt: skip
    assert sent[1][2] == pytest.approx(1.0)
    assert not tried.exception
    assert not any(b.key == "retrain" for b in tried.button), "nothing is in the database yet"


def test_a_refusal_is_said(tried, monkeypatch):
    def refuse(*_arguments):
        raise feedback.FeedbackError("It was not kept: it is silent.")

    monkeypatch.setattr(feedback, "send_back", refuse)
    next(b for b in tried.button if b.label == "This was a false wake").click().run()
    assert "it is silent" in texts(tried.error)


def test_retraining_is_a_new_job_of_the_same_kind(open_page, connection, job):
    ClipStore(connection, home() / "clips").add(
        np.ones(16_000, np.int16), 16_000, text="(not smart mirror)", text_normalised="",
        phonemes="", engine="recording", voice="me", speaker="feedback:me", source="feedback",
        licence="own recording", settings={"not": "smart mirror"},
    )  # fmt: skip
    app = open_page("try_it", job=str(job))
    assert "1 false wake, 0 misses. This detector was trained before 1" in texts(app.markdown)
    app.button(key="retrain").click().run()
    newest = jobs.get(connection, job + 1)
    assert (newest.phrase, newest.preset, newest.seed) == ("smart mirror", "quick", 3)
    assert newest.state == "queued"


def test_the_command_line_keeps_what_is_sent_back(connection, result):
    heard = heard_bursts(result)
    clip_id = feedback.send_back(
        "smart mirror", "false-wake", excerpt(heard.pcm, 0.5, 2.0), "false-wake-x.wav"
    )
    (wakes, misses) = feedback.sent_back(connection, "smart mirror")
    assert (wakes["id"].tolist(), len(misses)) == ([clip_id], 0)
    assert json.loads(wakes["settings"][0])["file"] == "false-wake-x.wav"
    with pytest.raises(feedback.FeedbackError, match=r"It was not kept: .*Record it again"):
        feedback.send_back("smart mirror", "missed", np.zeros(32_000, np.int16), "m.wav")


def test_scores_are_at_the_moments_of_the_sound(result):
    heard = heard_bursts(result)
    ends_s = heard.times_s[heard.detections(0.5)]
    assert [float(at) for at in ends_s] == pytest.approx(BURSTS_S, abs=0.25)
    assert len(heard.detections(1.0)) == 0
    start_s, end_s = likeliest_s(heard, 1.0, 1.0)
    assert end_s - start_s == pytest.approx(1.0)
    assert any(start_s <= at + 0.3 <= end_s for at in BURSTS_S)


def test_files_are_offered_with_what_runs_them(result):
    files = Detector.load(result["bundle"]).manifest.files
    assert [(one.file, one.engine) for one in choices(files)] == [("tiny.onnx", "onnxruntime")]


def test_long_sounds_are_drawn_with_few_points_that_keep_the_peaks(result):
    heard = heard_bursts(result)
    wave = envelope(np.tile(heard.pcm, 60), 0, 60 * heard.seconds)
    assert len(wave) <= 900
    assert wave["high"].max() == pytest.approx(heard.pcm.max() / 32768)
    assert score_line(heard, 0, 9)["score"].max() == heard.scores.max()
    for view_s in ((0.0, heard.seconds), (4.0, 4.5), (heard.seconds - 0.01, heard.seconds)):
        charts = sound_charts(heard, view_s, 0.5, heard.detections(0.5), (0.1, 0.2))
        with alt.data_transformers.disable_max_rows():  # Streamlit sends tables, not JSON
            assert all(chart.to_dict() for chart in charts)


def test_hearing_needs_no_torch(result):
    script = f"""
import sys
import numpy as np
from page import feedback, live, sending_back, sound_charts
from page.hearing import hear
from watchword_runtime import Detector
heard = hear(Detector.load({result["bundle"]!r}), np.zeros(32_000, np.int16))
assert len(heard.scores)
print(sorted({{"torch", "trainer", "exporters", "watchword"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'runtime'}"},
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
