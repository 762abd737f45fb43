"""Parsed arguments in, what a detector got wrong in the clip database and an exit code out."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from db.clips import CLIP_FOLDER, ClipStore
from db.connection import home, open_database
from trainer.corpora.feedback import Kind, SentBack, add_feedback
from trainer.phrases import parse_phrase
from trainer.recordings import find_recordings
from watchword.console import open_console, say
from watchword.failures import BAD_INPUT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console


def send_back(options: argparse.Namespace) -> int:
    """Store false wakes or misses of a phrase and say what became of each file."""
    phrase = parse_phrase(options.phrase)
    kind = Kind(options.kind)
    files = [file for path in options.recordings for file in find_recordings(path)]
    with closing(open_database()) as connection:
        store = ClipStore(connection, home() / CLIP_FOLDER)
        sent = add_feedback(phrase, kind, files, connection, store, name=options.name)
    if options.json:
        answer = {"phrase": phrase.text, "kind": kind, "recordings": [asdict(one) for one in sent]}
        print(json.dumps(answer))
    else:
        _show(phrase.text, kind, sent, open_console())
    return BAD_INPUT if all(one.reason for one in sent) else 0


def _show(phrase: str, kind: Kind, sent: Sequence[SentBack], console: Console) -> None:
    for one in sent:
        if one.reason:
            say(console, one.reason, label="refused")
        else:
            state = "taken" if one.new else "was there already"
            say(console, f"{one.file}: {state}, clip {one.clip_id}")
    new = sum(one.new for one in sent)
    what = "false wake" if kind is Kind.FALSE_WAKE else "miss"
    plural = "" if new == 1 else "s" if kind is Kind.FALSE_WAKE else "es"
    say(console, f"{new} new {what}{plural} of {phrase!r}. The next training of it learns from it.")
