"""The third page: the list, one detector, two side by side; bundles that are gone or damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from db import job_claims, jobs
from db.detectors import list_detectors
from tests.page.small_bundle import FILES, write_bundle
from tests.page.small_report import evaluation, report


def texts(elements):
    return " | ".join(str(element.value) for element in elements)


def everything(app):
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.subheader, app.title)
    return " | ".join(texts(kind) for kind in kinds)


def finish(connection, result, phrase="smart mirror"):
    job_id = jobs.submit(connection, phrase, "quick", 0, {})
    job_claims.claim(connection, "w")
    job_claims.finish(connection, job_id, "w", result)
    return job_id


@pytest.fixture
def result(connection, tmp_path):
    return write_bundle(tmp_path / "home" / "detectors" / "1")


@pytest.fixture
def reported(result):
    """A result with the report that trainings write."""
    path = Path(result["bundle"]).with_name("smart_mirror.report.json")
    path.write_text(json.dumps(report()))
    return result | {"report": str(path)}


@pytest.fixture
def open_one(open_page, connection):
    def open_it(result, **query):
        return open_page("detectors", job=str(finish(connection, result)), **query)

    return open_it


def test_without_detectors_it_says_what_to_do(open_page):
    app = open_page("detectors")
    assert "No detector yet" in texts(app.markdown)
    assert not app.exception


def test_the_list_says_what_each_does_and_opens_it(open_page, connection, reported):
    number = finish(connection, reported)
    finish(connection, reported | {"bundle": "/nowhere"}, "magic mirror")
    app = open_page("detectors")
    assert "About one false wake in two hours, hears 97 of 100." in texts(app.markdown)
    assert "gone from the disk" in texts(app.caption)
    app.button(key=f"open {number}").click().run()
    assert app.title[0].value == "smart mirror"
    assert dict(app.query_params) == {"job": str(number)}
    app.button(key="back").click().run()
    assert app.title[0].value == "Detectors"
    assert not app.exception


def test_it_shows_what_was_measured(open_one, reported):
    app = open_one(reported)
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown == {"Missed": "3.1 %", "Near-misses accepted": "4.2 %", "Smallest file": "60 KiB"}
    said = everything(app)
    assert "Takes 2 of 40 phrases that sound similar" in said
    assert "synthetic voices that training never heard (100 scenes with 9 voices)" in said
    assert "extrapolated from the loudest sounds" in said
    assert not app.exception


def test_the_slider_changes_the_words_the_lines_and_the_address(open_one, reported):
    app = open_one(reported)
    slider = app.select_slider[0]
    assert slider.value == 2
    assert "watchword-listen smart_mirror.zip" in texts(app.code)
    assert "--sensitivity" not in texts(app.code)
    slider.set_value(1).run()  # an operating point
    assert "About two false wakes an hour, hears 98 of 100." in texts(app.markdown)
    assert "watchword-listen smart_mirror.zip --sensitivity 2" in texts(app.code)
    assert app.query_params["at"] == "0.41"
    app.select_slider[0].set_value(3).run()
    assert "watchword-listen smart_mirror.zip --threshold 0.8" in texts(app.code)
    assert "--zeroconf --threshold 0.8" in texts(app.code)
    app.select_slider[0].set_value(2).run()
    assert "at" not in app.query_params


@pytest.mark.parametrize(
    ("at", "number"), [("0.79", 3), ("7", 4), ("nan", 2), ("much", 2), ("", 2)]
)
def test_the_address_chooses_the_threshold(open_one, reported, at, number):
    assert open_one(reported, at=at).select_slider[0].value == number


def test_groups_and_voices_are_shown_at_the_chosen_threshold(open_one, reported):
    app = open_one(reported)
    (voices,) = [frame.value for frame in app.dataframe if "Voice" in frame.value]
    assert voices["Scenes"].tolist() == ["2 of 40", "1 of 60"]
    app.select_slider[0].set_value(3).run()
    (voices,) = [frame.value for frame in app.dataframe if "Voice" in frame.value]
    assert voices["Scenes"].tolist() == ["12 of 40", "8 of 60"]


def test_near_misses_are_those_above_the_threshold(open_one, reported):
    app = open_one(reported)
    said = texts(app.markdown)
    assert "smart miller" in said
    assert "art mirror" in said
    assert "**mirror**" not in said
    assert "its recording was deleted" in said  # none of the clips is in this database
    app.select_slider[0].set_value(4).run()
    assert "None of 40 similar phrases" in texts(app.markdown)


def test_a_near_miss_can_be_heard_while_its_clip_is_there(open_one, connection, tmp_path, result):
    connection.execute(
        "INSERT INTO clip (id, sha256, path, text, text_normalised, phonemes, engine, voice,"
        " speaker, source, licence, seconds, rate_hz, created)"
        " VALUES (7, ?, 'ab/x.flac', 'smart miller', 'smart miller', '', 'flite', 'slt',"
        " 'flite:slt', 'synthetic', 'MIT', 1, 16000, 0)",
        ("a" * 64,),
    )  # fmt: skip
    connection.commit()
    clip = tmp_path / "home" / "clips" / "ab" / "x.flac"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"fLaC")
    path = Path(result["bundle"]).with_name("smart_mirror.report.json")
    path.write_text(json.dumps(report()))
    app = open_one(result | {"report": str(path)})
    assert len(app.get("audio")) == 1
    connection.execute("UPDATE clip SET text = 'another'")  # the number is another clip's by now
    connection.commit()
    assert len(app.run().get("audio")) == 0


def test_a_detector_of_an_earlier_version_shows_its_manifests_points(open_one, result):
    app = open_one(result)
    assert app.select_slider[0].value == 1
    assert "About one false wake in two hours, hears 97 of 100." in texts(app.markdown)
    app.select_slider[0].set_value(0).run()
    assert "About two false wakes an hour." in texts(app.markdown)
    assert "Who is not heard" not in texts(app.subheader)
    assert not app.exception


@pytest.mark.parametrize("content", ["", "[]", '{"format_version": 2}', '{"format_version": 1}'])
def test_a_report_that_cannot_be_read_takes_nothing_else_away(open_one, reported, content):
    Path(reported["report"]).write_text(content)
    app = open_one(reported)
    assert "hears 97 of 100" in texts(app.markdown)
    assert not app.exception


def test_recordings_of_people_come_first_when_they_were_measured(open_one, reported):
    file = Path(reported["bundle"]).with_name("smart_mirror.evaluation.json")
    assert "watchword evaluate" in texts(open_one(reported).code)
    file.write_text(json.dumps(evaluation()))
    app = open_one(reported)
    assert "On recordings of people (clean): hears 94 of 100, no false wake" in texts(app.markdown)
    assert {metric.label: metric.value for metric in app.metric}["Missed, real people"] == "6.0 %"
    (table,) = [frame.value for frame in app.dataframe if "Missed, clean" in frame.value]
    assert table["False wakes"].tolist() == ["below 1.9/h"] * 2
    assert "watchword evaluate" not in texts(app.code)
    file.write_text('{"format_version": 1}')
    app = open_one(reported)
    assert "Run the evaluation again" in texts(app.warning)
    assert not app.exception


def test_every_file_and_the_zip_can_be_downloaded(open_one, result):
    labels = [button.proto.label for button in open_one(result).get("download_button")]
    assert labels[0].startswith("Everything as one zip")
    assert len(labels) == 1 + len(FILES)


def test_the_model_for_esphome_is_handed_out_with_its_yaml(open_one, reported):
    app = open_one(reported)
    assert "no model for ESPHome" in texts(app.info)
    bundle = Path(reported["bundle"])
    manifest = {"type": "micro", "model": "smart_mirror_micro.tflite", "micro": {}}
    (bundle / "smart_mirror_micro.json").write_text(json.dumps(manifest))
    (bundle / "smart_mirror_micro.tflite").write_bytes(b"TFL3")
    app = open_one(reported)
    assert "- model: smart_mirror_micro.json" in texts(app.code)
    assert "probability_cutoff: 50.2%" in texts(app.code)
    assert len(app.get("download_button")) == 3 + len(FILES)
    app.select_slider[0].set_value(4).run()
    assert "probability_cutoff: 77.5%" in texts(app.code)


def test_the_model_card_names_sources_and_licences(open_one, result):
    bundle = Path(result["bundle"]) / "manifest.json"
    values = json.loads(bundle.read_text())
    values["provenance"] = {
        "speech": {"espeak (GPL-3.0 (program; its output is free))": {
            "clips": 20, "voices": ["espeak:en", "espeak:us"],
        }},
        "clips": {"positive": 20},
        "people": {"train": 8, "validation": 2},
        "recordings": "none: every clip is synthetic",
        "backbone": {"phoneme_error_rate": {}, "hours": {"speechocean762 (CC BY 4.0)": 2.6}},
        "something_new": {"a": 1},
    }  # fmt: skip
    bundle.write_text(json.dumps(values))
    app = open_one(result)
    tables = [frame.value for frame in app.dataframe if "Licence" in frame.value]
    assert tables[0].values.tolist() == [["espeak", "GPL-3.0 (program; its output is free)", 2, 20]]
    assert tables[1].values.tolist() == [["speechocean762", "CC BY 4.0", 2.6]]
    assert "8 to learn from, 2 others" in texts(app.markdown)
    assert "Something new: a 1" in texts(app.markdown)
    assert not app.exception


def test_two_detectors_side_by_side(open_page, connection, reported):
    first = finish(connection, reported)
    second = finish(connection, reported | {"report": None}, "magic mirror")
    app = open_page("detectors", compare=f"{first},{second}")
    assert [box.value for box in app.selectbox] == [first, second]
    table = app.dataframe[0].value.set_index("")
    assert table.loc["False wakes, as shipped"].tolist() == ["0.5/h", "0.5/h"]
    assert list(table.columns) == ["smart mirror", "magic mirror"]
    app.selectbox[1].set_value(first).run()
    assert "same detector twice" in texts(app.info)
    assert app.query_params["compare"] == f"{first},{first}"
    assert not app.exception


@pytest.mark.parametrize("pair", ["98,99", "1,1,1", "a,b", ","])
def test_an_address_that_compares_nothing_is_no_error(open_page, connection, result, pair):
    finish(connection, result)
    assert not open_page("detectors", compare=pair).exception


def test_deleting_asks_and_takes_the_files_and_nothing_else(
    open_page, connection, result, tmp_path
):
    number = finish(connection, result)
    home = tmp_path / "home"
    work, other = home / "jobs" / str(number), home / "detectors" / "2"
    for folder in (work, other, home / "clips"):
        folder.mkdir(parents=True)
        (folder / "kept").write_text("x")
    app = open_page("detectors", job=str(number))
    app.button(key="delete").click().run()
    assert "cannot be undone" in texts(app.markdown)
    assert Path(result["bundle"]).is_dir()
    app.button(key="delete really").click().run()
    assert app.title[0].value == "Detectors"
    assert not (home / "detectors" / str(number)).exists()
    assert not work.exists()
    assert (other / "kept").is_file()
    assert (home / "clips" / "kept").is_file()
    assert list_detectors(connection) == []
    assert jobs.get(connection, number).result["metrics"] == result["metrics"]
    app = open_page("detectors", job=str(number))
    assert "was deleted on" in texts(app.info)
    assert not app.exception


@pytest.mark.parametrize("bundle", ["{}/kept", "{}/home/detectors/1/../../../kept", "", "/"])
def test_files_that_watchword_did_not_put_there_are_not_deleted(
    open_page, connection, result, tmp_path, bundle
):
    kept = tmp_path / "kept"
    kept.mkdir()
    number = finish(connection, result | {"bundle": bundle.format(tmp_path)})
    app = open_page("detectors", job=str(number))
    app.button(key="delete").click().run()
    assert "Delete them there yourself" in texts(app.warning)
    app.button(key="delete really").click().run()
    assert kept.is_dir()
    assert Path(result["bundle"]).is_dir()
    assert list_detectors(connection) == []


def test_a_bundle_that_is_gone_says_so(open_one, result):
    app = open_one(result | {"bundle": "/nowhere"})
    assert "no longer in /nowhere" in texts(app.error)
    assert not app.exception


def test_a_number_without_a_detector_says_why(open_page, connection):
    assert "There is no job 7" in texts(open_page("detectors", job="7").info)
    number = jobs.submit(connection, "smart mirror", "quick", 0, {})
    assert "it is queued" in texts(open_page("detectors", job=str(number)).info)


@pytest.mark.parametrize("content", ["", '{"format_version": 1}', "%PDF-1.7"])
def test_a_damaged_manifest_says_so(open_one, result, content):
    (Path(result["bundle"]) / "manifest.json").write_text(content)
    app = open_one(result)
    assert "cannot be read" in texts(app.error)
    assert not app.exception


def test_a_result_without_measurements_says_what_is_missing(open_one, result):
    assert "'validation'" in texts(open_one(result | {"metrics": {}}).error)


def test_files_that_are_gone_are_marked_and_the_rest_stays(open_one, result):
    Path(result["zip"]).unlink()
    (Path(result["bundle"]) / FILES[0][0]).unlink()
    app = open_one(result)
    assert len(app.get("download_button")) == len(FILES) - 1
    assert "gone from the disk" in texts(app.markdown)
    assert "zip is no longer" in texts(app.warning)
