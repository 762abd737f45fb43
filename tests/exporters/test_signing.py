import shutil
import stat
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from exporters.bundle import export_bundle
from exporters.signing import new_key, read_private_key, sign_bundle
from exporters.step import step_spec
from trainer.model import save_checkpoint
from watchword_runtime import (
    Detector,
    NotABundleError,
    SignatureError,
    SignatureUnavailableError,
    read_public_key,
)
from watchword_runtime.bundle import open_bundle
from watchword_runtime.manifest import Decision, Manifest
from watchword_runtime.signature import SIGNATURE_FILE, check_signature, signed_message


@pytest.fixture(scope="module")
def exported(model, stream, sound, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("signed")
    save_checkpoint(model, folder / "checkpoint", {})
    return export_bundle(
        folder / "checkpoint",
        folder / "lamp",
        manifest=Manifest("Green lamp", "en", step_spec(model.config), Decision(0.6)),
        calibration=stream,
        sound=sound,
        formats=["onnx", "int8.onnx"],
    ).folder


@pytest.fixture
def key(tmp_path) -> Path:
    new_key(tmp_path / "me.key")
    return tmp_path / "me.key"


@pytest.fixture(params=["folder", "zip"])
def bundle(exported, tmp_path, key, request) -> Path:
    """A signed copy, as a folder and as a zip."""
    if request.param == "folder":
        path = Path(shutil.copytree(exported, tmp_path / "lamp"))
    else:
        path = Path(shutil.copy(exported.with_name("lamp.zip"), tmp_path))
    sign_bundle(path, read_private_key(key))
    return path


def public(key: Path) -> bytes:
    return read_public_key(key.with_name("me.key.pub"))


def rewrite(bundle: Path, name: str, content: bytes | None) -> None:
    """Replace one file of a bundle, or take it out."""
    if bundle.is_dir():
        (bundle / name).unlink()
        if content is not None:
            (bundle / name).write_bytes(content)
        return
    with zipfile.ZipFile(bundle) as archive:
        members = {item: archive.read(item) for item in archive.namelist()}
    with zipfile.ZipFile(bundle, "w") as archive:
        for item, old in members.items():
            new = content if item == f"lamp/{name}" else old
            if new is not None:
                archive.writestr(item, new)


def test_the_key_that_signed_opens_it(bundle, key) -> None:
    detector = Detector.load(bundle, public_key=public(key))
    assert detector.bundle.signed
    assert len(detector.bundle.golden()[1]) == 200
    assert not open_bundle(bundle).signed
    assert len(Detector.load(bundle).stream().scores(np.zeros(16_000, np.int16))) > 0


def test_another_key_does_not(bundle, tmp_path) -> None:
    other = read_public_key(new_key(tmp_path / "other.key"))
    with pytest.raises(SignatureError, match="was not signed with this key"):
        open_bundle(bundle, other)


@pytest.mark.parametrize("name", ["golden.npz", "README.md", "green_lamp.onnx", "manifest.json"])
def test_a_changed_file_is_refused_by_name(bundle, key, exported, name) -> None:
    content = bytearray((exported / name).read_bytes())
    content[len(content) // 2] ^= 1
    rewrite(bundle, name, bytes(content))
    with pytest.raises(SignatureError, match=f"^{name} in .* was changed after it was signed"):
        open_bundle(bundle, public(key))


def test_a_file_that_is_gone_is_named(bundle, key) -> None:
    rewrite(bundle, "verification.json", None)
    with pytest.raises(FileNotFoundError, match=r"verification\.json"):
        open_bundle(bundle, public(key))


def test_an_exchanged_model_with_a_fitting_manifest_is_refused(
    bundle, key, exported, tmp_path
) -> None:
    """Hashes alone do not notice this: whoever writes the model can write the manifest."""
    other = Path(shutil.copytree(exported, tmp_path / "other"))
    manifest = (other / "manifest.json").read_text().replace("Green lamp", "Red lamp")
    rewrite(bundle, "manifest.json", manifest.encode())
    assert open_bundle(bundle).manifest.phrase == "Red lamp"
    with pytest.raises(SignatureError, match=r"manifest\.json"):
        open_bundle(bundle, public(key))


def test_a_file_that_was_slipped_in_is_not_read(exported, key, tmp_path) -> None:
    path = Path(shutil.copytree(exported, tmp_path / "lamp"))
    golden = (path / "golden.npz").read_bytes()
    (path / "golden.npz").unlink()
    sign_bundle(path, read_private_key(key))
    (path / "golden.npz").write_bytes(golden)
    with pytest.raises(SignatureError, match=r"golden\.npz .*not among"):
        open_bundle(path, public(key)).golden()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"golden.npz"', '"../golden.npz"'),
        lambda text: text.replace('"signature": "', '"signature": "!'),
        lambda text: text[:-40],
        lambda _: "[]",
        lambda _: "{" * 2_000,
    ],
)
def test_a_damaged_signature_is_said(exported, key, tmp_path, change) -> None:
    path = Path(shutil.copytree(exported, tmp_path / "lamp"))
    sign_bundle(path, read_private_key(key))
    text = (path / SIGNATURE_FILE).read_text()
    (path / SIGNATURE_FILE).write_text(change(text))
    with pytest.raises(SignatureError, match=r"signature\.json"):
        open_bundle(path, public(key))


