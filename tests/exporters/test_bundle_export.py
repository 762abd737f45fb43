import dataclasses
import errno
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exporters import bundle as module
from exporters.bundle import ExportReport, export_bundle
from exporters.errors import ConverterMissingError, ExportError
from exporters.recipes import INT8_BUDGET_BYTES, SHIPPED
from exporters.report import BARS, OF_THE_MACHINE, Bar
from exporters.step import step_spec
from exporters.tflite import missing_converter
from trainer.model import TinyCRNN, TinyCRNNConfig, save_checkpoint
from watchword_runtime.bundle import open_bundle
from watchword_runtime.detector import Detector
from watchword_runtime.engines import ENGINES, available
from watchword_runtime.manifest import Decision, Manifest, OperatingPoint

ONNX = ("onnx",)


def manifest_for(config: TinyCRNNConfig) -> Manifest:
    return Manifest(
        "Green lamp",
        "en",
        step_spec(config),
        Decision(threshold=0.6, smoothing_steps=3, warmup_steps=5),
        operating_points=(OperatingPoint(0.5, 1.2, 0.6, None, "read speech", 2.5),),
        provenance={"licences": {"voices": ["CC0", "Apache-2.0"]}, "seed": 3},
    )


@pytest.fixture(scope="module")
def checkpoint(model: TinyCRNN, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(model, folder, {})
    return folder


@pytest.fixture(scope="module")
def manifest(model: TinyCRNN) -> Manifest:
    return manifest_for(model.config)


@pytest.fixture(scope="module")
def whole(default_model, make_features, sound, tmp_path_factory) -> ExportReport:
    """Every format of the default network."""
    if missing_converter() is not None:
        pytest.skip(str(missing_converter()))
    folder = tmp_path_factory.mktemp("whole")
    save_checkpoint(default_model, folder / "checkpoint", {})
    return export_bundle(
        folder / "checkpoint",
        folder / "green_lamp",
        manifest=manifest_for(default_model.config),
        calibration=make_features(6_100, seed=9),
        sound=sound,
    )


def test_bundle_opens_and_lists_every_format(whole: ExportReport) -> None:
    files = [file.file for file in open_bundle(whole.folder).manifest.files]
    assert files == [f"green_lamp.{suffix}" for suffix in SHIPPED]
    assert list(open_bundle(whole.zip).formats) == files
    assert {path.name for path in whole.folder.iterdir()} == {
        *files,
        *("manifest.json", "golden.npz", "verification.json", "README.md"),
        *("green_lamp_micro.json", "green_lamp_micro.tflite"),
    }
    assert {path.name for path in whole.folder.parent.iterdir()} == {
        *("checkpoint", "green_lamp", "green_lamp.zip"),
    }
    json.dumps(whole.to_dict())


def test_the_report_in_the_bundle_knows_nothing_of_the_machine(whole: ExportReport) -> None:
    stored = json.loads((whole.folder / "verification.json").read_text(encoding="utf-8"))
    ours = whole.to_dict()["verification"]
    assert stored["drift_s"] >= 180
    for check, kept in zip(ours["checks"], stored["checks"], strict=True):
        assert {name: check.pop(name) for name in OF_THE_MACHINE}["memory_mb"] > 10
        assert check == kept
        assert abs(check["offset"]) <= check["drift"] <= check["drift_bar"]
        assert check["score_error"] <= check["score_bar"]


def test_int8_fits_its_budget(whole: ExportReport) -> None:
    sizes = {file.file: file.bytes for file in whole.files if file.precision == "int8"}
    assert len(sizes) == 2
    assert max(sizes.values()) <= INT8_BUDGET_BYTES, sizes


def test_every_file_was_verified_on_every_engine_here(whole: ExportReport) -> None:
    shown = {(check.file, check.engine) for check in whole.verification.checks}
    for engine, missing in available().items():
        for file in whole.files:
            if missing is None and file.format in ENGINES[engine].formats:
                assert (file.file, engine) in shown
        assert (missing is None) != (engine in whole.verification.engines_not_run) or (
            any(check.engine == engine for check in whole.verification.checks)
        )


def test_engines_agree_with_the_golden_vectors(whole: ExportReport) -> None:
    features, logits = open_bundle(whole.folder).golden()
    assert len(logits) == 200
    for file in whole.files:
        for engine, missing in available().items():
            if missing is not None or file.format not in ENGINES[engine].formats:
                continue
            alone = Detector.load(whole.folder / file.file, engine=engine)
            assert alone.manifest.phrase == "Green lamp"
            session = alone.session()
            given = np.array([session.step(chunk[np.newaxis]) for chunk in features])
            allowed = {"fp32": 1e-4, "fp16": 0.05, "int8": 0.8}[file.precision]
            assert np.abs(given - logits).max() <= allowed, (file.file, engine)


def test_second_conversion_gives_the_same_bytes(whole: ExportReport, tflite_files) -> None:
    for recipe in SHIPPED.values():
        if recipe.format == "tflite":
            content = (whole.folder / f"green_lamp.{recipe.suffix}").read_bytes()
            assert content.startswith(tflite_files[recipe.scheme]), recipe


def test_second_export_gives_the_same_bytes(export, tmp_path) -> None:
    one, other = (export(tmp_path / folder / "green_lamp").zip for folder in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_card_says_what_a_person_needs(whole: ExportReport) -> None:
    card = (whole.folder / "README.md").read_text(encoding="utf-8")
    for piece in (
        *("# Green lamp", "watchword-listen . --wav", "CC0", "read speech (2.5 h)"),
        *("not measured", "green_lamp.int8.tflite", "at least 0.6", "| onnxruntime |"),
    ):
        assert piece in card, piece


@pytest.fixture
def export(checkpoint, manifest, stream, sound) -> Callable[..., ExportReport]:
    """Export the small network as ONNX, or as told otherwise."""

    def run(out: Path, **changes: object) -> ExportReport:
        settings = {
            "manifest": manifest,
            "calibration": stream,
            "sound": sound,
            "formats": ONNX,
            **changes,
        }
        return export_bundle(checkpoint, out, **settings)

    return run


def test_missing_converter_leaves_the_others(export, tmp_path, monkeypatch) -> None:
    reason = 'TFLite files need litert_torch: pip install "watchword[tflite]"'
    monkeypatch.setattr(module, "missing_converter", lambda: reason)
    report = export(tmp_path / "b", formats=SHIPPED)
    assert [file.file for file in report.files] == ["green_lamp.int8.onnx", "green_lamp.onnx"]
    assert report.skipped == dict.fromkeys(("int8.tflite", "fp16.tflite", "tflite"), reason)
    with pytest.raises(ConverterMissingError, match=r"watchword\[tflite\]"):
        export(tmp_path / "c", formats=["tflite"])
    assert not (tmp_path / "c").exists()


def test_missed_bar_leaves_nothing(export, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(BARS, "fp32", Bar(1e-12, 1e-12, of_range=False))
    with pytest.raises(ExportError, match="at most 1e-12"):
        export(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["green_lamp.onnx", "README.md"])
def test_full_disk_leaves_nothing(export, tmp_path, monkeypatch, name) -> None:
    write = module._write

    def fail_at(path: Path, content: bytes) -> None:
        write(path, content[: len(content) // 2])
        if path.name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(module, "_write", fail_at)
    with pytest.raises(OSError, match="disk is full"):
        export(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_failure_keeps_the_older_bundle(export, tmp_path, monkeypatch) -> None:
    out = tmp_path / "b"
    export(out)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fail(*_args: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "model_card", fail)
    with pytest.raises(OSError, match="disk is full"):
        export(out, formats=["onnx"])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_older_bundle_gives_way(export, manifest, stream, tmp_path) -> None:
    out = tmp_path / "b"
    told = []
    export(out)
    other = dataclasses.replace(manifest, phrase="Red lamp")
    export(
        out,
        manifest=other,
        formats=["onnx"],
        progress=lambda share, _text: told.append(share),
    )
    assert open_bundle(out).manifest.phrase == "Red lamp"
    assert not list(out.glob("green*"))
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert "b/red_lamp.onnx" in archive.namelist()
    assert {path.name for path in tmp_path.iterdir()} == {"b", "b.zip"}
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)


def test_folder_of_other_things_is_not_replaced(export, manifest, stream, tmp_path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(FileExistsError, match="is no bundle"):
        export(tmp_path / "photos")
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"cat"


def test_what_does_not_fit_is_refused(export, manifest, stream, sound, tmp_path) -> None:
    out = tmp_path / "b"
    with pytest.raises(ValueError, match=r"no format coreml: choose from int8\.tflite"):
        export(out, formats=["coreml"])
    wrong = dataclasses.replace(manifest, step=step_spec(TinyCRNNConfig()))
    with pytest.raises(ValueError, match="step_spec"):
        export(out, manifest=wrong)
    with pytest.raises(ValueError, match="at least 60 s"):
        export(out, calibration=stream[:600])
    with pytest.raises(ValueError, match=r"lasts 10\.0 s"):
        export(out, sound=sound[:160_000])
    assert list(tmp_path.iterdir()) == []
