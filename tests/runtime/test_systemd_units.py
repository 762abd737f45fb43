"""The units in docs/systemd: systemd takes them, they start our commands, as their own user."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from watchword_runtime.wyoming_address import DEFAULT_PORT
from watchword_runtime.wyoming_service import build_parser

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "docs" / "systemd").glob("*.service"))
PLACE = "/opt/watchword/venv/bin/"


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    section = None
    for line in unit.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(f"{section}{key}", []).append(value)
    return found


def test_there_are_units():
    assert [unit.name for unit in UNITS] == [
        "watchword-listen.service",
        "watchword-wyoming.service",
    ]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_a_command_of_ours_as_its_own_user(unit):
    values = settings(unit)
    assert values["[Service]User"] == ["watchword"]
    assert values["[Service]NoNewPrivileges"] == ["yes"]
    assert values["[Service]CapabilityBoundingSet"] == [""]
    assert values["[Service]ProtectSystem"] == ["strict"]
    assert values["[Install]WantedBy"] == ["multi-user.target"]
    (command,) = values["[Service]ExecStart"]
    assert command.startswith(f"{PLACE}{unit.stem} ")
    scripts = (ROOT / "runtime" / "pyproject.toml").read_text("utf-8")
    assert f"{unit.stem} = " in scripts


def test_the_wyoming_unit_is_reached_from_the_network():
    (command,) = settings(UNITS[1])["[Service]ExecStart"]
    arguments = build_parser().parse_args(shlex.split(command)[1:])
    assert arguments.uri == f"tcp://0.0.0.0:{DEFAULT_PORT}"
    assert arguments.models == [Path("/opt/watchword/models")]
    assert arguments.zeroconf


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_the_unit(unit, tmp_path):
    # It also looks for the program, which lies in /opt on the device only.
    text = unit.read_text("utf-8")
    assert PLACE in text
    program = tmp_path / unit.stem
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / unit.name
    copy.write_text(text.replace(PLACE, f"{tmp_path}/"))
    done = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False
    )
    # systemd also reads the units of the machine that the tests run on: theirs are not ours.
    ours = [line for line in done.stderr.splitlines() if unit.stem in line]
    assert not ours
    assert done.returncode == 0, done.stderr
