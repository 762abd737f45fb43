"""Results come back as they were written, and means and deviations are the right ones."""

import math

import pytest

from trainer.benchmark.results import (
    Result,
    ResultsError,
    Settings,
    as_frame,
    finished,
    load_results,
    mean_over_phrases,
    read_result,
    read_results,
    result_path,
    spread,
    write_result,
)

QUICK = Settings("quick", ("flite",))


def result(phrase="view glass", seed=0, miss=0.1, detector="watchword", **more):
    figures = {"heldout_miss": miss, "real_miss_05": None, "negative_hours": 3.0}
    return Result(phrase, seed, detector, QUICK, figures, {"training": 2.0, "export": 0.5}, **more)


def test_a_result_comes_back_as_it_was(tmp_path):
    path = write_result(tmp_path, result(notes={"file": "a.tflite"}))
    assert path == result_path(tmp_path, "view glass", "seed-0")
    assert path.parent.name == "view_glass"
    assert read_result(path) == result(notes={"file": "a.tflite"})
    assert not list(tmp_path.rglob("*.part"))


def test_only_what_is_there_with_the_same_settings_is_finished(tmp_path):
    write_result(tmp_path, result())
    assert finished(tmp_path, "view glass", "seed-0", QUICK)
    assert not finished(tmp_path, "view glass", "seed-1", QUICK)
    with pytest.raises(ResultsError, match="other settings"):
        finished(tmp_path, "view glass", "seed-0", Settings("best", ("flite",)))
    with pytest.raises(ResultsError, match="other settings"):
        finished(tmp_path, "view glass", "seed-0", Settings("quick", ("nanotts",)))


def test_a_damaged_file_is_named(tmp_path):
    path = write_result(tmp_path, result())
    path.write_text(path.read_text()[:40])
    with pytest.raises(ResultsError, match=r"seed-0\.json is no benchmark result"):
        read_results(tmp_path)


def test_a_later_version_is_refused(tmp_path):
    path = write_result(tmp_path, result())
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 9'))
    with pytest.raises(ResultsError, match="version 9"):
        read_result(path)


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(ResultsError, match="no benchmark results"):
        load_results(tmp_path)


def test_load_results_is_ours_alone_and_numbers(tmp_path):
    write_result(tmp_path, result(seed=1, miss=0.3))
    write_result(tmp_path, result(seed=0))
    write_result(tmp_path, result(seed=None, detector="microwakeword"))
    frame = load_results(tmp_path)
    assert list(frame["seed"]) == [0, 1]
    assert list(frame["heldout_miss"]) == [0.1, 0.3]
    assert math.isnan(frame["real_miss_05"][0])
    assert list(frame["minutes"]) == [2.5, 2.5]
    assert {r.detector for r in read_results(tmp_path)} == {"watchword", "microwakeword"}


def test_a_detectors_own_report_is_no_result(tmp_path):
    path = write_result(tmp_path, result(seed=0)) or next(tmp_path.glob("*/seed-0.json"))
    path.with_suffix(".report.json").write_text("{}")
    assert len(read_results(tmp_path)) == 1


def test_spread_is_the_sample_deviation_over_seeds():
    frame = as_frame([result(seed=s, miss=m) for s, m in enumerate((0.1, 0.2, 0.3))])
    found = spread(frame["heldout_miss"])
    assert found.mean == pytest.approx(0.2)
    assert found.sd == pytest.approx(0.1)
    assert found.count == 3
    assert spread(frame["real_miss_05"]) is None
    assert spread(frame["heldout_miss"][:1]).sd is None


def test_the_mean_over_phrases_spreads_over_seeds_not_over_phrases():
    # Phrases differ by far more than seeds: the deviation is that of 0.4, 0.5.
    rows = [("a", 0, 0.0), ("a", 1, 0.1), ("b", 0, 0.8), ("b", 1, 0.9)]
    frame = as_frame([result(phrase, seed, miss) for phrase, seed, miss in rows])
    found = mean_over_phrases(frame, "heldout_miss")
    assert found.mean == pytest.approx(0.45)
    assert found.sd == pytest.approx(0.1 / math.sqrt(2))
    assert found.count == 2


def test_a_seed_that_lacks_a_phrase_moves_no_deviation():
    rows = [("a", 0, 0.0), ("a", 1, 0.1), ("b", 0, 0.8)]
    frame = as_frame([result(phrase, seed, miss) for phrase, seed, miss in rows])
    found = mean_over_phrases(frame, "heldout_miss")
    assert found.mean == pytest.approx((0.05 + 0.8) / 2)
    assert found.sd is None
    assert mean_over_phrases(frame, "real_miss_05") is None
