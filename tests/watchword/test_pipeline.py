"""A whole training in seconds: what it leaves, what a second run reuses, what a stop leaves."""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from db.clips import CLIP_FOLDER, ClipStore
from db.connection import open_database
from exporters import bundle as exporters_bundle
from tests.watchword.tiny_preset import GROWTH, TARGET
from trainer.corpus_file import CORPUS_FILE
from trainer.dataset import Examples, SplitError
from trainer.dataset_file import DATASET_FILE
from trainer.render import Stream
from watchword import exporting, finished_stages, pipeline
from watchword_runtime import Detector
from watchword_runtime.manifest import GOLDEN_FILE, MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.watchword.conftest import Place
    from trainer.progress import Progress

STAGES = ["phrase", "speech", "features", "training", "validation", "export"]


@pytest.fixture(scope="module")
def trained(place: Place) -> Path:
    """One training with every format that this machine can write."""
    assert place.train("sm") == 0
    assert place.stages == STAGES
    return place.outs / "sm"


@pytest.fixture
def onnx_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Export one format: the conversion to TFLite takes longer than everything else here."""
    smaller = functools.partial(exporting.export_bundle, formats=("onnx",))
    monkeypatch.setattr(exporting, "export_bundle", smaller)


@pytest.fixture
def stop(place: Place) -> Iterator[Place]:
    yield place
    place.stop_at = None


def healthy(place: Place) -> bool:
    with closing(open_database()) as connection:
        checked = connection.execute("PRAGMA integrity_check").fetchone()[0]
        report = ClipStore(connection, place.home / CLIP_FOLDER).verify(hashes=True)
    return checked == "ok" and report.healthy and not report.orphans and not report.leftovers


def test_every_file_is_there_and_is_what_the_manifest_says(trained: Path) -> None:
    manifest = Manifest.from_json((trained / MANIFEST_FILE).read_text())
    assert manifest.phrase == "smart mirror"
    assert {file.precision for file in manifest.files} >= {"fp32", "int8"}
    for file in manifest.files:
        content = (trained / file.file).read_bytes()
        assert len(content) == file.bytes
        assert hashlib.sha256(content).hexdigest() == file.sha256
    listed = {file.file for file in manifest.files}
    others = {MANIFEST_FILE, GOLDEN_FILE, "README.md", "verification.json"}
    if any(name.endswith(".int8.tflite") for name in listed):
        others |= {"smart_mirror_micro.json", "smart_mirror_micro.tflite"}
    assert {path.name for path in trained.iterdir()} == listed | others


def test_every_artifact_was_verified(trained: Path) -> None:
    manifest = Manifest.from_json((trained / MANIFEST_FILE).read_text())
    checks = json.loads((trained / "verification.json").read_text())["checks"]
    assert {check["file"] for check in checks} == {file.file for file in manifest.files}
    for check in checks:
        assert check["max_error"] <= check["max_bar"], check["file"]


def test_the_runtime_loads_folder_zip_and_each_file_alone(trained: Path) -> None:
    rng = np.random.default_rng(0)
    sound = (rng.normal(size=32_000) * 800).astype(np.int16)
    doors = [trained, trained.with_name("sm.zip"), *trained.glob("*.onnx")]
    expected = Detector.load(trained).stream().scores(sound)
    assert len(expected) > 60
    listed = Manifest.from_json((trained / MANIFEST_FILE).read_text()).files
    # The microWakeWord model is not listed: it is for microcontrollers alone.
    doors += [trained / file.file for file in listed if file.file.endswith(".tflite")]
    for door in doors:
        detector = Detector.load(door)
        assert detector.manifest.phrase == "smart mirror"
        # int8 and fp16 files round their weights.
        assert np.abs(detector.stream().scores(sound) - expected).max() < 0.05, door.name


def test_the_manifest_says_what_it_was_made_of(trained: Path) -> None:
    provenance = Manifest.from_json((trained / MANIFEST_FILE).read_text()).provenance
    assert (provenance["preset"], provenance["seed"]) == ("quick", 0)
    assert sum(provenance["clips"].values()) >= 0.8 * TARGET
    assert all("(" in engine for engine in provenance["speech"])  # with its licence
    assert set(provenance["people"]) == {"train", "validation"}


def test_the_checkpoint_says_what_was_measured_in_strict_json(trained: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    stored = (trained.with_name("sm.work") / "checkpoint" / "model.json").read_text()
    validation = json.loads(stored, parse_constant=refuse)["meta"]["validation"]
    assert 0 <= validation["miss_rate"] <= 1
    assert validation["positives"] > 0
    assert (validation["near_miss_accepted"] is None) == (validation["near_misses"] == 0)


def test_what_it_does_at_each_threshold_lies_beside_the_bundle(trained: Path) -> None:
    report = json.loads(trained.with_name("sm.report.json").read_text())
    manifest = Manifest.from_json((trained / MANIFEST_FILE).read_text())
    for point in manifest.operating_points:
        at = int(np.argmin([abs(t - point.threshold) for t in report["thresholds"]]))
        assert report["thresholds"][at] == pytest.approx(point.threshold)
        missed = report["missed"]["missed"][at] / report["scenes"]
        assert missed == pytest.approx(point.miss_rate)
    assert sum(group["of"] for group in report["groups"]["noise"]) == report["scenes"]


@pytest.mark.parametrize("heard", [(1,), (1, 2)])
def test_thresholds_say_whether_they_stand_on_people(heard: tuple[int, ...]) -> None:
    clips = pd.DataFrame({"id": [1, 2], "engine": ["espeak", "recording"]})
    features, spans = np.zeros((9, 40), np.float16), np.zeros((len(heard), 2), np.int32)
    stream = Stream(features, spans, np.array(heard))
    silent = Stream(features, spans[:0], np.zeros(0, np.int64))
    said = pipeline._heard(Examples((), (), (silent, stream)), clips)
    assert ("people" in said) is (2 in heard)


@pytest.mark.parametrize(
    ("engines", "people"),
    [(["kokoro", "espeak"], False), (["kokoro", "recording"], True), ([], False)],
)
def test_a_person_among_the_negatives_is_noticed(engines: list[str], people: bool) -> None:
    assert pipeline._people_among(pd.DataFrame({"engine": engines})) is people


def test_the_clips_are_kept_and_nothing_is_half_written(trained: Path, place: Place) -> None:
    assert 0.8 * TARGET <= place.clips() <= TARGET
    assert healthy(place)
    assert place.leftovers() == []
    assert (trained.with_name("sm.work") / "checkpoint" / "model.safetensors").is_file()


@pytest.mark.usefixtures("onnx_only")
def test_a_run_that_was_stopped_in_the_export_only_exports(trained: Path, place: Place) -> None:
    checkpoint = trained.with_name("sm.work") / "checkpoint" / "model.safetensors"
    before, weights = place.clips(), checkpoint.read_bytes()
    shutil.copytree(trained.with_name("sm.work"), place.outs / "again.work")
    assert place.train("again") == 0
    assert place.stages == ["phrase", "export"]
    assert place.clips() == before
    assert checkpoint.read_bytes() == weights
    assert Detector.load(place.outs / "again").manifest.phrase == "smart mirror"


@pytest.mark.usefixtures("onnx_only")
def test_the_same_request_after_a_finished_one_trains_anew(
    trained: Path, place: Place, stop: Place
) -> None:
    shutil.copytree(trained, place.outs / "twice")
    shutil.copytree(trained.with_name("sm.work"), place.outs / "twice.work")
    stop.stop_at = lambda progress: progress.stage == "speech"
    assert place.train("twice") == 130
    assert place.stages == ["phrase", "speech"]
    assert (place.outs / "twice" / MANIFEST_FILE).is_file()


@pytest.mark.usefixtures("onnx_only")
def test_another_seed_trains_again_and_speaks_only_the_growth(trained: Path, place: Place) -> None:
    before = place.clips()
    shutil.copytree(trained.with_name("sm.work"), place.outs / "seed.work")
    assert place.train("seed", "--seed", "1") == 0
    assert place.stages == STAGES
    short = TARGET - before  # rejected by a voice the first time, tried again
    assert 0 < place.clips() - before <= GROWTH + short
    assert Detector.load(place.outs / "seed").manifest.provenance["seed"] == 1


@pytest.mark.usefixtures("onnx_only")
@pytest.mark.parametrize("damaged", ["checkpoint/model.safetensors", "calibration.npz"])
def test_a_damaged_training_is_made_anew(
    trained: Path, place: Place, stop: Place, damaged: str
) -> None:
    name = f"damaged-{damaged[:5]}"
    work = place.outs / f"{name}.work"
    shutil.copytree(trained.with_name("sm.work"), work)
    (work / damaged).write_bytes((work / damaged).read_bytes()[:500])
    stop.stop_at = lambda progress: progress.stage == "speech"
    assert place.train(name) == 130
    assert place.stages == ["phrase", "speech"]


@pytest.mark.usefixtures("onnx_only", "trained")
@pytest.mark.parametrize("stage", STAGES)
def test_a_stop_leaves_nothing_half_written(
    stage: str, place: Place, stop: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    if stage == "export":
        shutil.copytree(place.outs / "sm.work", place.outs / "stop-export.work")

    def reached(progress: Progress) -> bool:
        return progress.stage == stage and (progress.fraction > 0 or stage == "phrase")

    stop.stop_at = reached
    before = place.clips()
    assert place.train(f"stop-{stage}") == 130
    assert "Stopped. Clips that were made are kept" in capsys.readouterr().err
    assert place.stages[-1] == stage
    assert not (place.outs / f"stop-{stage}").exists()
    assert not (place.outs / f"stop-{stage}.zip").exists()
    assert place.leftovers() == []
    assert place.clips() >= before
    assert healthy(place)


@pytest.fixture(scope="module")
def stopped(trained: Path, place: Place) -> Path:
    """The work folder of a run that was stopped in the training."""
    assert trained.is_dir()  # its clips are there
    place.stop_at = lambda progress: progress.stage == "training" and progress.fraction > 0
    assert place.train("stopped") == 130
    place.stop_at = None
    assert place.stages == STAGES[:4]
    return place.outs / "stopped.work"


def _try_again(place: Place, stopped: Path, name: str, stage: str, *more: object) -> Path:
    """Go on with a copy of the stopped run until a stage begins."""
    work = place.outs / f"{name}.work"
    if not work.exists():
        shutil.copytree(stopped, work)
    place.stop_at = lambda progress: progress.stage == stage
    assert place.train(name, *more) == 130
    return work


@pytest.mark.usefixtures("onnx_only", "stop")
def test_a_run_that_was_stopped_in_the_training_goes_on_there(stopped: Path, place: Place) -> None:
    before = place.clips()
    assert (stopped / DATASET_FILE).is_file()
    work = _try_again(place, stopped, "goes-on", "validation")
    assert place.stages == ["phrase", "training", "validation"]
    assert (work / DATASET_FILE).is_file()
    place.stop_at = None
    assert place.train("goes-on") == 0
    assert place.stages == ["phrase", "training", "validation", "export"]
    assert place.clips() == before
    assert not {CORPUS_FILE, DATASET_FILE} & {path.name for path in work.iterdir()}
    assert place.leftovers() == []
    corpus = json.loads((work / "checkpoint" / "model.json").read_text())["meta"]["corpus"]
    assert sum(bucket["generated"] for bucket in corpus["buckets"].values()) > 0


@pytest.mark.usefixtures("stop")
def test_damaged_features_are_rendered_anew_of_the_same_clips(
    stopped: Path, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(stopped, place.outs / "broken.work")
    file = place.outs / "broken.work" / DATASET_FILE
    whole = file.read_bytes()
    file.write_bytes(whole[:5000] + b"damaged" + whole[5007:])
    before = place.clips()
    _try_again(place, stopped, "broken", "training")
    assert place.stages == ["phrase", "features", "training"]
    assert "Rendering the features anew" in caplog.text
    assert place.clips() == before
    assert file.read_bytes() == whole


@pytest.mark.usefixtures("stop")
def test_another_request_takes_nothing_of_a_stopped_one(stopped: Path, place: Place) -> None:
    _try_again(place, stopped, "other-seed", "speech", "--seed", "7")
    assert place.stages == ["phrase", "speech"]
    shutil.copytree(stopped, place.outs / "other.work")
    place.stop_at = lambda progress: progress.stage == "speech"
    assert place.train("other", phrase="view glass") == 130
    assert place.stages == ["phrase", "speech"]


@pytest.mark.usefixtures("stop")
def test_too_few_voices_can_be_mended_and_tried_again(
    stopped: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SplitError("Only 2 clips")

    shutil.copytree(stopped, place.outs / "few.work")
    (place.outs / "few.work" / DATASET_FILE).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "build_dataset", refuse)
        assert place.train("few") != 0
        assert place.stages == ["phrase"]
    _try_again(place, stopped, "few", "speech")
    assert place.stages == ["phrase", "speech"]


@pytest.mark.usefixtures("stop")
def test_a_training_goes_on_where_features_find_no_room(
    stopped: Path, place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(finished_stages, "SPARE_BYTES", 2**60)
    shutil.copytree(stopped, place.outs / "narrow.work")
    (place.outs / "narrow.work" / DATASET_FILE).unlink()
    work = _try_again(place, stopped, "narrow", "training")
    assert place.stages == ["phrase", "features", "training"]
    assert "The features are not kept" in caplog.text
    assert not (work / DATASET_FILE).exists()


@pytest.mark.usefixtures("onnx_only")
def test_a_full_disk_in_the_export_is_said_and_leaves_nothing(
    trained: Path, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(exporters_bundle, "_write", full)
    shutil.copytree(trained.with_name("sm.work"), place.outs / "full.work")
    assert place.train("full") == 4
    error = capsys.readouterr().err
    assert error.startswith("watchword: The disk is full (")
    assert error.count("\n") == 1
    assert not (place.outs / "full").exists()
    assert not (place.outs / "full.zip").exists()
    assert place.leftovers() == []


@pytest.mark.usefixtures("onnx_only")
def test_export_writes_a_training_again(trained: Path, place: Place) -> None:
    assert place.run("export", trained.with_name("sm.work"), "--out", place.outs / "anew") == 0
    anew = Detector.load(place.outs / "anew").manifest
    assert anew.decision == Detector.load(trained).manifest.decision


def test_a_converter_that_is_missing_is_named_and_onnx_is_written(
    trained: Path, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        exporters_bundle, "missing_converter", lambda: 'pip install "watchword[tflite]"'
    )
    out = place.outs / "no-tflite"
    assert place.run("export", trained.with_name("sm.work"), "--out", out) == 0
    assert 'left out int8.tflite: pip install "watchword[tflite]"' in capsys.readouterr().out
    assert {path.suffix for path in out.glob("smart_mirror*")} == {".onnx"}


@pytest.mark.usefixtures("trained")
def test_a_folder_with_something_else_is_refused_before_any_work(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = place.outs / "photos"
    taken.mkdir()
    (taken / "cat.jpg").write_bytes(b"cat")
    before = place.clips()
    assert place.train("photos") == 2
    assert "holds no detector: choose another folder" in capsys.readouterr().err
    assert place.stages == ["phrase"]
    assert place.clips() == before
    assert [path.name for path in taken.iterdir()] == ["cat.jpg"]
