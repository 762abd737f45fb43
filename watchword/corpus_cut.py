"""Parsed arguments in, a phrase cut out of recordings and an exit code out."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from db.clips import CLIP_FOLDER, ClipStore
from db.connection import home, open_database
from trainer.ctc import ACOUSTIC_MODELS
from trainer.cutting import cut_phrase
from trainer.phrases import parse_phrase
from trainer.progress import silent
from watchword.console import ConsoleReport, open_console, say

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from trainer.cutting import CutReport


def cut_recordings(options: argparse.Namespace) -> int:
    """Cut the phrase out of the recordings that have it, and say what became of each."""
    phrase = parse_phrase(options.phrase)
    console = open_console()
    with closing(open_database()) as connection:
        store = ClipStore(connection, home() / CLIP_FOLDER)
        with ConsoleReport(console) as bars:
            result = cut_phrase(
                phrase,
                connection,
                store,
                report=silent if options.json else bars,
                make_model=ACOUSTIC_MODELS[options.model],
                least_score=options.least_score,
                limit=options.limit,
            )
    if options.json:
        print(json.dumps({"phrase": phrase.text, **asdict(result)}))
    else:
        _show(phrase.text, result, console)
    return 0


def _show(phrase: str, result: CutReport, console: Console) -> None:
    if not result.found:
        say(
            console,
            f"No recording has {phrase!r} in its transcript. Add some: watchword corpus add --help",
        )
        return
    speakers = result.speakers
    say(
        console,
        f"{phrase!r} is in {result.found} transcripts, {result.known} of them cut before: "
        f"{result.cuts} new clips, {result.seconds:.1f} s, "
        f"{speakers} speaker{'' if speakers == 1 else 's'}.",
    )
    for reason, count in result.refused.items():
        say(console, f"{count}: {reason}", label="not cut")
