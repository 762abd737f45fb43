"""The verbs of `watchword corpus` and their arguments; what they do is in `corpus_commands`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from watchword.arguments import (
    PRESETS,
    add_command,
    add_engine_choice,
    add_json_lines,
    positive,
    seed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.arguments import Commands

CORPUS_KINDS = ("folder", "librispeech", "common-voice", "peoples-speech")
"""Repeated here, and held against the original by a test: what has it is heavy to import."""
CUT_MODELS = ("hama", "torchaudio")
CUT_SCORE = -3.5
"""Both as `CORPUS_KINDS`."""


def add_corpus(commands: Commands) -> None:
    """Add the command `corpus` and all its verbs."""
    corpus = add_command(
        commands,
        "corpus",
        help="bring recordings in, look after the clips",
        description="""\
The clip database: everything that was ever spoken, recorded or cut, ready for the next phrase.
Each verb explains itself: watchword corpus VERB --help.""",
        example="watchword corpus --help",
    )
    verbs = corpus.add_subparsers(
        dest="verb", metavar="VERB", required=True, help="what to do; each has a --help"
    )
    for add_verb in ADD_VERB:
        add_verb(verbs)


def _add_recordings(verbs: Commands) -> None:
    """Add the verb `add`."""
    verb = add_command(
        verbs,
        "add",
        help="import recordings that people made",
        description="""\
Brings a corpus into the clip database, with speaker, transcript and licence of each recording. What
was imported before is passed over, so a stopped import goes on when it is run again.

  folder          a .tsv or .csv and the files it names
  librispeech     the folder LibriSpeech, or one of its subsets
  common-voice    a language of a release (its validated.tsv), or one of its tables
  peoples-speech  Parquet files, or hub:clean to stream that subset""",
        example="watchword corpus add folder recordings/list.tsv --licence CC0-1.0 --speaker anna",
    )
    verb.add_argument("kind", choices=CORPUS_KINDS, help="how the corpus is laid out")
    verb.add_argument("corpus", metavar="PATH", help="where it is")
    verb.add_argument("--limit", type=positive, metavar="N", help="at most N new recordings (all)")
    verb.add_argument("--licence", help="of all recordings (what the corpus or its table says)")
    verb.add_argument("--source", metavar="NAME", help="what to call the corpus (its usual name)")
    table = verb.add_argument_group("how to read the table of a folder")
    for column in ("file", "text", "speaker", "licence", "seconds"):
        table.add_argument(
            f"--{column}-column", metavar="NAME", help=f"holds the {column} (found by its name)"
        )
    table.add_argument("--speaker", metavar="NAME", help="one person speaks in all of them")
    table.add_argument("--files", type=Path, metavar="DIR", help="where they are (by the table)")
    table.add_argument(
        "--where",
        action="append",
        type=_condition,
        metavar="COLUMN=VALUE",
        help="only rows that say so; may be repeated",
    )
    table.add_argument(
        "--use", help="only rows whose column `use`, if there is one, says this (train)"
    )
    add_json_lines(verb)


def _add_own_voice(verbs: Commands) -> None:
    """Add the verb `own-voice`."""
    verb = add_command(
        verbs,
        "own-voice",
        help="add your own recordings of a phrase",
        description="""\
Your own voice counts more than any other. Each file holds the phrase once; five to twenty, near and
far, are a good number. Trainings of that phrase use them from then on, and hold some out.""",
        example='watchword corpus own-voice "smart mirror" said/*.wav --name anna',
    )
    verb.add_argument("phrase", help="what is said in each recording, in quotes")
    verb.add_argument(
        "recordings", metavar="FILES", nargs="+", type=Path, help="recordings, or folders of them"
    )
    verb.add_argument("--name", default="me", help="whose voice it is (me)")
    verb.add_argument("--json", action="store_true", help="one JSON object instead of sentences")


def _add_feedback(verbs: Commands) -> None:
    """Add the verb `feedback`."""
    verb = add_command(
        verbs,
        "feedback",
        help="send back what a detector got wrong",
        description="""\
Each file holds one moment: one in which the detector woke and nobody had said the phrase, or the
phrase that it missed, said once. `watchword-listen --save-detections` keeps such moments. The next
training of the phrase learns from all of them.""",
        example='watchword corpus feedback "smart mirror" --false-wake detections/000017*.wav',
    )
    verb.add_argument("phrase", help="whose detector it was, in quotes")
    verb.add_argument(
        "recordings", metavar="FILES", nargs="+", type=Path, help="recordings, or folders of them"
    )
    kind = verb.add_mutually_exclusive_group(required=True)
    kind.add_argument(
        "--false-wake",
        dest="kind",
        action="store_const",
        const="false-wake",
        help="it woke, and nobody had said the phrase",
    )
    kind.add_argument(
        "--missed",
        dest="kind",
        action="store_const",
        const="missed",
        help="the phrase was said, and it stayed silent",
    )
    verb.add_argument("--name", default="me", help="who was heard (me)")
    verb.add_argument("--json", action="store_true", help="one JSON object instead of sentences")


def _add_cut(verbs: Commands) -> None:
    """Add the verb `cut`."""
    verb = add_command(
        verbs,
        "cut",
        help="cut a phrase out of the recordings whose transcripts have it",
        description="""\