def test_a_newer_kind_of_signature_asks_for_an_update(exported, key, tmp_path) -> None:
    path = Path(shutil.copytree(exported, tmp_path / "lamp"))
    sign_bundle(path, read_private_key(key))
    text = (path / SIGNATURE_FILE).read_text()
    with pytest.raises(SignatureError, match="update watchword-runtime"):
        check_signature(text.replace("ed25519", "ed448").encode(), public(key), "b")


def test_not_signed_is_said(exported, key) -> None:
    with pytest.raises(SignatureError, match="is not signed"):
        open_bundle(exported, public(key))
    with pytest.raises(SignatureError, match="one file alone"):
        open_bundle(exported / "green_lamp.onnx", public(key))
    with pytest.raises(NotABundleError, match="one model file"):
        sign_bundle(exported / "green_lamp.onnx", read_private_key(key))


def test_signing_twice_gives_the_same_bytes(bundle, key) -> None:
    def content() -> bytes:
        return (bundle / SIGNATURE_FILE if bundle.is_dir() else bundle).read_bytes()

    once = content()
    sign_bundle(bundle, read_private_key(key))
    assert content() == once


def test_a_damaged_bundle_is_not_signed(exported, key, tmp_path) -> None:
    path = Path(shutil.copytree(exported, tmp_path / "lamp"))
    (path / "green_lamp.onnx").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"green_lamp\.onnx"):
        sign_bundle(path, read_private_key(key))
    assert not (path / SIGNATURE_FILE).exists()


def test_a_stranger_in_the_zip_is_not_signed(exported, key, tmp_path) -> None:
    path = Path(shutil.copy(exported.with_name("lamp.zip"), tmp_path))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("elsewhere/x", "x")
    with pytest.raises(NotABundleError, match="elsewhere/x"):
        sign_bundle(path, read_private_key(key))


def test_keys_are_for_their_owner_and_never_overwritten(key) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError, match="lose its key"):
        new_key(key)
    with pytest.raises(SignatureError, match="no public key"):
        read_public_key(key)
    with pytest.raises(SignatureError, match="no private key"):
        read_private_key(key.with_name("me.key.pub"))


def test_without_the_library_nothing_passes(bundle, key, monkeypatch) -> None:
    known = public(key)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(SignatureUnavailableError, match=r"watchword-runtime\[signature\]"):
        open_bundle(bundle, known)
    open_bundle(bundle)


def test_what_is_signed_is_this() -> None:
    """Other programs may check it: the bytes are part of the format."""
    assert signed_message({"b": "22", "a": "11"}) == b"watchword bundle 1\n11  a\n22  b\n"
