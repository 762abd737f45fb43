from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import watchword_runtime
from watchword_runtime import (
    BundleError,
    BundleNotFoundError,
    DamagedBundleError,
    Detector,
    ManifestError,
    NotABundleError,
)
from watchword_runtime.bundle import open_bundle
from watchword_runtime.frontend import features
from watchword_runtime.manifest import FrontEndSpec

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 20


@pytest.fixture
def folder(tiny, tmp_path, bursts):
    golden = tiny.golden(features(bursts))
    files = {"tiny.onnx": tiny.onnx, "tiny.int8.onnx": tiny.onnx}
    return tiny.bundle(tmp_path / "smart_mirror", files, golden)


def test_folder_zip_and_zip_with_a_folder_hold_the_same(tiny, folder, bursts):
    opened = open_bundle(folder)
    assert list(opened.formats) == ["tiny.onnx", "tiny.int8.onnx"]
    expected = Detector.load(folder).stream().process(bursts)
    assert expected
    for prefix in ("", "smart_mirror/"):
        path = tiny.zipped(folder, prefix)
        assert open_bundle(path).manifest == opened.manifest
        np.testing.assert_array_equal(open_bundle(path).golden()[0], opened.golden()[0])
        assert Detector.load(str(path)).stream().process(bursts) == expected


def test_opening_a_zip_writes_nothing(tiny, folder):
    path = tiny.zipped(folder)
    before = sorted(folder.parent.rglob("*"))
    Detector.load(path)
    assert sorted(folder.parent.rglob("*")) == before


def test_opening_a_folder_leaves_openssl_and_compressors_out(folder):
    # They would stay resident for as long as the device listens.
    program = """if True:
        import sys
        import numpy  # numpy 1 loads OpenSSL itself
        before = set(sys.modules)
        from watchword_runtime.bundle import open_bundle
        open_bundle(sys.argv[1])
        print(*sorted(set(sys.modules) - before))
    """
    source = str(Path(watchword_runtime.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        check=True,
    )
    loaded = done.stdout.split()
    assert "watchword_runtime.bundle" in loaded
    assert not {"hashlib", "_hashlib", "zipfile", "bz2", "lzma"} & set(loaded)


def test_one_onnx_file_is_a_detector(tiny, tmp_path, folder, bursts):
    path = tmp_path / "renamed.bin"
    path.write_bytes(tiny.onnx)
    alone = Detector.load(path)
    assert alone.manifest == tiny.manifest
    assert alone.file == "renamed.bin"
    assert alone.stream().process(bursts) == Detector.load(folder).stream().process(bursts)


def test_one_tflite_file_is_a_detector(tiny, tiny_tflite, tmp_path, bursts):
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_tflite)
    alone = Detector.load(path)
    assert alone.manifest == tiny.manifest
    whole = Detector.load(tiny.bundle(tmp_path / "bundle", {"tiny.tflite": tiny_tflite}))
    np.testing.assert_array_equal(alone.stream().scores(bursts), whole.stream().scores(bursts))


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_a_model_without_a_manifest_says_so(plain_onnx, tmp_path, kind):
    content = {"onnx": plain_onnx, "tflite": b"\x1c\0\0\0TFL3" + bytes(100)}[kind]
    path = tmp_path / f"foreign.{kind}"
    path.write_bytes(content)
    with pytest.raises(NotABundleError, match=rf"foreign\.{kind} carries no Watchword manifest"):
        Detector.load(path)


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9, 0.999])
def test_a_truncated_model_file_is_refused(tiny, tmp_path, keep):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny.onnx[: int(len(tiny.onnx) * keep)])
    with pytest.raises(BundleError, match=r"tiny\.onnx"):
        Detector.load(path)


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_truncated_tflite_file_is_refused_before_its_engine_sees_it(tiny_tflite, tmp_path, keep):
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_tflite[: int(len(tiny_tflite) * keep)])
    with pytest.raises(NotABundleError, match=r"tiny\.tflite .* is truncated"):
        Detector.load(path)


@pytest.mark.parametrize("as_zip", [False, True])
def test_every_damaged_model_file_is_named(tiny, folder, as_zip):
    def refused(error: type[BundleError], words: str) -> None:
        with pytest.raises(error, match=rf"tiny\.int8\.onnx.*{words}.*copy the"):
            Detector.load(tiny.zipped(folder) if as_zip else folder)

    path = folder / "tiny.int8.onnx"
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    refused(DamagedBundleError, "is truncated")
    path.write_bytes(whole[:-5] + b"12345")
    refused(DamagedBundleError, "SHA-256 differs")
    path.write_bytes(whole + b"more")
    refused(DamagedBundleError, "SHA-256 differs")
    path.unlink()
    refused(BundleNotFoundError, "is missing")


