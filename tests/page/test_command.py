"""Questions to the command line, and what is said when it does not answer."""

import pytest

from page.command import CommandError, NotRunError, ask


def test_the_answer_is_taken_apart():
    strong = ask(["check", "--json", "--", "smart mirror"], 60, lambda answer: answer["ok"])
    assert strong is True


def test_what_the_command_said_last_is_the_reason():
    with pytest.raises(CommandError, match=r"^(?!watchword: ).*xkcd"):
        ask(["corpus", "stats", "--json", "--", "xkcd"], 60, dict)


def test_an_answer_of_another_kind_is_an_error():
    with pytest.raises(CommandError):
        ask(["check", "--json", "--", "smart mirror"], 60, lambda answer: answer["no such key"])


def test_a_command_that_takes_too_long_was_not_run():
    with pytest.raises(NotRunError, match="timed out"):
        ask(["check", "--json", "--", "smart mirror"], 0.01, dict)
