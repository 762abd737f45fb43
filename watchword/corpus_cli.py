"""The verbs of `watchword corpus` and their arguments; what they do is in `corpus_commands`."""

from __future__ import annotations

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


ADD_VERB: tuple[Callable[[Commands], None], ...] = ()
"""One function a verb: it adds the verb's parser (see `add_command`) and its arguments."""
