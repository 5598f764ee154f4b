from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from archsmith.bundle import prediction_files
from archsmith.bundle.prediction_columns import Block
from archsmith.bundle.prediction_files import Csv, Json, check, form_of
from archsmith.core.errors import UsageError
from archsmith.core.wording import harmless
from archsmith.data.tables.cells import Repeated

COLUMNS = [("row", int), ("class", str), ("probability 5%", float), ("error", str)]


def block(first: int) -> Block:
    """Three rows; the second one is broken."""
    cells = [
        np.arange(first, first + 3),
        Repeated(["=cmd()", 'b,"', "-1"], np.array([0, 1, 2])),
        np.array([0.75, 0.0, -0.5], np.float32),
    ]
    return Block(cells, {1: 'no "number"'})


def written(path: Path, *blocks: Block) -> None:
    form = form_of(path, COLUMNS)
    bodies = [form.body(one, first=not place) for place, one in enumerate(blocks)]
    draft = path.with_name("draft")
    draft.write_bytes(b"".join([form.head(), *bodies, form.tail(empty=not blocks)]))
    form.finish(draft, path)
    assert not draft.exists()


def test_csv_keeps_numbers_and_disarms_formulas(tmp_path: Path) -> None:
    written(tmp_path / "p.csv", block(1), block(4))
    rows = list(csv.reader((tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()))
    assert rows == [
        ["row", "class", "probability 5%", "error"],
        ["1", "'=cmd()", "0.75", ""],
        ["2", "", "", 'no "number"'],
        ["3", "-1", "-0.5", ""],
        ["4", "'=cmd()", "0.75", ""],
        ["5", "", "", 'no "number"'],
        ["6", "-1", "-0.5", ""],
    ]


def test_csv_is_written_as_the_standard_library_writes_it(tmp_path: Path) -> None:
    names = ["plain", "a,b", 'a"b', "a b", "é", "", "'", ";"]
    with (tmp_path / "expected.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["file", "error"], *([name, None] for name in names)])
    form = form_of(tmp_path / "p.csv", [("file", str), ("error", str)])
    found = form.head() + form.body(Block([Repeated(names, np.arange(len(names)))], {}), first=True)
    assert found == (tmp_path / "expected.csv").read_bytes()


@pytest.mark.parametrize("text", ["=1+2", "+cmd", "-cmd", "@sum", "\t=1", "-1+2", "\r=1"])
def test_what_a_spreadsheet_would_run_is_disarmed(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("value", ["-1", "+3.5e-4", "-.5", "plain", ""])
def test_numbers_and_plain_texts_stay(value: str) -> None:
    assert harmless(value) == value


def test_json_is_a_list_of_what_is_known(tmp_path: Path) -> None:
    written(tmp_path / "p.json", block(1), block(4))
    found = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert found[:3] == [
        {"row": 1, "class": "=cmd()", "probability 5%": 0.75},
        {"row": 2, "error": 'no "number"'},
        {"row": 3, "class": "-1", "probability 5%": -0.5},
    ]
    assert [entry["row"] for entry in found] == [1, 2, 3, 4, 5, 6]
    written(tmp_path / "none.json")
    assert json.loads((tmp_path / "none.json").read_text()) == []


def test_parquet_has_types(tmp_path: Path) -> None:
    import pandas

    written(tmp_path / "p.parquet", block(1), block(4))
    frame = pandas.read_parquet(tmp_path / "p.parquet")
    assert frame["row"].tolist() == [1, 2, 3, 4, 5, 6]
    assert frame["class"].fillna("").tolist() == ["=cmd()", "", "-1"] * 2
    assert frame["probability 5%"].dropna().tolist() == [0.75, -0.5] * 2
    assert frame["error"].fillna("").tolist() == ["", 'no "number"', ""] * 2


def test_groups_of_a_parquet_file_do_not_depend_on_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import parquet

    monkeypatch.setattr(prediction_files, "GROUP_ROWS", 4)
    written(tmp_path / "p.parquet", *(block(3 * place + 1) for place in range(5)))
    with parquet.ParquetFile(tmp_path / "p.parquet") as file:
        facts = file.metadata
        assert [facts.row_group(place).num_rows for place in range(facts.num_row_groups)] == [4, 4, 4, 3]
        assert file.read().column("row").to_pylist() == list(range(1, 16))


def test_a_file_that_is_read_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a")
    with pytest.raises(UsageError, match="which is read"):
        check("t.csv", [str(tmp_path / "t.csv")])
    for name in ("t.csv/p.csv", "t.csv/deeper/p.csv", "."):
        with pytest.raises(UsageError, match="cannot be written"):
            check(name, [])
    assert check("p.csv", ["t.csv"]) == Path("p.csv")
    assert check("new/folder/p.csv", []) == Path("new/folder/p.csv") and not Path("new").exists()


@pytest.mark.parametrize("name", ["p.xlsx", "p.NPZ", "p.csv.gz", "p.tsv", "p.jsonl", "p.zip", "p.txt"])
def test_another_format_is_not_promised(name: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be written as .*\.csv, \.parquet, \.pq or \.json"):
        check(name, [])


@pytest.mark.parametrize("name", ["p", "p.CSV", "p.json"])
def test_a_name_without_an_ending_is_csv(name: str) -> None:
    assert check(name, []) == Path(name)
    assert isinstance(form_of(Path(name), [("row", int), ("error", str)]), Json if name == "p.json" else Csv)


def test_a_link_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.csv").symlink_to("p.csv")
    assert check(str(tmp_path / "p.csv"), [str(tmp_path / "other.csv")]) == tmp_path / "p.csv"
    with pytest.raises(UsageError, match="would overwrite"):
        check(str(tmp_path / "p.csv"), [str(tmp_path / "p.csv")])
