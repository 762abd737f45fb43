"""A phrase in, its speech in the clip database and a table of what that took out."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from db.clips import CLIP_FOLDER, ClipStore
from db.connection import home, open_database
from trainer.corpus import gather
from trainer.phrases import parse_phrase
from trainer.presets import PRESETS
from trainer.tts.paid import paid_allowed
from watchword.console import ConsoleReport, open_console, say
from watchword.pipeline import VOICES_FOLDER
from watchword.summary import corpus_summary, write_json

if TYPE_CHECKING:
    import argparse


def make_corpus(options: argparse.Namespace) -> int:
    """Bring a phrase's buckets to their targets, without training."""
    console = open_console()
    phrase = parse_phrase(options.phrase)
    with (
        closing(open_database()) as connection,
        ConsoleReport(console) as report,
        paid_allowed(options.allow_paid),
    ):
        corpus = gather(
            phrase,
            PRESETS[options.preset],
            ClipStore(connection, home() / CLIP_FOLDER),
            home() / VOICES_FOLDER,
            seed=options.seed,
            report=report,
            engines=options.engines,
        ).to_dict()
    corpus_summary(corpus, console)
    if options.json:
        write_json({"phrase": phrase.text, "preset": options.preset, **corpus}, options.json)
        say(console, f"The figures are in {options.json}.")
    return 0
