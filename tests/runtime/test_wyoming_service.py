"""What the command refuses before it serves, and where it may be found."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from watchword_runtime import wyoming_service
from watchword_runtime.errors import SignatureError
from watchword_runtime.manifest import OperatingPoint
from watchword_runtime.wyoming_address import Tcp, Unix, parse_uri, reachable
from watchword_runtime.wyoming_models import Models, Settings
from watchword_runtime.wyoming_service import main

ROOT = Path(__file__).parents[2]


def wyoming_check_parser():
    check = pytest.importorskip("watchword_runtime.wyoming_check", reason="needs [wyoming]")
    return check.build_parser()


def point(rate: float, threshold: float) -> OperatingPoint:
    return OperatingPoint(rate, rate, threshold, 0.1, "speech", 10.0)


@pytest.fixture
def bundle(tiny, tmp_path):
    points = (point(2.0, 0.4), point(0.5, 0.7))
    return tiny.bundle(tmp_path / "smart_mirror", operating_points=points)


def test_uris():
    assert parse_uri("tcp://127.0.0.1") == Tcp("127.0.0.1", 10400)
    assert parse_uri("tcp://[::1]:9") == Tcp("::1", 9)
    assert parse_uri("unix:///run/wake.sock") == Unix("/run/wake.sock")
    for wrong in ("127.0.0.1:10400", "tcp://", "unix://wake.sock", "stdio://", "http://x:1"):
        with pytest.raises(ValueError, match="is no address"):
            parse_uri(wrong)
    with pytest.raises(ValueError, match="1 to 65535"):
        parse_uri("tcp://127.0.0.1:99999")


def test_loopback_is_not_announced():
    with pytest.raises(ValueError, match="this machine only"):
        reachable("127.0.0.1")


def test_sensitivity_picks_the_operating_point(bundle):
    def threshold(**asked: float) -> float:
        return Models([bundle], [], Settings(**asked)).now()["smart_mirror"].threshold

    assert threshold() == 0.5
    assert threshold(sensitivity=2.0) == threshold(sensitivity=3.0) == 0.4
    assert threshold(sensitivity=1.0) == 0.7
    assert threshold(threshold=0.9) == 0.9


def test_with_a_public_key_an_unsigned_bundle_is_refused(bundle):
    settings = Settings(public_key=bytes(32))
    with pytest.raises(SignatureError, match="not signed"):
        Models([bundle], [], settings)
    assert Models([], [bundle.parent], settings).now() == {}


def test_a_bundle_that_was_not_measured_so_low_is_left_out_of_a_folder(bundle, caplog):
    models = Models([], [bundle.parent], Settings(sensitivity=0.1))
    assert models.now() == {}
    assert "0.1 false accepts per hour" in caplog.text


def test_the_first_of_a_name_is_served_and_loaded_once(tiny, bundle, tmp_path):
    tiny.zipped(bundle)
    models = Models([bundle], [tmp_path], Settings())
    assert list(models.now()) == ["smart_mirror"]
    assert models.now()["smart_mirror"].bundle.path == bundle
    assert models.now()["smart_mirror"] is models.now()["smart_mirror"]


def test_a_name_keeps_its_dots_in_a_folder(tiny, tmp_path):
    tiny.bundle(tmp_path / "mirror.v2")
    assert list(Models([], [tmp_path], Settings()).now()) == ["mirror.v2"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "nowhere.zip"], "no bundle at nowhere.zip"),
        (["--models", "nowhere"], "no folder nowhere"),
        (["--models", "{bundle}"], "pass it with --model"),
        (["--model", "{bundle}", "--uri", "stdio://"], "is no address"),
        (["--model", "{bundle}", "--uri", "unix://{file}"], "is not a socket"),
        (["--model", "{bundle}", "--uri", "tcp://127.0.0.1:{port}"], "address already in use"),
        (["--model", "{bundle}", "--sensitivity", "0.1"], "not measured at 0.1"),
        (["--model", "{bundle}", "--zeroconf", "--uri", "unix://{file}.s"], "give --uri tcp://"),
    ],
)
def test_what_cannot_be_served_is_said(bundle, tmp_path, capsys, arguments, told):
    file = tmp_path / "notes.txt"
    file.write_text("keep me")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        places = {"bundle": bundle, "file": file, "port": taken.getsockname()[1]}
        code = main([one.format(**places) for one in arguments])
    assert code == 2
    assert told in capsys.readouterr().err
    assert file.read_text() == "keep me"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--model", "x", "--threshold", "1.5"],
        ["--model", "x", "--trigger-level", "0"],
        ["--model", "x", "--refractory-seconds", "-1"],
        ["--model", "x", "--sensitivity", "0"],
        ["--model", "x", "--sensitivity", "1", "--threshold", "0.5"],
    ],
)
def test_wrong_usage(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_without_the_package_the_extra_is_named(bundle, monkeypatch, capsys):
    ours = ("server", "client", "events")
    gone = [name for name in sys.modules if name.split(".")[0] == "wyoming"]
    for name in (*gone, *(f"watchword_runtime.wyoming_{one}" for one in ours)):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "wyoming", None)
    assert main(["--model", str(bundle)]) == 2
    assert 'pip install "watchword-runtime[wyoming]"' in capsys.readouterr().err


@pytest.mark.parametrize("build", [wyoming_service.build_parser, wyoming_check_parser])
def test_every_option_has_its_line_in_the_docs(build):
    page = (ROOT / "docs" / "commands" / "watchword-wyoming.md").read_text("utf-8")
    for action in build()._actions:
        names = action.option_strings or [action.metavar]
        if "--help" not in names:
            assert f"| `{names[-1]}" in page, names
