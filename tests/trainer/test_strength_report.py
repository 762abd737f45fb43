"""The report: its table, the rank correlation and every form in which results may come."""

import itertools
import json
import re

import pytest

from trainer.benchmark.results import OURS, Result, Settings, write_result
from trainer.strength import phrase_strength
from trainer.strength_report import PHRASES, ReportError, main, read_results, spearman, strengths

FEW = ("sea", "alexa", "computer", "view glass", "smart mirror")


def printed(*arguments):
    out = []
    assert main(arguments, out.append) == 0
    return "".join(out)


def test_the_table_has_every_phrase_weakest_first():
    rows = re.findall(r"^\| ([a-z' ]+) \| (\d+) \| (weak|fair|strong) \|", printed(), re.MULTILINE)
    assert {phrase for phrase, _, _ in rows} == set(PHRASES)
    scores = [int(score) for _, score, _ in rows]
    assert scores == sorted(scores)
    assert {"smart mirror", "view glass", "sea", "okay nabu"} <= set(PHRASES)


def test_a_row_is_what_the_strength_says():
    table = strengths(["computer", "sea"])
    assert list(table.index) == ["sea", "computer"]
    from trainer.phrases import parse_phrase

    found = phrase_strength(parse_phrase("computer"))
    row = table.loc["computer"]
    assert (row.score, row.word, row.per_hour) == (found.score, found.word, found.per_hour)
    assert [row[part.name] for part in found.parts] == [round(part.points) for part in found.parts]


def test_spearman_of_few_phrases_is_exact():
    """Against all 120 pairings of five, without ties: 1 - 6 Σ d² / (n (n² - 1))."""
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0], [20.0, 10.0, 30.0, 50.0, 40.0]

    def rho(ranks):
        return 1 - 6 * sum((a - b) ** 2 for a, b in zip(x, ranks, strict=True)) / (5 * 24)

    found = spearman(x, y)
    assert found.rho == pytest.approx(rho([2, 1, 3, 5, 4]))
    larger = sum(abs(rho(ranks)) >= found.rho - 1e-9 for ranks in itertools.permutations(x))
    assert found.p == pytest.approx(larger / 120)
    assert spearman(x, [-value for value in x]).rho == pytest.approx(-1)
    assert spearman(x, x).p == pytest.approx(2 / 120)
    assert spearman([1, 1, 2, 3], [1, 2, 2, 4]).rho == pytest.approx(0.8333, abs=1e-4), "ties"


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [([1, 2, 3], [1, 2, 3], "too few"), ([1, 2, 3, 4], [1, 1, 1, 1], "same for all")],
)
def test_what_cannot_be_correlated_says_why(x, y, why):
    with pytest.raises(ReportError, match=why):
        spearman(x, y)


def test_a_json_of_miss_rates(tmp_path):
    path = tmp_path / "rates.json"
    path.write_text(json.dumps({phrase: 0.5 / 2**i for i, phrase in enumerate(FEW)}))
    last = printed("--results", str(path)).splitlines()[-1]
    assert re.match(r"\| miss \| 5 \| -1\.00 \| 0\.017 \| -0\.90 \| 0\.083 \|$", last)


def test_a_table_of_seeds_has_means_and_gaps(tmp_path):
    path = tmp_path / "rates.tsv"
    rows = ["phrase\tseed\theldout_miss\tnear_accept"]
    for i, phrase in enumerate(FEW):
        near = "" if phrase == "sea" else f"{0.01 * i}"
        rows += [f"{phrase}\t0\t{0.1 - 0.02 * i}\t{near}", f"{phrase}\t1\t{0.3 - 0.02 * i}\t{near}"]
    path.write_text("\n".join(rows) + "\n")
    results = read_results(path)
    assert list(results.columns) == ["heldout_miss", "near_accept"]
    assert results.loc["sea", "heldout_miss"] == pytest.approx(0.2)
    out = printed("--results", str(path))
    assert "| heldout_miss | 5 | -1.00 |" in out
    assert "| near_accept | 4 | +1.00 |" in out


def test_a_folder_of_the_benchmark(tmp_path):
    settings = Settings("quick", ("flite",))
    for i, phrase in enumerate(FEW):
        for seed in (0, 1):
            figures = {"heldout_miss": 0.1 * seed - 0.01 * i, "near_accept": None, "other": 1.0}
            write_result(tmp_path, Result(phrase, seed, OURS, settings, figures))
        write_result(tmp_path, Result(phrase, None, "rival", settings, {"heldout_miss": 0.1 * i}))
    results = read_results(tmp_path)
    assert list(results.columns) == ["heldout_miss", "near_accept"]
    assert results.loc["sea", "heldout_miss"] == pytest.approx(0.05)
    out = printed("--results", str(tmp_path))
    assert "| heldout_miss | 5 | -1.00 |" in out
    assert "| near_accept | 0 | too few: " in out


def test_a_phrase_that_is_not_in_the_list_is_added(tmp_path):
    path = tmp_path / "rates.json"
    path.write_text('{"open the window": 0.1, "sea": 0.2}')
    out = printed("--results", str(path))
    assert "| open the window | " in out
    assert "| miss | 2 | too few: " in out


@pytest.mark.parametrize(
    ("name", "content"),
    [("rates.json", "{"), ("rates.json", '{"sea": "many"}'), ("rates.tsv", "sea\t0.1\n"),
     ("rates.tsv", ""), ("rates.json", '{"xqzt": 0.1}')],
)  # fmt: skip
def test_unusable_results_are_refused_in_one_line(name, content, tmp_path, capsys):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(SystemExit) as left:
        main(["--results", str(path)])
    assert left.value.code == 2
    assert re.search(r"error: .*(cannot be read|cannot be pronounced)", capsys.readouterr().err)


def test_no_results_there(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--results", str(tmp_path / "none.json")])
    assert "none.json cannot be read" in capsys.readouterr().err
