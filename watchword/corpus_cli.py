"""The verbs of `watchword corpus` and their arguments; what they do is in `corpus_commands`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from watchword.arguments import add_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.arguments import Commands


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
    verb.add_argument("recordings", metavar="DIR", type=Path, help="a folder, or one file")
    verb.add_argument("--licence", required=True, help="of all of them; kept with each")
    verb.add_argument("--source", required=True, help="the collection's name; kept with each")


ADD_VERB: tuple[Callable[[Commands], None], ...] = (_add_sounds,)
"""One function a verb: it adds the verb's parser (see `add_command`) and its arguments."""
