"""Long commands that the page starts: one at a time, followed from their files, ended, outlived."""

from __future__ import annotations

import os
import sys
import time

import pytest

from page import tasks

WAIT_S = 60.0


def play(monkeypatch, script):
    """Let the next tasks run a script instead of `watchword`."""
    real = tasks.subprocess.Popen

    def popen(command, **options):
        return real([sys.executable, "-c", script], **options)

    monkeypatch.setattr(tasks.subprocess, "Popen", popen)


def wait(until):
    deadline_s = time.monotonic() + WAIT_S
    while not (found := until()):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    return found


def ended(name):
    def task():
        found = tasks.last_run(name)
        return found if found is not None and not found.running else None

    return wait(task)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path))
    return tmp_path


def test_without_a_run_nothing_is_known():
    assert tasks.last_run("import") is None
    tasks.stop("import")


def test_progress_is_followed_and_the_last_line_is_the_result(monkeypatch, home):
    go = home / "go"
    play(
        monkeypatch,
        "import json, os, time\n"
        'print(\'{"stage": "s", "fraction": 0.5, "eta_s": 3}\', flush=True)\n'
        f"while not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
        "print(json.dumps({'imported': 3}))\n",
    )
    tasks.start("import", ["corpus"])
    live = wait(lambda: (task := tasks.last_run("import")) and task.progress and task)
    assert (live.running, live.progress["fraction"], live.result) == (True, 0.5, None)
    go.touch()
    done = ended("import")
    assert (done.result, done.error, done.stopped) == ({"imported": 3}, "", False)
    assert done.ended >= done.started


def test_only_one_of_a_name_runs_and_it_can_be_ended(monkeypatch):
    play(monkeypatch, "import time; print('{\"fraction\": 0}', flush=True); time.sleep(600)")
    tasks.start("voices", [])
    with pytest.raises(tasks.TaskBusyError, match="running already"):
        tasks.start("voices", [])
    wait(lambda: tasks.last_run("voices").progress)
    tasks.stop("voices")
    task = ended("voices")
    assert task.stopped
    assert task.result is None


def test_a_failure_is_told_in_the_command_s_own_words(monkeypatch):
    play(monkeypatch, "import sys; sys.exit('watchword: There is no folder here.')")
    tasks.start("import", [])
    task = ended("import")
    assert (task.result, task.error) == (None, "There is no folder here.")


def test_half_a_line_is_no_result(monkeypatch):
    play(monkeypatch, "print('{\"imported\": 1'); raise SystemExit(1)")
    tasks.start("import", [])
    assert ended("import").error == "It ended without a word."


def test_it_goes_on_when_the_page_does_not(monkeypatch, home):
    """A child of a process that was killed holds its own lock."""
    pid = os.fork()
    if not pid:
        play(monkeypatch, "import time; time.sleep(2); print('{\"done\": true}')")
        tasks.start("doctor", [])
        os._exit(9)
    os.waitpid(pid, 0)
    assert tasks.last_run("doctor").running
    assert ended("doctor").result == {"done": True}


def test_the_real_command_says_what_is_wrong():
    tasks.start("import", ["corpus", "add", "--json-lines", "--", "folder", "/nowhere/at/all"])
    assert "/nowhere/at/all" in ended("import").error
