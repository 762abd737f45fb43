import os
import subprocess
import sys

SHOW = "import watchword, os; print(os.environ['OMP_WAIT_POLICY'])"


def shown(**environment):
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    return subprocess.run(
        [sys.executable, "-c", SHOW], env=inherited | environment, check=True,
        capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


def test_threads_that_wait_sleep_unless_somebody_wants_them_to_spin():
    assert shown() == "PASSIVE"
    assert shown(OMP_WAIT_POLICY="ACTIVE") == "ACTIVE"
