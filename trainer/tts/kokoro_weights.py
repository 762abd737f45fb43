"""A folder in, the folder with Kokoro's full weights out: that one, the hub's cache, or the hub.

The weights are those that the package `kokoro` uses: `config.json`, `kokoro-v1_0.pth` and a style
for each voice in `voices/*.pt`, at one pinned revision.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from trainer.tts.base import EngineUnavailableError
from trainer.tts.download import sha256_of

CONFIG_FILE = "config.json"
PACKAGE_MODEL_FILE = "kokoro-v1_0.pth"
REPOSITORY = "hexgrad/Kokoro-82M"
REVISION = "f3ff3571791e39611d31c381e3a41a3af07b4987"
SHA256 = "496dba118d1a58f5f3db2efc88dbdc216e0483fc89fe6e47ee1f2c53f18ad1e4"
"""Of the model's file, also printed on its model card."""
FILES = (CONFIG_FILE, PACKAGE_MODEL_FILE, "voices/*.pt")


def find_weights(folder: Path, *, hub: bool = False) -> Path:
    """Return a folder that has the configuration and the model.

    Args:
        folder: looked at first; then the hub's cache on this machine.
        hub: fetch what is missing, 330 MB, into that cache. Its address is the hub's own or that in
            `HF_ENDPOINT`.

    Raises:
        EngineUnavailableError: they are not there, or the hub does not give them.
    """
    if _complete(folder):
        return folder
    wanted = f"{CONFIG_FILE} and {PACKAGE_MODEL_FILE}"
    if importlib.util.find_spec("huggingface_hub") is None:
        raise EngineUnavailableError(
            f"{wanted} are not in {folder}, and without the package huggingface_hub they cannot be "
            f"fetched: put them there or `pip install huggingface_hub`."
        )
    cached = _snapshot(fetch=False)
    if cached is not None:
        return cached
    if not hub:
        raise EngineUnavailableError(
            f"{wanted} of {REPOSITORY} are neither in {folder} nor in the hub's cache: put them "
            f"there, or set WATCHWORD_KOKORO=hub to have them fetched."
        )
    fetched = _snapshot(fetch=True)
    assert fetched is not None
    return fetched


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (CONFIG_FILE, PACKAGE_MODEL_FILE))


def _snapshot(*, fetch: bool) -> Path | None:
    """Return the hub's folder of the pinned revision, or None when it is not on this machine."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - heavy

    try:
        found = snapshot_download(
            REPOSITORY,
            revision=REVISION,
            allow_patterns=list(FILES),
            local_files_only=not fetch,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except OSError as error:  # what the hub's own errors are: refused, not found, cut off
        if not fetch:
            return None
        raise _unreachable(error) from error
    folder = Path(found)
    if not fetch:
        return folder if _complete(folder) else None
    if not _complete(folder):
        raise EngineUnavailableError(f"The hub's {REPOSITORY} lacks {PACKAGE_MODEL_FILE}.")
    if sha256_of(folder / PACKAGE_MODEL_FILE) != SHA256:
        (folder / PACKAGE_MODEL_FILE).resolve().unlink()  # the cache's link points to it
        raise EngineUnavailableError(
            f"The hub gave another {PACKAGE_MODEL_FILE} than the one that was pinned; it was "
            f"deleted. Try again, or set WATCHWORD_KOKORO=onnx."
        )
    return folder


def _unreachable(error: Exception) -> EngineUnavailableError:
    return EngineUnavailableError(
        f"The hub does not give {REPOSITORY} ({type(error).__name__}: {str(error)[:300]}). Put "
        f"{CONFIG_FILE} and {PACKAGE_MODEL_FILE} into the folder kokoro of the voices folder, or "
        f"run `watchword voices` for the ONNX export."
    )
