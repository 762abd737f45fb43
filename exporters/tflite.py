"""A TinyCRNN in, TFLite models out; and a manifest onto a TFLite model.

The converter runs in a process of its own: it prints on standard output, logs from C++, takes
seconds and hundreds of MB to import, and none of that should stay with a long-lived worker.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import exporters
from exporters.archive import write_zip
from exporters.errors import ConverterMissingError, ExportError
from trainer.model import save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.recipes import Scheme
    from exporters.step import Floats
    from trainer.model import TinyCRNN

logger = logging.getLogger(__name__)

PACKAGES = ("litert_torch", "ai_edge_quantizer", "ai_edge_litert")
EXTRA = 'pip install "watchword[tflite]"'
CALIBRATION_FILE = "features.npy"
"""What the converter's process finds beside the checkpoint, for schemes that need ranges."""
TIMEOUT_S = 600
"""A conversion takes 10 to 20 s on two cores; this is for a machine that swaps."""
TOLD_LINES = 15
"""How much of the converter's log an error repeats."""


def missing_converter() -> str | None:
    """Return None if TFLite can be written here, else what to install."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    return f"TFLite files need {', '.join(missing)}: {EXTRA}"


def convert_tflite(
    model: TinyCRNN, schemes: Sequence[Scheme], calibration: Floats | None = None
) -> dict[Scheme, bytes]:
    """Return the streaming step of `model` as one TFLite file per scheme.

    Inputs and outputs are told apart by the signature: args_0, args_1, … are the features and the
    states, output_0, output_1, … the logit and the next states.

    Args:
        model: the network, in eval mode.
        schemes: what to make.
        calibration: float32 [frames, channels]; only `Scheme.INT8_FULL` needs them.

    Raises:
        ConverterMissingError: a package is missing; the message names the extra.
        ExportError: the converter failed; the message ends with its last lines.
    """
    missing = missing_converter()
    if missing is not None:
        raise ConverterMissingError(missing)
    root = str(Path(exporters.__file__).resolve().parents[1])
    paths = [root, *(path for path in sys.path if path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with tempfile.TemporaryDirectory(prefix="watchword-tflite-") as name:
        folder = Path(name)
        save_checkpoint(model, folder, {})
        if calibration is not None:
            np.save(folder / CALIBRATION_FILE, calibration)
        command = [sys.executable, "-m", "exporters.tflite_conversion", str(folder), *schemes]
        try:
            run = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ExportError(
                f"The TFLite conversion did not end within {TIMEOUT_S} s: free some memory and "
                "export again, or leave the TFLite formats out."
            ) from error
        told = run.stdout.decode("utf-8", errors="replace")
        logger.debug("TFLite conversion:\n%s", told)
        if run.returncode != 0:
            last = "\n".join(told.splitlines()[-TOLD_LINES:])
            raise ExportError(
                f"The TFLite conversion failed with exit status {run.returncode}. "
                f"Its last lines:\n{last}"
            )
        return {scheme: (folder / f"{scheme}.tflite").read_bytes() for scheme in schemes}


def embed_tflite(content: bytes, member: str, text: str) -> bytes:
    """Return the file with a zip appended that holds `text` as `member`.

    This is TFLite's convention for associated files: interpreters ignore what follows the model.
    """
    whole = io.BytesIO()
    whole.write(content)
    write_zip(whole, {member: text.encode("utf-8")})
    return whole.getvalue()