def test_a_file_that_changes_after_opening_is_caught(folder):
    opened = open_bundle(folder)
    content = bytearray((folder / "tiny.onnx").read_bytes())
    content[100] ^= 1
    (folder / "tiny.onnx").write_bytes(content)
    with pytest.raises(DamagedBundleError, match="SHA-256"):
        opened.read("tiny.onnx")


def test_a_missing_path_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no bundle at .*nowhere"):
        Detector.load(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [PDF, b"", b"x", b"RIFF\0\0\0\0WAVE", bytes(1000)])
def test_other_files_are_no_bundles(tmp_path, content):
    path = tmp_path / "thing.onnx"
    path.write_bytes(content)
    with pytest.raises(NotABundleError, match=r"thing\.onnx is not a Watchword bundle"):
        Detector.load(path)


def test_other_folders_and_zips_are_no_bundles(tiny, tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotABundleError, match=r"has no manifest\.json"):
        Detector.load(tmp_path / "empty")
    with pytest.raises(NotABundleError, match=r"0 manifest\.json"):
        Detector.load(tiny.zipped(folder, "a/b/"))


def test_a_truncated_zip_is_named(tiny, folder):
    path = tiny.zipped(folder)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DamagedBundleError, match=r"smart_mirror\.zip is a truncated or damaged"):
        Detector.load(path)


def test_names_in_a_zip_are_never_paths(tiny, tmp_path, folder):
    path = tmp_path / "evil.zip"
    text = (folder / "manifest.json").read_text().replace("tiny.onnx", "../../evil.onnx")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", text)
        archive.writestr("../../evil.onnx", tiny.onnx)
    with pytest.raises(ManifestError, match="plain file name"):
        Detector.load(path)
    assert not (tmp_path.parent.parent / "evil.onnx").exists()


def test_a_zip_bomb_is_not_unpacked(tmp_path, folder, monkeypatch):
    monkeypatch.setattr("watchword_runtime.bundle.MAX_FILE_BYTES", 1 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "manifest.json", "manifest.json")
        archive.writestr("tiny.onnx", bytes(1 << 22))
    with pytest.raises(NotABundleError, match="unpacks to more than"):
        Detector.load(path)


def test_a_damaged_manifest_is_named(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ManifestError, match=r"manifest\.json: Manifest: not JSON"):
        Detector.load(folder)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        Detector.load(folder)


def test_another_front_end_is_refused_and_another_version_warned_of(tiny, tmp_path, caplog):
    other = tiny.bundle(tmp_path / "other", front_end=FrontEndSpec(name="mfcc"))
    with pytest.raises(ManifestError, match="mfcc"):
        Detector.load(other)
    older = tiny.bundle(tmp_path / "older", front_end=FrontEndSpec(version="1.0.0"))
    Detector.load(older)
    assert "pymicro-features 1.0.0" in caplog.text


def test_a_file_that_is_not_listed_names_those_that_are(folder):
    with pytest.raises(BundleNotFoundError, match=r"choose from tiny\.onnx, tiny\.int8\.onnx"):
        Detector.load(folder, file="tiny.tflite")


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


def test_golden_vectors_are_never_unpickled(folder, capsys):
    buffer = io.BytesIO()
    np.savez(buffer, features=np.array([Evil()], dtype=object), logits=np.zeros(1))
    assert b"print" in pickle.dumps(Evil())
    (folder / "golden.npz").write_bytes(buffer.getvalue())
    with pytest.raises(DamagedBundleError, match=r"golden\.npz"):
        open_bundle(folder).golden()
    assert capsys.readouterr().out == ""


def test_golden_vectors_of_other_shapes_are_refused(folder):
    for logits in (np.zeros(3), np.zeros((2, 1)), np.zeros(0), np.float32(1)):
        buffer = io.BytesIO()
        np.savez(buffer, features=np.zeros((2, 3, 40)), logits=logits)
        (folder / "golden.npz").write_bytes(buffer.getvalue())
        with pytest.raises(DamagedBundleError, match="do not fit the manifest"):
            open_bundle(folder).golden()
    (folder / "golden.npz").write_bytes(PDF)
    with pytest.raises(DamagedBundleError, match="copy the bundle again"):
        open_bundle(folder).golden()
