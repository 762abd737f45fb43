"""The third page: measurements, downloads, shell lines; bundles that are gone or damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import jobs
from tests.page.small_bundle import FILES, write_bundle


def texts(elements):
    return " | ".join(element.value for element in elements)


def finish(connection, result, phrase="smart mirror"):
    job_id = jobs.submit(connection, phrase, "quick", 0, {})
    jobs.claim(connection, "w")
    jobs.finish(connection, job_id, "w", result)
    return job_id


@pytest.fixture
def result(connection, tmp_path):
    return write_bundle(tmp_path / "detectors")


def test_without_detectors_it_says_what_to_do(open_page):
    app = open_page("detectors")
    assert "No detector yet" in texts(app.markdown)
    assert not app.exception


def test_it_shows_what_was_measured(open_page, connection, result):
    finish(connection, result)
    app = open_page("detectors")
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown == {
        "Missed": "3.1 %",
        "Near-misses accepted": "4.2 %",
        "Smallest file": "60 KiB",
        "Made in": "4 min",
    }
    points, verification = (frame.value for frame in app.dataframe)
    assert points["Missed"].tolist() == ["3.1 %", "not measured"]
    assert verification["Largest error"].tolist() == [4e-6, 0.08]
    assert not app.exception


def test_every_file_and_the_zip_can_be_downloaded(open_page, connection, result):
    finish(connection, result)
    labels = [button.proto.label for button in open_page("detectors").get("download_button")]
    assert labels[0].startswith("Everything as one zip")
    assert len(labels) == 1 + len(FILES)


def test_the_lines_for_a_pi_name_the_zip(open_page, connection, result):
    finish(connection, result)
    assert "watchword-listen smart_mirror.zip --stdin" in texts(open_page("detectors").code)


def test_the_address_chooses_the_detector_and_follows_the_choice(open_page, connection, result):
    first = finish(connection, result)
    second = finish(connection, result, "magic mirror")
    app = open_page("detectors")
    assert app.selectbox[0].value == second
    app = open_page("detectors", job=str(first))
    assert app.selectbox[0].value == first
    app.selectbox[0].set_value(second).run()
    assert app.selectbox[0].value == second
    assert dict(app.query_params) == {"job": str(second)}
    app.selectbox[0].set_value(first).run()
    assert app.selectbox[0].value == first


def test_a_bundle_that_is_gone_says_so(open_page, connection, result):
    finish(connection, result | {"bundle": "/nowhere"})
    app = open_page("detectors")
    assert "no longer in /nowhere" in texts(app.error)
    assert not app.exception


@pytest.mark.parametrize("content", ["", '{"format_version": 1}', "%PDF-1.7"])
def test_a_damaged_manifest_says_so(open_page, connection, result, content):
    finish(connection, result)
    (Path(result["bundle"]) / "manifest.json").write_text(content)
    app = open_page("detectors")
    assert "cannot be read" in texts(app.error)
    assert not app.exception


def test_a_result_without_measurements_says_what_is_missing(open_page, connection, result):
    finish(connection, result | {"metrics": {}})
    assert "'validation'" in texts(open_page("detectors").error)


def test_files_that_are_gone_are_marked_and_the_rest_stays(open_page, connection, result):
    finish(connection, result)
    Path(result["zip"]).unlink()
    (Path(result["bundle"]) / FILES[0][0]).unlink()
    app = open_page("detectors")
    assert len(app.get("download_button")) == len(FILES) - 1
    assert "gone from the disk" in texts(app.markdown)
    assert "zip is no longer" in texts(app.warning)
