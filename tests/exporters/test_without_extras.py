"""Without the extras' packages the exporters and the command line still start."""

import subprocess
import sys
from pathlib import Path

EXTRAS = (
    "ai_edge_litert",
    "ai_edge_quantizer",
    "cryptography",
    "flatbuffers",
    "litert_torch",
    "pymicro_wakeword",
    "tflite_micro",
)
START = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import exporters.bundle, exporters.verify, watchword.cli, watchword.pipeline
print("started")
"""


def test_everything_starts_without_what_the_extras_bring():
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", START], cwd=root, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "started\n"
