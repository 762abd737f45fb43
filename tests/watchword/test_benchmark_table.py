"""What the benchmark's table says beside its figures."""

from io import StringIO

from rich.console import Console

from trainer.benchmark.results import Result, Settings
from watchword.benchmark_table import print_results


def printed(*moments_of_phrase: float | None) -> str:
    """Print results of one phrase whose negatives were said to hold it so often."""
    results = [
        Result(
            "view glass",
            seed,
            "watchword",
            Settings("quick", ("flite",)),
            {"heldout_miss": 0.1, "negative_hours": 3.0, "phrase_in_negatives": moments},
            {},
        )
        for seed, moments in enumerate(moments_of_phrase)
    ]
    console = Console(file=StringIO(), width=200)
    print_results(results, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_moments_that_were_taken_out_are_told() -> None:
    said = printed(1, 0)

    assert "view glass, seed-0: 1 moment of the negatives taken for the phrase: not counted" in said
    assert "seed-1" not in said


def test_results_that_nobody_listened_to_are_told_apart_from_others() -> None:
    assert "was not looked into for view glass (seed-1)" in printed(1, None)
    assert "not looked into" not in printed(None, None)
