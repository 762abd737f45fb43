"""Somebody's own recordings, made on the page or uploaded."""

from __future__ import annotations

import io
import json
import subprocess

import numpy as np
import pytest
import soundfile

from page import own_voice
from page.own_voice import Kept, OwnVoiceError, keep_recordings


def recording(seed: int, seconds: float = 1.5) -> bytes:
    time_s = np.arange(round(seconds * 16_000)) / 16_000
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * time_s), 0, 1)
    noise = np.random.default_rng(seed).normal(size=len(time_s)) * 0.001
    target = io.BytesIO()
    hum = 0.4 * np.sin(2 * np.pi * (200 + seed) * time_s) * syllables
    soundfile.write(target, hum + noise, 16_000, format="WAV")
    return target.getvalue()


def texts(elements):
    return " | ".join(element.value for element in elements)


@pytest.fixture
def open_phrase(open_page):
    def open_phrase():
        app = open_page("new_phrase")
        return app.text_input(key="phrase").set_value("smart mirror").run()

    return open_phrase


def test_recordings_go_to_the_command_line_and_into_the_database(connection):
    kept = keep_recordings(
        "smart mirror",
        "--Anna",
        [("../../one.wav", recording(1)), ("one.wav", recording(2)), ("x.wav", b"no audio")],
    )
    assert [(k.number, k.new) for k in kept] == [(1, True), (2, True), (None, False)]
    assert kept[1].file == "one.wav"
    assert kept[2].reason.startswith("x.wav is no audio of a kind that is read here")
    rows = connection.execute("SELECT * FROM clip").fetchall()
    assert {row["speaker"] for row in rows} == {"own-voice:anna"}
    assert {row["text"] for row in rows} == {"smart mirror"}
    assert all("/" not in json.loads(row["settings"])["file"] for row in rows)
    (again,) = keep_recordings("smart mirror", "--Anna", [("again.wav", recording(1))])
    assert (again.number, again.new) == (1, False)


def test_a_command_that_fails_is_said():
    with pytest.raises(OwnVoiceError, match=r"could not be kept: .*cannot be pronounced"):
        keep_recordings("xkcd", "me", [("one.wav", recording(1))])


@pytest.mark.parametrize("answer", ["", "{}", '{"recordings": [{}]}', "[]"])
def test_an_answer_of_another_kind_is_said(answer, monkeypatch):
    done = subprocess.CompletedProcess([], 0, stdout=answer, stderr="")
    monkeypatch.setattr(own_voice, "decode", lambda *_: np.zeros(1, np.int16))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(OwnVoiceError, match="could not be kept"):
        keep_recordings("smart mirror", "me", [("one.wav", recording(1))])


def test_a_phrase_must_be_good_before_it_is_recorded(open_page):
    app = open_page("new_phrase")
    assert not app.audio_input
    app.text_input(key="phrase").set_value("xq").run()
    assert not app.audio_input
    assert not app.exception


def test_what_is_said_and_uploaded_is_kept(open_phrase, monkeypatch):
    asked = []

    def keep(*arguments):
        asked.append(arguments)
        return [
            Kept("said.wav", 1, new=True, reason=""),
            Kept("b.mp3", 2, new=False, reason=""),
            Kept("c.wav", None, new=False, reason="c.wav: too short."),
        ]

    monkeypatch.setattr(own_voice, "keep_recordings", keep)
    app = open_phrase()
    app.text_input(key="own_name").set_value("Anna")
    app.audio_input(key="own_said").set_value(("said.wav", b"1", "audio/wav"))
    app.file_uploader(key="own_files").set_value(
        [("b.mp3", b"2", "audio/mpeg"), ("c.wav", b"3", "audio/wav")]
    )
    app.button(key="own_keep").click().run()
    assert asked == [
        ("smart mirror", "Anna", [("said.wav", b"1"), ("b.mp3", b"2"), ("c.wav", b"3")])
    ]
    assert "said.wav is kept as number 1." in texts(app.success)
    assert "b.mp3 was kept before, as number 2." in texts(app.success)
    assert "c.wav: too short." in texts(app.error)
    assert not app.exception


def test_nothing_recorded_asks_for_a_recording(open_phrase):
    app = open_phrase()
    app.button(key="own_keep").click().run()
    assert "Record the phrase or choose a file first." in texts(app.error)


def test_what_goes_wrong_is_said(open_phrase, monkeypatch):
    def fail(*_arguments):
        raise OwnVoiceError("The recordings could not be kept: the disk is full.")

    monkeypatch.setattr(own_voice, "keep_recordings", fail)
    app = open_phrase()
    app.audio_input(key="own_said").set_value(("said.wav", b"1", "audio/wav"))
    app.button(key="own_keep").click().run()
    assert "the disk is full" in texts(app.error)
    assert not app.exception
