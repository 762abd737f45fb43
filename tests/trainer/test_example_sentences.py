"""Only sentences that can be spoken come out of WordNet's examples; the list has its licence."""

from pathlib import Path

import pytest

from trainer import example_sentences
from trainer.example_sentences import EXAMPLES, examples, main
from trainer.pronunciation import is_offensive
from trainer.sentences import written_lines

GLOSSES = (
    'draw air in; "I can breathe better when the air is clean"; "The patient is respiring"',
    'to call; "call me tomorrow"; "a call to arms"; "she called me"',
    'to end; "he killed the engine"; "did a clumsy job of it"',
    '"we must all hang together"- Benjamin Franklin; "did you say that?"',
    '"he paid 500 for it"; "they were unfathomably zymotic here"',
)
VERBS = "  1 This software and database is being provided to you\n" + "".join(
    f"0000{number} 29 v 01 do 0 000 01 + 02 00 | {gloss}\n" for number, gloss in enumerate(GLOSSES)
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data.verb").write_text(VERBS, encoding="utf-8")
    for part in ("adj", "adv", "noun"):
        (tmp_path / f"data.{part}").write_text("", encoding="utf-8")
    return tmp_path


def test_only_whole_spoken_sentences_are_taken(folder: Path) -> None:
    assert examples(folder) == [
        "Did you say that?",
        "I can breathe better when the air is clean.",
    ]


def test_the_list_is_written_whole(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example_sentences, "EXAMPLES", tmp_path / "examples.txt")
    assert main([str(folder)]) == 0
    lines = (tmp_path / "examples.txt").read_text("utf-8").splitlines()
    assert "Princeton University" in lines[0]
    assert lines[2:] == examples(folder)
    assert not list(tmp_path.glob("*.new"))
    assert main([]) == 2
    assert main([str(tmp_path / "nowhere")]) == 2


def test_the_list_that_ships() -> None:
    lines = written_lines(EXAMPLES)
    assert len(lines) > 6000
    assert len(set(lines)) == len(lines)
    assert not [line for line in lines if is_offensive(line.lower())]
    licence = (EXAMPLES.parent / "WORDNET-LICENSE.txt").read_text("utf-8")
    assert "Princeton University" in licence
    assert "without fee" in licence
