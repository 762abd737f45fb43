"""The page of clips: what it finds, plays, deletes and counts; imports and their refusals."""

from __future__ import annotations

import numpy as np
import pytest

from db.clip_search import ClipFilter
from db.clips import CLIP_FOLDER, ClipStore
from page import clip_import, clip_list, tasks
from page.buckets import Buckets, BucketsError, Stock


def texts(elements):
    return " | ".join(element.value for element in elements)


@pytest.fixture
def store(connection, tmp_path):
    store = ClipStore(connection, tmp_path / "home" / CLIP_FOLDER)
    rng = np.random.default_rng(0)
    for number in range(30):
        store.add(
            rng.normal(0, 0.1, 4000).astype(np.float32), 16000,
            text="Smart mirror!" if number < 3 else f"Sentence number {number}.",
            text_normalised="smart mirror" if number < 3 else f"sentence number {number}",
            phonemes="smˈɑɹt mˈɪɹəɹ" if number < 3 else "sˈɛntᵊns", engine=f"e{number % 2}",
            voice=f"v{number % 3}", speaker=f"s{number % 3}", settings={}, source="synthetic",
            licence="CC0",
        )  # fmt: skip
    return store


def tables(app):
    return [element.value for element in app.dataframe]


def test_without_clips_it_says_what_to_do(open_page):
    app = open_page("clips")
    assert "Nothing here yet" in texts(app.markdown)
    assert "Import" in [button.label for button in app.button]
    assert not app.exception


def test_it_counts_lists_and_turns_pages(open_page, store):
    app = open_page("clips")
    assert not app.exception
    assert "30 clips, 0.0 hours: 6 voices of 2 engines." in texts(app.caption)
    assert "1 to 25 of 30 clips." in texts(app.caption)
    assert len(tables(app)[0]) == 25


def test_filters_narrow_the_list_together(open_page, store):
    app = open_page("clips")
    app.text_input(key="clip_words").set_value("Smart  MIRROR").run()
    assert list(tables(app)[0].text) == ["Smart mirror!"] * 3
    app.multiselect(key="clip_engines").set_value(["e0"]).run()
    assert list(tables(app)[0].voice) == ["v0", "v2"]
    app.multiselect(key="clip_voices").set_value(["v2"]).run()
    assert list(tables(app)[0].voice) == ["v2"]
    app.text_input(key="clip_words").set_value("never said").run()
    assert "No clip fits" in texts(app.info)
    assert not app.exception


def test_a_voice_of_another_engine_is_no_longer_asked_for(open_page, store):
    store.add(
        np.full(1600, 9, np.int16), 16000, text="a", text_normalised="a", phonemes="ə", engine="e9",
        voice="alone", speaker="s", settings={}, source="synthetic", licence="CC0",
    )  # fmt: skip
    app = open_page("clips")
    app.multiselect(key="clip_voices").set_value(["alone"]).run()
    assert len(tables(app)[0]) == 1
    app.multiselect(key="clip_engines").set_value(["e0"]).run()
    assert app.multiselect(key="clip_voices").value == []
    assert len(tables(app)[0]) == 15


def test_a_bucket_shows_what_the_command_line_says(open_page, store, monkeypatch):
    asked = []

    def answer(phrase):
        asked.append(phrase)
        return Buckets(
            phrase,
            (Stock("positive", 2, 0.1, 612), Stock("plain", 5, 0.2, None)),
            {"positive": ClipFilter(ids=[1, 3]), "plain": ClipFilter(min_words=3)},
        )

    monkeypatch.setattr(clip_list, "find_buckets", answer)
    app = open_page("clips")
    assert app.selectbox(key="clip_bucket").disabled
    app.text_input(key="clip_words").set_value("smart mirror").run()
    app.selectbox(key="clip_bucket").set_value("positive").run()
    assert len(tables(app)[0]) == 2
    app.selectbox(key="clip_bucket").set_value("plain").run()
    assert "of 27 clips" in texts(app.caption)
    assert asked == ["smart mirror"]


def choose(monkeypatch, *positions):
    """Stand in for a click on rows, which AppTest cannot do."""
    monkeypatch.setattr(clip_list, "_table", lambda _rows, _key: list(positions))


