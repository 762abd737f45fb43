"""The first page: what is typed is checked at once and becomes a job when it can."""

from __future__ import annotations

import json
import os

from db import jobs


def texts(elements):
    return " | ".join(element.value for element in elements)


def test_a_good_phrase_is_shown_as_it_sounds(open_page):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("smart mirror").run()
    assert "smɑɹt mɪɹɚ" in texts(app.success)
    assert "3 syllables" in texts(app.success)
    assert not app.error
    assert not app.exception


def test_its_strength_is_shown_with_what_it_is_made_of(open_page):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("smart mirror").run()
    (bar,) = app.get("progress")
    assert bar.proto.value == 75
    assert bar.proto.text == "Strength: **75 of 100**, strong"
    shown = texts(app.markdown)
    assert "- It is long." in shown
    assert "**length** +100: 10 sounds" in shown
    assert "**neighbours** -25: few" in shown
    assert "Near it: smarter" in shown
    app.text_input(key="phrase").set_value("go").run()
    assert app.get("progress")[0].proto.text == "Strength: **6 of 100**, weak"
    assert 'Add a word: "hey go" would have 25 points of 100.' in texts(app.markdown)
    app.text_input(key="phrase").set_value("xq").run()
    assert not app.get("progress")


def test_a_phrase_becomes_a_job_and_the_page_follows_it(open_page, connection):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("  smart mirror ")
    app.radio(key="preset").set_value("best")
    app.number_input(key="seed").set_value(7)
    app.button(key="create").click().run()
    job = jobs.get(connection, 1)
    assert (job.phrase, job.preset, job.seed, job.state) == ("smart mirror", "best", 7, "queued")
    assert dict(app.query_params) == {"job": "1"}
    assert texts(app.title) == "smart mirror"
    assert not app.exception


def test_a_phrase_that_cannot_work_says_why_and_makes_no_job(open_page, connection):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("xq").run()
    assert texts(app.error) == "Nobody can say this: write it as words."
    app.button(key="create").click().run()
    assert jobs.list_jobs(connection).empty


def test_nothing_typed_asks_for_a_phrase(open_page, connection):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("   ")
    app.button(key="create").click().run()
    assert texts(app.error) == "Type a phrase first."
    assert jobs.list_jobs(connection).empty


def test_a_weak_phrase_is_accepted_with_its_warning(open_page, connection):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("go").run()
    assert "One syllable is easily mistaken." in texts(app.warning)
    app.button(key="create").click().run()
    assert len(jobs.list_jobs(connection)) == 1


def test_a_phrase_is_checked_once_and_a_failed_check_again(open_page, checked):
    app = open_page("new_phrase")
    for _ in range(2):
        app.text_input(key="phrase").set_value("smart mirror").run()
        app.text_input(key="phrase").set_value("broken").run()
    assert checked == ["smart mirror", "broken", "broken"]
    assert "could not be checked" in texts(app.error)


def test_without_a_worker_the_page_says_how_to_start_one(open_page, connection):
    assert "`watchword worker`" in texts(open_page("new_phrase").warning)
    jobs.worker_heartbeat(connection, "w", os.getpid())
    assert not open_page("new_phrase").warning


def test_a_database_that_is_none_is_said_in_words(open_page, connection, tmp_path):
    connection.close()
    for path in (tmp_path / "home").glob("*"):
        path.unlink()
    (tmp_path / "home/watchword.sqlite3").write_bytes(b"%PDF-1.7" * 500)
    app = open_page("new_phrase")
    assert "move it away" in texts(app.error)
    assert not app.exception


def test_a_full_disk_is_said_in_words(open_page, connection, monkeypatch):
    from db.connection import DatabaseFullError

    def full(*_arguments):
        raise DatabaseFullError("The disk is full: free some space.")

    app = open_page("new_phrase")
    monkeypatch.setattr(jobs, "submit", full)
    app.text_input(key="phrase").set_value("smart mirror")
    app.button(key="create").click().run()
    assert texts(app.error) == "The disk is full: free some space."
    assert json.loads(jobs.list_jobs(connection).to_json(orient="records")) == []
