"""The benchmark from its command: two seeds of a tiny training, resumed, reported, refused."""

from __future__ import annotations

import functools
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from trainer.benchmark import exam
from trainer.benchmark import phrases as originals
from trainer.benchmark.results import load_results, read_result, result_path
from watchword import benchmark_cli, exporting
from watchword_runtime.manifest import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.watchword.conftest import Place

needs_flite = pytest.mark.skipif(
    shutil.which("flite") is None or shutil.which("festival") is None,
    reason="apt-get install flite festival",
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hiss for negatives, noise, and two recordings of the phrase."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    for name, seconds in (("negatives", 20), ("noise", 3), ("said/smart_mirror", 1)):
        (folder / name).mkdir(parents=True)
        for number in range(2):
            hiss = rng.normal(size=seconds * 16_000) * 0.05
            soundfile.write(folder / name / f"{number}.wav", hiss, 16_000)
    return folder


@pytest.fixture(scope="module")
def arguments(folders: Path) -> list[object]:
    return [
        *("--negatives", folders / "negatives", "--noise", folders / "noise"),
        *("--recordings", folders / "said", "--hold-out", "flite", "--phrases", "smart mirror"),
        *("--preset", "quick"),
    ]


@pytest.fixture(scope="module")
def bench(place: Place, arguments: list[object], module_patch: pytest.MonkeyPatch) -> Path:
    """One finished seed; flite spoke for other trainings in this home before."""
    smaller = functools.partial(exporting.export_bundle, formats=("onnx", "int8.onnx"))
    module_patch.setattr(exporting, "export_bundle", smaller)
    module_patch.setattr(exam, "POSITIVES", 10)
    module_patch.setattr(exam, "NEAR_MISSES", 6)
    assert place.run("corpus", "make", "smart mirror", "--preset", "quick") == 0
    assert place.run("benchmark", "--out", place.outs / "bench", *arguments) == 0
    return place.outs / "bench"


def test_the_arguments_are_those_of_the_originals() -> None:
    assert benchmark_cli.BENCHMARK_PHRASES == originals.PHRASES
    assert benchmark_cli.HELD_OUT == originals.HELD_OUT


@needs_flite
def test_held_out_voices_are_in_the_exam_and_not_in_the_detector(bench: Path) -> None:
    stored = json.loads((bench / "smart_mirror" / "exam" / exam.EXAM_FILE).read_text())
    assert {clip["engine"] for clip in stored["clips"]} == {"flite"}
    text = (bench / "smart_mirror" / "seed-0" / MANIFEST_FILE).read_text()
    speech = Manifest.from_json(text).provenance["speech"]
    assert speech
    assert not any(name.startswith("flite") for name in speech)
    assert not any(voice.startswith("flite:") for e in speech.values() for voice in e["voices"])


@needs_flite
def test_the_exam_leaves_nothing_in_the_database(
    bench: Path, place: Place, arguments: list[object]
) -> None:
    before = place.clips()
    shutil.rmtree(bench / "smart_mirror" / "exam")
    (bench / "smart_mirror" / "seed-0.json").unlink()
    assert place.run("benchmark", "--out", bench, *arguments) == 0
    assert "exam" in place.stages
    assert place.clips() == before
    assert "training" not in place.stages  # its bundle was there: only measured again
    assert result_path(bench, "smart mirror", "seed-0").is_file()


@needs_flite
def test_every_figure_is_measured_on_the_int8_artifact(bench: Path) -> None:
    result = read_result(result_path(bench, "smart mirror", "seed-0"))
    assert result.notes["file"] == "smart_mirror.int8.onnx"
    assert {"speech", "features", "training", "export", "measuring"} <= set(result.minutes)
    shares = [value for name, value in result.figures.items() if "miss" in name or "near_a" in name]
    assert len(shares) == 12 + 6 + 3
    assert all(share is None or 0 <= share <= 1 for share in shares)
    assert result.figures["real_clips"] == 2
    assert result.figures["negative_hours"] == pytest.approx(40 / 3600)


@needs_flite
def test_what_is_finished_is_not_done_again(
    bench: Path, place: Place, arguments: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    before = result_path(bench, "smart mirror", "seed-0").read_bytes()
    assert place.run("benchmark", "--out", bench, *arguments) == 0
    assert place.stages == []
    assert "held-out, clean" in capsys.readouterr().out
    assert result_path(bench, "smart mirror", "seed-0").read_bytes() == before
    assert place.leftovers() == []


@needs_flite
def test_a_second_seed_gives_a_spread(
    bench: Path,
    place: Place,
    arguments: list[object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = place.outs / "two"
    shutil.copytree(bench, out)
    # A second training of forty steps would often fail the export's parity gate.
    first = json.loads(result_path(out, "smart mirror", "seed-0").read_text())
    first["seed"] = 1
    result_path(out, "smart mirror", "seed-1").write_text(json.dumps(first))
    more = ["--seeds", "0", "1", "--json", tmp_path / "all.json"]
    assert place.run("benchmark", "--out", out, *arguments, *more) == 0
    assert "training" not in place.stages
    assert "exam" not in place.stages
    assert list(load_results(out)["seed"]) == [0, 1]
    values = json.loads((tmp_path / "all.json").read_text())
    assert values["phrases"]["smart mirror"]["watchword"]["heldout_miss"]["count"] == 2
    assert len(values["results"]) == 2
    assert "±" in capsys.readouterr().out


@needs_flite
def test_a_stopped_run_goes_on(bench: Path, place: Place, arguments: list[object]) -> None:
    out = place.outs / "stopped"
    shutil.copytree(bench / "smart_mirror" / "exam", out / "smart_mirror" / "exam")
    place.stop_at = lambda progress: progress.stage == "negatives"
    try:
        assert place.run("benchmark", "--out", out, *arguments) == 130
    finally:
        place.stop_at = None
    assert not result_path(out, "smart mirror", "seed-0").exists()
    assert place.run("benchmark", "--out", out, *arguments) == 0
    assert "training" not in place.stages
    assert "negatives" in place.stages
    assert place.leftovers() == []


@needs_flite
def test_other_settings_in_the_same_folder_are_refused(
    bench: Path, place: Place, arguments: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("benchmark", "--out", bench, *arguments, "--from-nothing") == 2
    assert "other settings" in capsys.readouterr().err


@needs_flite
def test_report_prints_what_is_there_without_recordings(
    bench: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("benchmark", "--report", bench) == 0
    said = capsys.readouterr().out
    assert "smart mirror" in said
    assert "The fp32 artifacts" not in said
    assert "so few hours cannot show 0.5 per hour" in said
    assert place.stages == []


@needs_flite
def test_fp32_stands_beside_int8_and_noise_may_be_left_out(
    bench: Path, place: Place, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = place.outs / "fp32"
    shutil.copytree(bench, out)
    result_path(out, "smart mirror", "seed-0").unlink()
    more = ["--negatives", folders / "negatives", "--hold-out", "flite", "--fp32"]
    more += ["--preset", "quick"]
    assert place.run("benchmark", "--out", out, *more, "--phrases", "smart mirror") == 0
    figures = read_result(result_path(out, "smart mirror", "seed-0")).figures
    assert figures["fp32_heldout_miss"] == pytest.approx(figures["heldout_miss"], abs=0.11)
    assert "heldout_miss_10db" not in figures
    said = capsys.readouterr().out
    assert "The fp32 artifacts, at 0.5 per hour:" in said
    assert "people, 10 dB" in said


def test_what_is_missing_is_said(
    place: Place, tmp_path: Path, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("benchmark", "--out", tmp_path / "out") == 2
    assert "--negatives" in capsys.readouterr().err
    assert place.run("benchmark", "--report", tmp_path) == 2
    assert "no benchmark results" in capsys.readouterr().err
    negatives = ["--negatives", folders / "negatives"]
    more = ["--hold-out", "piper"]
    assert place.run("benchmark", "--out", tmp_path / "out", *negatives, *more) == 3
    assert "cannot speak here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
