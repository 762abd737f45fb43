"""The page of this machine: what works, voices, keys that are never shown, room and cleaning up."""

from __future__ import annotations

import pytest
import streamlit as st

from db import jobs
from page import sign_in, task_view, tasks

BARK = {"name": "bark", "ok": False, "voices": 0, "speakers": 0, "licence": ""}
KOKORO = {"name": "kokoro", "ok": True, "voices": 51, "speakers": 47, "licence": "Apache-2.0"}
KEY = {"name": "K", "purpose": "ElevenLabs", "present": True}
FOUND = {
    "engines": [
        BARK | {"detail": "No weights [x].", "how_to_get": "hf download"},
        KOKORO | {"detail": "1 voice speaks", "how_to_get": ""},
    ],
    "parts": [{"name": "torch", "ok": True, "detail": "2.13"}],
    "voices": [
        {"title": "Kokoro's voices", "licence": "Apache-2.0", "there": True, "bytes": 1},
        {"title": "Piper's voice", "licence": "CC0", "there": False, "bytes": 5 << 20},
    ],
    "keys": [KEY | {"detail": "found in the environment's K"}],
}


def texts(elements):
    return " | ".join(element.value for element in elements)


@pytest.fixture
def runs(monkeypatch):
    """What the page knows of its tasks, by name, and what it starts."""
    known = {}
    started = []

    def start(name, arguments):
        started.append((name, list(arguments)))
        known[name] = tasks.Task(running=True, started=1.0, ended=None, stopped=False)

    monkeypatch.setattr(tasks, "last_run", known.get)
    monkeypatch.setattr(tasks, "start", start)
    known["started"] = started
    return known


def done(result):
    return tasks.Task(running=False, started=1.0, ended=2.0, stopped=False, result=result)


def test_the_first_visit_starts_a_check(open_page, runs):
    app = open_page("settings")
    assert not app.exception
    assert runs["started"] == [("doctor", ["doctor", "--json-lines"])]
    open_page("settings")
    assert len(runs["started"]) == 1


def test_it_says_what_works_and_what_is_missing(open_page, runs):
    runs["doctor"] = done(FOUND)
    app = open_page("settings")
    assert not app.exception
    shown = texts(app.markdown)
    assert "51 voices, 47 speakers · Apache-2.0" in shown
    assert shown.index("**kokoro**") < shown.index("**bark**")
    assert r"not used: No weights \[x\]. hf download" in shown
    assert "missing, 5.0 MiB" in shown
    assert r"found in the environment's K" in shown


def test_missing_voices_can_be_fetched_once(open_page, runs):
    runs["doctor"] = done(FOUND)
    app = open_page("settings")
    app.button(key="voices_fetch").click().run()
    assert runs["started"] == [("voices", ["voices", "--json-lines"])]
    assert app.button(key="voices_fetch").disabled


def test_without_a_network_it_says_so(open_page, runs):
    runs["doctor"] = done(FOUND)
    runs["voices"] = done({"fetched": [], "failed": {"Piper's voice": "No route to host."}})
    app = open_page("settings")
    assert "No route to host. Is this machine online?" in texts(app.error)


def test_a_check_that_failed_says_why(open_page, runs):
    runs["doctor"] = tasks.Task(
        running=False, started=1.0, ended=2.0, stopped=False, error="No module named torch"
    )
    app = open_page("settings")
    assert "No module named torch" in texts(app.error)


def test_work_folders_go_only_after_a_yes_and_never_of_living_jobs(
    open_page, runs, connection, tmp_path
):
    runs["doctor"] = done(FOUND)
    ended = jobs.submit(connection, "smart mirror", "quick", 0, {})
    jobs.cancel(connection, ended)
    living = jobs.submit(connection, "view glass", "quick", 0, {})
    folders = {job: tmp_path / "home" / "jobs" / str(job) for job in (ended, living)}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "features.npy").write_bytes(bytes(3 << 20))
    app = open_page("settings")
    app.button(key="remove work").click().run()
    assert folders[ended].exists()
    assert str(folders[ended]) in texts(app.code)
    assert str(folders[living]) not in texts(app.code)
    app.button(key="remove_yes").click().run()
    assert not folders[ended].exists()
    assert folders[living].exists()


def test_a_busy_task_is_a_sentence(monkeypatch):
    said = []
    monkeypatch.setattr(task_view.st, "toast", lambda text, **_options: said.append(text))

    def busy(_name, _arguments):
        raise tasks.TaskBusyError("This is running already, perhaps from another tab.")

    monkeypatch.setattr(tasks, "start", busy)
    task_view.start_task("voices", [])
    assert said == ["This is running already, perhaps from another tab."]


@pytest.mark.parametrize(
    ("user", "allowed"),
    [
        ({"email": "Anna@Example.org", "email_verified": True}, True),
        ({"email": "anna@example.org"}, True),
        ({"email": "anna@example.org", "email_verified": False}, False),
        ({"email": "eve@example.org"}, False),
        ({}, False),
    ],
)
def test_who_is_on_the_list(user, allowed):
    assert sign_in.is_allowed(user, ["anna@example.org"]) is allowed
    assert not sign_in.is_allowed(user, "anna@example.org")


def test_with_sign_in_nothing_is_shown_before_it(connection, tmp_path):
    from streamlit.testing.v1 import AppTest

    from tests.page.conftest import APP

    app = AppTest.from_file(str(APP), default_timeout=20)
    app.secrets["auth"] = {"redirect_uri": "http://127.0.0.1/oauth2callback"}
    app.run()
    assert not app.exception
    assert [button.label for button in app.button] == ["Sign in"]
    assert not app.text_input
    st.cache_data.clear()
