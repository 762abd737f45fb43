"""Detectors, a source of sound and what to do on a detection in; the listening itself."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from watchword_runtime.command import Command
    from watchword_runtime.detector import Detection, Detector
    from watchword_runtime.listener import Listener
    from watchword_runtime.microphone import Chunk
    from watchword_runtime.recordings import Recordings


@dataclass
class Actions:
    """What happens on a detection: a line, a recording, a program."""

    as_json: bool = False
    recordings: Recordings | None = None
    command: Command | None = None
    count: int = 0
    """Detections so far."""

    def report(self, found: Detection) -> None:
        """Do it all; none of it waits."""
        self.count += 1
        path = None if self.recordings is None else self.recordings.keep(found)
        write_line(sys.stdout, self._line(found, path))
        if self.command is not None:
            variables = {
                "WATCHWORD_PHRASE": found.phrase,
                "WATCHWORD_SCORE": f"{found.score:.6f}",
                "WATCHWORD_TIME_S": f"{found.time_s:.2f}",
                "WATCHWORD_COUNT": str(self.count),
            }
            if path is not None:
                variables["WATCHWORD_RECORDING"] = str(path.resolve())
            self.command.start(variables)

    def _line(self, found: Detection, path: Path | None) -> str:
        if not self.as_json:
            return f"{found.time_s:9.2f} s  {found.phrase}  score {found.score:.3f}"
        values = {"phrase": found.phrase, "time_s": found.time_s, "score": found.score}
        if path is not None:
            values["recording"] = str(path)
        return json.dumps(values, ensure_ascii=False)


def listen(listener: Listener, chunks: Iterable[Chunk], actions: Actions) -> None:
    """Hear all chunks, and the silence after the last, and act on what is detected.

    Raises:
        ModelError: a model gave a logit that is not finite.
        BrokenPipeError: the reader of our output has left.
    """
    recordings = actions.recordings
    try:
        for chunk in chunks:
            if chunk.after_gap:
                listener.restart()
            if recordings is not None:
                recordings.hear(chunk.pcm)
            for found in listener.hear(chunk.pcm):
                actions.report(found)
        for found in listener.finish():
            actions.report(found)
    finally:
        if recordings is not None:
            recordings.flush()
    if actions.command is not None:
        actions.command.wait()


def summary(listener: Listener, detectors: Sequence[Detector], count: int, *, gated: bool) -> str:
    """Return what was heard, in a line."""
    models = "; ".join(
        f"{one.file} on {one.engine_name}, threshold {one.threshold:g}" for one in detectors
    )
    seconds = listener.source_samples / SAMPLE_RATE_HZ
    left_out = listener.source_samples - listener.heard_samples
    share = left_out / max(1, listener.source_samples)
    return (
        f"{count} detection{'' if count == 1 else 's'} in {seconds:.1f} s"
        f"{f', {share:.0%} of them too quiet to be heard' if gated else ''} ({models})"
    )


def write_line(out: TextIO, text: str) -> None:
    """Write a line that a reader sees at once."""
    out.write(f"{text}\n")
    out.flush()
