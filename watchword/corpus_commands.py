"""Parsed arguments in, exit code out: one function a verb of `watchword corpus`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.console import open_console, say
from watchword.failures import BAD_INPUT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add_sounds(options: argparse.Namespace) -> int:
    """Keep recorded noise or measured rooms."""
    from trainer.sounds import SoundKind, list_sounds, sounds_folder
    from trainer.sounds import add_sounds as add

    console = open_console()
    kind = SoundKind(options.kind)
    result = add(
        sounds_folder(), kind, options.recordings, licence=options.licence, source=options.source
    )
    for name, why in result.refused:
        say(console, f"{name} {why}", label="left out")
    kept = list_sounds(sounds_folder(), kind)
    minutes = sum(sound.seconds for sound in kept) / 60
    say(
        console,
        f"{len(result.added)} added, {len(result.present)} there before, "
        f"{len(result.refused)} left out; {kind} now: {len(kept)}, {minutes:.1f} minutes",
    )
    return 0 if result.added or result.present else BAD_INPUT


def add(options: argparse.Namespace) -> int:
    """Import recordings that people made."""
    from watchword.corpus_import import import_corpus

    return import_corpus(options)


def own_voice(options: argparse.Namespace) -> int:
    """Add somebody's own recordings of a phrase."""
    from watchword.corpus_import import import_own_voice

    return import_own_voice(options)


def feedback(options: argparse.Namespace) -> int:
    """Add what a detector got wrong."""
    from watchword.corpus_feedback import send_back

    return send_back(options)


def make(options: argparse.Namespace) -> int:
    """Make the speech for a phrase, without training."""
    from watchword.corpus_make import make_corpus

    return make_corpus(options)


def stats(options: argparse.Namespace) -> int:
    """Say what the database holds."""
    from watchword.corpus_care import show_stats

    return show_stats(options)


def verify(options: argparse.Namespace) -> int:
    """Compare rows, files and indices; mend them when asked."""
    from watchword.corpus_care import verify

    return verify(options)


def export(options: argparse.Namespace) -> int:
    """Write clips into one file."""
    from watchword.corpus_care import export

    return export(options)


def import_archive(options: argparse.Namespace) -> int:
    """Add the clips of an exported file."""
    from watchword.corpus_care import import_archive

    return import_archive(options)


def cut(options: argparse.Namespace) -> int:
    """Cut a phrase out of the recordings whose transcripts have it."""
    from watchword.corpus_cut import cut_recordings

    return cut_recordings(options)


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "make": make,
    "add": add,
    "own-voice": own_voice,
    "feedback": feedback,
    "add-sounds": add_sounds,
    "cut": cut,
    "stats": stats,
    "verify": verify,
    "export": export,
    "import": import_archive,
}
"""Each verb as it is typed → what it does. Its page is docs/commands/watchword-corpus-VERB.md."""