def test_a_chosen_clip_can_be_heard_and_seen(open_page, store, monkeypatch):
    choose(monkeypatch, 4)
    app = open_page("clips")
    assert not app.exception
    assert "Sentence number 4." in texts(app.header)
    assert len(app.get("audio")) == 1
    assert len(app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")) == 1


def test_a_clip_whose_file_is_gone_says_so(open_page, store, monkeypatch):
    for file in store.folder.rglob("*.flac"):
        file.unlink()
    choose(monkeypatch, 0)
    app = open_page("clips")
    assert "gone or damaged" in texts(app.error)
    assert not app.exception


def test_clips_are_deleted_with_their_files_only_after_a_yes(open_page, store, monkeypatch):
    choose(monkeypatch, 0, 2)
    app = open_page("clips")
    app.button(key="clip_delete").click().run()
    assert "2 clips and their files" in texts(app.markdown)
    assert store.count(ClipFilter()) == 30
    choose(monkeypatch)
    app.button(key="clip_delete_yes").click().run()
    assert store.count(ClipFilter()) == 28
    assert store.count(ClipFilter(ids=[1, 3])) == 0
    assert len(list(store.folder.rglob("*.flac"))) == 28
    assert store.verify().clean
    assert "28 clips" in texts(app.caption)


def test_what_is_no_phrase_has_no_buckets(open_page, store, monkeypatch):
    def refuse(_phrase):
        raise BucketsError("Nobody can say this.")

    monkeypatch.setattr(clip_list, "find_buckets", refuse)
    app = open_page("clips")
    app.text_input(key="clip_words").set_value("xq").run()
    app.selectbox(key="clip_bucket").set_value("positive").run()
    assert "Nobody can say this." in texts(app.error)
    assert not app.exception


def test_paths_and_words_of_an_import_are_no_options():
    arguments = clip_import.arguments("folder", "--limit", "CC0 --where", "anna")
    assert arguments[-3:] == ["--", "folder", "--limit"]
    assert "--licence=CC0 --where" in arguments
    assert "--speaker=anna" in arguments
    assert not any("speaker" in a for a in clip_import.arguments("librispeech", "x", "", "anna"))


def test_an_import_shows_what_was_refused(open_page, monkeypatch):
    result = {
        "source": "talks", "imported": 12, "seconds": 90.0, "speakers": 2, "known": 3,
        "updated": 0, "duplicates": 0, "refused": {"is silent": 2},
        "examples": {"is silent": ["list.tsv:4 a.wav"]},
    }  # fmt: skip
    task = tasks.Task(running=False, started=1.0, ended=2.0, stopped=False, result=result)
    monkeypatch.setattr(tasks, "last_run", lambda _name: task)
    monkeypatch.setattr(clip_import, "last_run", lambda _name: task)
    app = open_page("clips")
    assert "**talks**: 12 new recordings" in texts(app.success)
    assert "3 imported before" in texts(app.markdown)
    assert "**2**: is silent" in texts(app.markdown)
    assert "list.tsv:4 a.wav" in texts(app.code)


def test_a_running_import_can_be_cancelled_and_not_started_twice(open_page, monkeypatch):
    progress = {"stage": "import", "fraction": 0.25, "eta_s": 90.0, "detail": "64 of 256"}
    task = tasks.Task(running=True, started=1.0, ended=None, stopped=False, progress=progress)
    stopped = []
    monkeypatch.setattr(tasks, "last_run", lambda _name: task)
    monkeypatch.setattr(clip_import, "last_run", lambda _name: task)
    monkeypatch.setattr(tasks, "stop", stopped.append)
    app = open_page("clips")
    assert "64 of 256" in texts(app.caption)
    assert next(button for button in app.button if button.label == "Import").disabled
    app.button(key="stop import").click().run()
    assert stopped == ["import"]


def test_whoever_watched_a_first_import_sees_how_it_ended(open_page, store, monkeypatch):
    assert store.delete(list(range(1, 31))) == 30
    app = open_page("clips")
    assert "Nothing here yet" in texts(app.markdown)
    result = {
        "source": "talks", "imported": 1, "seconds": 1.0, "speakers": 1, "known": 0,
        "updated": 0, "duplicates": 0, "refused": {}, "examples": {},
    }  # fmt: skip
    task = tasks.Task(running=False, started=1.0, ended=2.0, stopped=False, result=result)
    monkeypatch.setattr(tasks, "last_run", lambda _name: task)
    monkeypatch.setattr(clip_import, "last_run", lambda _name: task)
    store.add(
        np.full(1600, 9, np.int16), 16000, text="a", text_normalised="a", phonemes="ə",
        engine="recording", voice="anna", speaker="talks:anna", settings={}, source="talks",
        licence="CC0",
    )  # fmt: skip
    app.run()
    assert "1 clip, 0.0 hours: recordings of 1 person." in texts(app.caption)
    assert "**talks**: 1 new recording" in texts(app.success)
