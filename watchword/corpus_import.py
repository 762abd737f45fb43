"""Parsed arguments in, recordings of people in the clip database and an exit code out."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from db.clips import CLIP_FOLDER, ClipStore
from db.connection import home, open_database
from trainer.corpora.base import CorpusError, RecordingSource
from trainer.corpora.common_voice import CommonVoice
from trainer.corpora.folder_tsv import Columns, TableSource, find_table, slug
from trainer.corpora.importing import ImportReport, import_recordings
from trainer.corpora.librispeech import LibriSpeech
from trainer.corpora.own_voice import OwnRecording, add_own_recordings
from trainer.corpora.parquet_files import HubFiles, LocalFiles
from trainer.corpora.peoples_speech import PeoplesSpeech
from trainer.phrases import parse_phrase
from trainer.recordings import find_recordings
from watchword.console import ConsoleReport, LinesReport, open_console, say
from watchword.failures import BAD_INPUT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from rich.console import Console

HUB = "hub:"
HUB_DATASET = "MLCommons/peoples_speech"
TABLE_OPTIONS = (
    "file_column", "text_column", "speaker_column", "licence_column", "seconds_column",
    "speaker", "files", "where", "use",
)  # fmt: skip
"""What says how a table is read; other corpora have a layout of their own."""


def import_corpus(options: argparse.Namespace) -> int:
    """Import a corpus, showing its progress, and say what became of each row."""
    source = open_corpus(options)
    console = open_console()
    store_folder = home() / CLIP_FOLDER
    lines = LinesReport() if options.json_lines else None
    with closing(open_database()) as connection, lines or ConsoleReport(console) as report:
        result = import_recordings(
            source,
            connection,
            ClipStore(connection, store_folder),
            limit=options.limit,
            report=report,
        )
    if lines:
        lines.result(asdict(result))
    else:
        _show(result, console)
    taken = result.imported + result.known + result.updated + result.duplicates
    return 0 if taken else BAD_INPUT


def open_corpus(options: argparse.Namespace) -> RecordingSource:
    """Return the corpus that the arguments name.

    Raises:
        CorpusError: It is not there, or an option does not belong to its kind.
    """
    if options.kind != "folder":
        given = [name for name in TABLE_OPTIONS if getattr(options, name) is not None]
        if given:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise CorpusError(f"{names}: only for the kind folder; {options.kind} has its layout.")
    return CORPORA[options.kind](options)


def _folder(options: argparse.Namespace) -> RecordingSource:
    path = Path(options.corpus)
    table = find_table(path)
    # A table in a folder is called after that: metadata.tsv says nothing.
    name = slug(options.source or (path.resolve().name if path.is_dir() else table.stem))
    if not name:
        raise CorpusError(f"{path} gives no name to the corpus: give one with --source.")
    return TableSource(
        name=name,
        table=table,
        columns=Columns(
            file=options.file_column,
            text=options.text_column,
            speaker=options.speaker_column,
            licence=options.licence_column,
            seconds=options.seconds_column,
        ),
        root=options.files,
        speaker=options.speaker,
        licence=options.licence,
        where=dict(options.where or ()),
        use=options.use or "train",
    )


def _librispeech(options: argparse.Namespace) -> RecordingSource:
    return LibriSpeech(Path(options.corpus), **_named(options))


def _common_voice(options: argparse.Namespace) -> RecordingSource:
    return CommonVoice(Path(options.corpus), **_named(options))


def _peoples_speech(options: argparse.Namespace) -> RecordingSource:
    if not options.corpus.startswith(HUB):
        return PeoplesSpeech(LocalFiles(Path(options.corpus)), **_named(options))
    subset = options.corpus.removeprefix(HUB)
    if not subset:
        raise CorpusError("Name the subset to stream, such as hub:clean or hub:clean_sa.")
    return PeoplesSpeech(HubFiles(HUB_DATASET, subset), **_named(options))


CORPORA: dict[str, Callable[[argparse.Namespace], RecordingSource]] = {
    "folder": _folder,
    "librispeech": _librispeech,
    "common-voice": _common_voice,
    "peoples-speech": _peoples_speech,
}
"""What each kind is read with."""


def _named(options: argparse.Namespace) -> dict[str, str]:
    given = {
        "licence": options.licence,
        "name": slug(options.source) if options.source else None,
    }
    return {key: value for key, value in given.items() if value}


def _show(result: ImportReport, console: Console) -> None:
    hours, speakers = result.seconds / 3600, result.speakers
    say(
        console,
        f"{result.source}: {result.imported} new recordings, {hours:.2f} hours, "
        f"{speakers} speaker{'' if speakers == 1 else 's'}.",
    )
    for count, what in (
        (result.known, "imported before"),
        (result.updated, "imported before, described anew"),
        (result.duplicates, "with audio that is in the database under another name"),
    ):
        if count:
            say(console, f"{count} {what}")
    for reason, count in result.refused.items():
        say(console, f" {count}: {reason}", label="refused")
        for example in result.examples[reason]:
            say(console, f"  {example}")


def import_own_voice(options: argparse.Namespace) -> int:
    """Store somebody's own recordings of a phrase and say what became of each."""
    phrase = parse_phrase(options.phrase)
    files = [file for path in options.recordings for file in find_recordings(path)]
    with closing(open_database()) as connection:
        added = add_own_recordings(
            phrase,
            files,
            connection,
            ClipStore(connection, home() / CLIP_FOLDER),
            name=options.name,
        )
    taken = [recording for recording in added if not recording.reason]
    if options.json:
        print(json.dumps(_own_voice_dict(phrase.text, added)))
    else:
        _show_own_voice(phrase.text, added, open_console())
    return 0 if taken else BAD_INPUT


def _own_voice_dict(phrase: str, added: Sequence[OwnRecording]) -> dict[str, object]:
    return {
        "phrase": phrase,
        "recordings": [
            {"file": r.file, "number": r.number, "new": r.new, "reason": r.reason} for r in added
        ],
    }


def _show_own_voice(phrase: str, added: Sequence[OwnRecording], console: Console) -> None:
    for recording in added:
        if recording.reason:
            say(console, recording.reason, label="refused")
        else:
            state = "taken" if recording.new else "was there already"
            say(console, f"{recording.file}: {state}, number {recording.number}")
    new = sum(recording.new for recording in added)
    say(console, f"{new} new recording{'' if new == 1 else 's'} of {phrase!r}.")
