"""The voices folder in, what `watchword doctor` finds out, for a program that follows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from trainer.progress import Progress
from trainer.tts.default_voices import DEFAULT_VOICES
from trainer.tts.doctor import check_engines
from trainer.tts.elevenlabs import KEY
from trainer.tts.engines import ENGINES
from trainer.tts.secrets import SecretError, find_secret
from trainer.tts.voices import installed
from watchword.console import LinesReport
from watchword.parts import check_parts

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {KEY: "ElevenLabs"}
"""Names of keys that something here can use, and what each is for."""


def print_findings(voices_dir: Path, *, thorough: bool) -> bool:
    """Print progress and then what was found; return whether an engine speaks."""
    report = LinesReport()
    order = list(ENGINES)

    def heard(engine: str, done: int, total: int) -> None:
        share = (order.index(engine) + done / max(total, 1)) / len(order)
        report(Progress("voices", share, None, f"{engine} speaks"))

    checks = check_engines(voices_dir, thorough=thorough, progress=heard)
    there = installed(voices_dir)
    report.result(
        {
            "engines": [asdict(check) for check in checks],
            "parts": [asdict(part) for part in check_parts()],
            "voices": [
                {
                    "title": asset.title,
                    "licence": asset.licence,
                    "there": there[asset.name],
                    "bytes": sum(archive.size_bytes for archive in asset.archives),
                }
                for asset in DEFAULT_VOICES
            ],
            "keys": [_key(name, purpose) for name, purpose in KEYS.items()],
        }
    )
    return any(check.ok for check in checks)


def _key(name: str, purpose: str) -> dict[str, object]:
    """Return whether a key is there and where it was found, never the key."""
    try:
        secret = find_secret(name)
    except SecretError as error:
        return {"name": name, "purpose": purpose, "present": False, "detail": str(error)}
    origin = f"found in {secret.origin}" if secret else ""
    return {"name": name, "purpose": purpose, "present": secret is not None, "detail": origin}
