"""Tables of every shape, good and damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainer.corpora.base import CorpusError, Recording, Refusal
from trainer.corpora.folder_tsv import Columns, TableSource, find_table, slug

DATA = os.environ.get("WATCHWORD_TEST_DATA", "")


def table(tmp_path: Path, text: str, name: str = "list.tsv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def rows(path: Path, **options: object) -> list[Recording | Refusal]:
    source = TableSource("village", path, **options)
    found = list(source)
    assert source.count() == len(found)
    return found


def test_columns_are_found_by_their_usual_names(tmp_path):
    path = table(
        tmp_path,
        "path\tspeaker_id\tsentence\tduration\tlicense\tmood\n"
        'a/1.wav\tanna\tSay "hello", please\t1.50\tCC0-1.0\thappy\n',
    )
    (row,) = rows(path)
    assert row.file == "a/1.wav"
    assert row.audio == tmp_path / "a" / "1.wav"
    assert (row.speaker, row.licence, row.seconds) == ("anna", "CC0-1.0", 1.5)
    assert row.text == 'Say "hello", please'
    assert row.where == "list.tsv line 2 (a/1.wav)"


def test_columns_can_be_named_and_files_can_be_elsewhere(tmp_path):
    path = table(tmp_path, "text\tkey\tsaid\twho\nno\tb.wav\tyes\tbert\n")
    (row,) = rows(
        path, columns=Columns(file="key", text="said", speaker="who"), licence="mine",
        root=tmp_path / "audio",
    )  # fmt: skip
    assert (row.text, row.speaker, row.licence) == ("yes", "bert", "mine")
    assert row.audio == tmp_path / "audio" / "b.wav"
    assert row.seconds is None


def test_a_csv_has_commas_and_quotes(tmp_path):
    path = table(tmp_path, 'file,text\na.wav,"one, two\nand ""three"""\nb.wav,x\n', "list.csv")
    first, second = rows(path, speaker="anna", licence="mine")
    assert first.text == 'one, two\nand "three"'
    assert second.where.startswith("list.csv line 4")


def test_quotes_of_a_tsv_are_quotes(tmp_path):
    path = table(tmp_path, 'file\ttext\na.wav\t"open\nb.wav\tclosed"\n')
    assert [row.text for row in rows(path, speaker="a", licence="b")] == ['"open', 'closed"']


def test_a_byte_order_mark_and_windows_lines_are_no_part_of_it(tmp_path):
    path = table(tmp_path, "\ufefffile\ttext\r\na\\b.wav\thello\r\n")
    (row,) = rows(path, speaker="a", licence="b")
    assert (row.file, row.text) == ("a/b.wav", "hello")


def test_only_rows_for_training_are_taken(tmp_path):
    path = table(
        tmp_path,
        "path\ttext\tkind\tuse\na.wav\tx\tspeech\ttrain\nb.wav\tx\tnoise\ttrain\n"
        "c.wav\tx\tspeech\tevaluation\n",
    )
    options = {"speaker": "a", "licence": "b"}
    assert [row.file for row in rows(path, **options)] == ["a.wav", "b.wav"]
    assert [r.file for r in rows(path, where={"kind": "speech"}, **options)] == ["a.wav"]
    assert [row.file for row in rows(path, use="evaluation", **options)] == ["c.wav"]


@pytest.mark.parametrize("file", ["", "/etc/passwd", "../x.wav", "a/../../x.wav", "..\\x.wav"])
def test_a_file_outside_the_folder_is_refused(tmp_path, file):
    path = table(tmp_path, f"file\ttext\n{file}\thello\nb.wav\thello\n")
    refused, taken = rows(path, speaker="a", licence="b")
    assert isinstance(refused, Refusal)
    assert refused.where == "list.tsv line 2"
    assert refused.reason == "the file is not one below the folder"
    assert isinstance(taken, Recording)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.wav\thello", "the row has not as many columns as the header"),
        ("a.wav\thello\t1\tmore", "the row has not as many columns as the header"),
        ("a.wav\thello\tlong", "the duration is no number"),
    ],
)
def test_a_damaged_row_is_refused_with_its_line(tmp_path, line, reason):
    path = table(tmp_path, f"file\ttext\tseconds\nb.wav\thello\t1\n{line}\n")
    _, refused = rows(path, speaker="a", licence="b")
    assert isinstance(refused, Refusal)
    assert (refused.where, refused.reason) == ("list.tsv line 3", reason)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("file\ttext\n", {"speaker": "a"}, "which column holds the licence"),
        ("file\n", {}, "holds the text and the speaker and the licence: it has file"),
        ("", {}, "it has no columns"),
        ("file\ttext\n", {"columns": Columns(speaker="who")}, "no column 'who'"),
        ("file\ttext\n", {"where": {"kind": "x"}, "speaker": "a", "licence": "b"}, "'kind'"),
    ],
)
def test_a_table_that_lacks_a_column_is_refused(tmp_path, text, options, said):
    with pytest.raises(CorpusError, match=said):
        list(TableSource("village", table(tmp_path, text), **options))


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "list.tsv"
    path.write_bytes(b"file\ttext\tspeaker\tlicence\n\xff\xfe\n")
    with pytest.raises(CorpusError, match="not UTF-8"):
        list(TableSource("village", path))


def test_a_field_without_end_is_refused(tmp_path):
    path = table(tmp_path, 'file,text\na.wav,"' + "x" * 200_000, "list.csv")
    with pytest.raises(CorpusError, match=r"list.csv line \d"):
        list(TableSource("village", path, speaker="a", licence="b"))


def test_the_one_table_of_a_folder_is_found(tmp_path):
    with pytest.raises(CorpusError, match="holds none"):
        find_table(tmp_path)
    one = table(tmp_path, "file\n")
    assert find_table(tmp_path) == find_table(one) == one
    table(tmp_path, "file\n", "other.csv")
    with pytest.raises(CorpusError, match=r"list.tsv, other.csv: name the table"):
        find_table(tmp_path)
    with pytest.raises(CorpusError, match="no table or folder"):
        find_table(tmp_path / "gone")


def test_a_corpus_is_called_in_small_letters():
    assert slug("Common Voice 22.0") == "common-voice-22-0"
    assert slug("???") == ""


@pytest.mark.skipif(not DATA, reason="WATCHWORD_TEST_DATA names no folder")
def test_real_recordings_come_in(bring, store):
    source = TableSource("real", Path(DATA) / "manifest.tsv", where={"kind": "speech"})
    report = bring(source, limit=20)
    assert (report.imported, report.refused) == (20, {})
    assert set(store.find()["speaker"].str.split(":").str[0]) == {"real"}
    assert bring(source, limit=5).known >= 20