Finds the transcripts that have the phrase and where in each recording it is said, and keeps the
cuts as clips: positives of the next training, of people who never meant to say it to a device. What
was cut before is passed over.""",
        example='watchword corpus cut "going to"',
    )
    verb.add_argument("phrase", help="what is cut out, in quotes")
    verb.add_argument(
        "--model", choices=CUT_MODELS, default="hama", help="the acoustic model (hama)"
    )
    verb.add_argument(
        "--least-score",
        type=float,
        default=CUT_SCORE,
        metavar="X",
        help=f"keep only cuts that score at least this; nearer to 0 is stricter ({CUT_SCORE})",
    )
    verb.add_argument("--limit", type=positive, metavar="N", help="look at N recordings (all)")
    verb.add_argument("--json", action="store_true", help="one JSON object instead of sentences")


def _condition(text: str) -> tuple[str, str]:
    column, separator, value = text.partition("=")
    if not separator or not column:
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=VALUE")
    return column, value


def _add_sounds(verbs: Commands) -> None:
    """Add the verb `add-sounds`."""
    verb = add_command(
        verbs,
        "add-sounds",
        help="keep recorded noise or measured rooms for training",
        description="""\
Copies recordings of noise, or impulse responses of rooms, to $WATCHWORD_HOME/sounds at 16 kHz.
From then on every training mixes them into its clips, beside what it makes itself.""",
        example="watchword corpus add-sounds noise ESC-10 --source esc-10 --licence 'CC BY 3.0'",
    )
    verb.add_argument("kind", choices=("noise", "rooms"), help="what the recordings are")
    verb.add_argument("recordings", metavar="RECORDINGS", type=Path, help="a folder, or one file")
    verb.add_argument("--licence", required=True, help="of all of them; kept with each")
    verb.add_argument("--source", required=True, help="the collection's name; kept with each")


def _add_make(verbs: Commands) -> None:
    """Add the verb `make`."""
    verb = add_command(
        verbs,
        "make",
        help="make the speech for a phrase, without training",
        description="""\
Brings every bucket of a phrase to the size that a preset asks for: clips that are there count, the
others are synthesised. Says for each bucket what it holds and what that took; `watchword train`
then finds everything made.""",
        example='watchword corpus make "smart mirror" --preset quick',
    )
    verb.add_argument("phrase", help="what the device should listen for, in quotes")
    verb.add_argument("--preset", choices=PRESETS, default="standard", help="how much (standard)")
    verb.add_argument("--seed", type=seed, default=0, help="decides voices and pace (0)")
    add_engine_choice(verb)
    verb.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")


def _add_stats(verbs: Commands) -> None:
    """Add the verb `stats`."""
    verb = add_command(
        verbs,
        "stats",
        help="say what the database holds",
        description="""\
Counts clips, hours, texts and speakers by source, engine and licence. With a phrase: per bucket,
with the preset's target and how many clips the next training will make.""",
        example='watchword corpus stats "smart mirror"',
    )
    verb.add_argument("phrase", nargs="?", help="per bucket for this phrase (everything)")
    verb.add_argument(
        "--preset", choices=PRESETS, default="standard", help="whose targets (standard)"
    )
    verb.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    verb.add_argument(
        "--filters",
        action="store_true",
        help="in the JSON of a phrase: which clips each bucket has, as db.clip_search.ClipFilter",
    )


def _add_verify(verbs: Commands) -> None:
    """Add the verb `verify`."""
    verb = add_command(
        verbs,
        "verify",
        help="compare rows, files and indices; mend them when asked",
        description="""\
Looks for rows without a file, files without a row, files that are no clips, and search indices that
are out of step. Without --repair nothing is changed. Nothing is destroyed: files that do not belong
are moved to a folder beside the clips. Exit code 1 says that something is still wrong.""",
        example="watchword corpus verify --hashes --repair",
    )
    verb.add_argument(
        "--hashes", action="store_true", help="read every file and compare its hash, too"
    )
    verb.add_argument("--repair", action="store_true", help="mend what is wrong")
    verb.add_argument("--json", action="store_true", help="one JSON object instead of sentences")


def _add_export(verbs: Commands) -> None:
    """Add the verb `export`."""
    verb = add_command(
        verbs,
        "export",
        help="write clips into one file",
        description="""\
Writes clips and all that is known of them into a tar file, for another machine or a safe place. The
same clips give the same bytes.""",
        example='watchword corpus export mirror.tar "smart mirror"',
    )
    verb.add_argument("out", metavar="OUT", type=Path, help="the file, which must not exist")
    verb.add_argument("phrase", nargs="?", help="only clips in which it is heard (all clips)")
    verb.add_argument(
        "--source", action="append", metavar="NAME", help="only of this source; may be repeated"
    )


def _add_import(verbs: Commands) -> None:
    """Add the verb `import`."""
    verb = add_command(
        verbs,
        "import",
        help="add the clips of an exported file",
        description="""\
Adds the clips of a file that `watchword corpus export` wrote. Clips that are there already are
passed over, so a stopped import goes on when it is run again. Everything in the file is checked:
names, sizes, hashes, rows and sound.""",
        example="watchword corpus import mirror.tar",
    )
    verb.add_argument("archive", metavar="FILE", type=Path, help="the exported file")


ADD_VERB: tuple[Callable[[Commands], None], ...] = (
    _add_make,
    _add_recordings,
    _add_own_voice,
    _add_feedback,
    _add_sounds,
    _add_cut,
    _add_stats,
    _add_verify,
    _add_export,
    _add_import,
)
"""One function a verb: it adds the verb's parser (see `add_command`) and its arguments."""
