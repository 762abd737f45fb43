"""The voices folder in, what each speech engine has here out, without making one speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer.casting import NEED_GPU
from trainer.tts.base import EngineUnavailableError
from trainer.tts.doctor import HOW_TO_GET
from trainer.tts.engines import ENGINES, available_engines
from trainer.tts.paid import PAID_ENGINES

if TYPE_CHECKING:
    from pathlib import Path


def engine_states(voices_dir: Path) -> list[dict[str, Any]]:
    """Return for each engine, as JSON values: name, works, voices, speakers, licence and more.

    `detail` says what is wrong where it does not work, `how_to_get` what to run; `paid` engines
    speak only with consent from a terminal, `slow` ones only where a GPU is or they are asked for.
    """
    engines, reasons = available_engines(voices_dir)
    states = []
    for name in ENGINES:
        voices, detail = [], reasons.get(name, "")
        if name in engines:
            try:
                voices = engines[name].voices()
                detail = "" if voices else "no voice is installed"
            except EngineUnavailableError as error:
                detail = str(error)
            finally:
                engines[name].close()
        states.append(
            {
                "name": name,
                "works": bool(voices),
                "voices": len(voices),
                "speakers": len({voice.speaker for voice in voices}),
                "licence": engines[name].licence if name in engines else "",
                "detail": detail,
                "how_to_get": "" if voices else HOW_TO_GET.get(name, ""),
                "paid": name in PAID_ENGINES,
                "slow": name in NEED_GPU,
            }
        )
    return states
