"""The first page: what is typed is checked at once and becomes a job when it can."""

from __future__ import annotations

import json
import os

from db import job_claims, job_events, jobs
from db.job_history import STAGES
from page.estimate import MEASURED, TRAINING_OF_STANDARD


def texts(elements):
    return " | ".join(element.value for element in elements)


def test_a_good_phrase_is_shown_as_it_sounds(open_page):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("smart mirror").run()
    assert "smɑɹt mɪɹɚ" in texts(app.markdown)
    assert "3 syllables" in texts(app.markdown)
    assert not app.error
    assert not app.exception


def test_its_strength_is_shown_with_what_it_is_made_of(open_page):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("smart mirror").run()
    (bar,) = app.get("progress")
    assert bar.proto.value == 75
    assert bar.proto.text == "Strength: :green[**strong**], 75 of 100"
    shown = texts(app.markdown)
    assert "- It is long." in shown
    assert "**length** +100: 10 sounds" in shown
    assert "**neighbours** -25: few" in shown
    assert "Sounds like it: *smarter*" in shown
    app.text_input(key="phrase").set_value("go").run()
    assert app.get("progress")[0].proto.text == "Strength: :red[**weak**], 6 of 100"
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
    assert texts(app.warning).endswith("Nobody can say this: write it as words.")
    assert not app.error, "a phrase that is still being typed is no error"
    app.button(key="create").click().run()
    assert "“xq” cannot be queued. Nobody can say this" in texts(app.error)
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
    job_claims.worker_heartbeat(connection, "w", os.getpid())
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

    def full(*_arguments, **_options):
        raise DatabaseFullError("The disk is full: free some space.")

    app = open_page("new_phrase")
    monkeypatch.setattr(jobs, "submit", full)
    app.text_input(key="phrase").set_value("smart mirror")
    app.button(key="create").click().run()
    assert texts(app.error) == "The disk is full: free some space."
    assert json.loads(jobs.list_jobs(connection).to_json(orient="records")) == []


def test_several_phrases_are_queued_together(open_page, connection):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("smart mirror").run()
    app.button(key="add").click().run()
    assert not app.text_input(key="phrase").value
    app.text_input(key="phrase").set_value("view glass").run()
    app.button(key="add").click().run()
    app.button(key="take out view glass").click().run()
    app.text_input(key="phrase").set_value("amber kettle").run()
    app.button(key="create").click().run()
    queued = jobs.list_jobs(connection)
    assert queued.phrase.tolist() == ["amber kettle", "smart mirror"]
    assert queued.submitter.nunique() == 1
    assert queued.submitter[0]
    assert texts(app.title) == "Jobs"
    assert not app.exception


def test_one_phrase_that_cannot_work_holds_all_back(open_page, connection):
    app = open_page("new_phrase")
    app.text_input(key="phrase").set_value("smart mirror").run()
    app.button(key="add").click().run()
    app.text_input(key="phrase").set_value("xq").run()
    app.button(key="create").click().run()
    assert jobs.list_jobs(connection).empty
    assert "“xq” cannot be queued" in texts(app.error)


def test_a_preset_says_how_long_it_took_here_or_that_it_never_ran(open_page, connection):
    app = open_page("new_phrase")
    captions = app.radio(key="preset").proto.captions
    assert f"Not run here yet; elsewhere {MEASURED['quick']}." in captions[0]
    assert f"Not run here yet; elsewhere {MEASURED['standard']}." in captions[1]
    assert "Not run here yet; it trains 3.9 times as long as standard." in captions[2]
    for minutes in (9, 14):
        job_id = jobs.submit(connection, "x", "quick", 0, {})
        job_claims.claim(connection, "w")
        for stage in STAGES:
            job_events.stage_done(connection, job_id, stage, {}, minutes * 10)
        job_claims.finish(connection, job_id, "w", {})
    captions = open_page("new_phrase").radio(key="preset").proto.captions
    assert captions[0].endswith("The last 2 runs here took 9 min to 14 min.")


def test_what_is_said_of_presets_is_what_they_are():
    from trainer.presets import PRESETS
    from trainer.train import TrainConfig

    steps = {name: TrainConfig.of(p).all_steps for name, p in PRESETS.items()}
    times = {name: round(count / steps["standard"], 1) for name, count in steps.items()}
    assert times == {"quick": 1.0, "standard": 1.0, **TRAINING_OF_STANDARD}
