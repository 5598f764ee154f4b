from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archsmith.cli.prediction_files import check, harmless, write
from archsmith.core.errors import UsageError

COLUMNS = [("row", int), ("class", str), ("probability", float), ("error", str)]
ROWS: list[list[Any]] = [[1, "=cmd()", 0.75, None], [2, None, None, "no number"], [3, "-1", -0.5, None]]


def test_csv_keeps_numbers_and_disarms_formulas(tmp_path: Path) -> None:
    assert write(tmp_path / "p.csv", COLUMNS, ROWS) == 3
    rows = list(csv.reader((tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()))
    assert rows == [
        ["row", "class", "probability", "error"],
        ["1", "'=cmd()", "0.75", ""],
        ["2", "", "", "no number"],
        ["3", "-1", "-0.5", ""],
    ]


@pytest.mark.parametrize("text", ["=1+2", "+cmd", "-cmd", "@sum", "\t=1", "-1+2", "\r=1"])
def test_what_a_spreadsheet_would_run_is_disarmed(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("value", ["-1", "+3.5e-4", "-.5", "plain", "", -1.5, 3, None])
def test_numbers_and_plain_texts_stay(value: Any) -> None:
    assert harmless(value) == value


def test_a_link_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.csv").symlink_to("p.csv")
    assert check(str(tmp_path / "p.csv"), [str(tmp_path / "other.csv")]) == tmp_path / "p.csv"
    with pytest.raises(UsageError, match="would overwrite"):
        check(str(tmp_path / "p.csv"), [str(tmp_path / "p.csv")])


def test_json_is_a_list_of_what_is_known(tmp_path: Path) -> None:
    write(tmp_path / "p.json", COLUMNS, ROWS)
    found = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert found == [
        {"row": 1, "class": "=cmd()", "probability": 0.75},
        {"row": 2, "error": "no number"},
        {"row": 3, "class": "-1", "probability": -0.5},
    ]
    write(tmp_path / "none.json", COLUMNS, [])
    assert json.loads((tmp_path / "none.json").read_text()) == []


def test_parquet_has_types(tmp_path: Path) -> None:
    import pandas

    write(tmp_path / "p.parquet", COLUMNS, ROWS)
    frame = pandas.read_parquet(tmp_path / "p.parquet")
    assert frame["row"].tolist() == [1, 2, 3] and frame["class"].fillna("").tolist() == ["=cmd()", "", "-1"]
    assert frame["probability"].dropna().tolist() == [0.75, -0.5]


@pytest.mark.parametrize("name", ["p.csv", "p.json", "p.parquet"])
def test_half_a_file_never_takes_the_place_of_another(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")

    def rows() -> Iterator[list[Any]]:
        yield ROWS[0]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(tmp_path / name, COLUMNS, rows())
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "precious"


def test_a_file_that_is_read_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a")
    with pytest.raises(UsageError, match="which is read"):
        check("t.csv", [str(tmp_path / "t.csv")])
    for name in ("nowhere/p.csv", "."):
        with pytest.raises(UsageError, match="cannot be written"):
            check(name, [])
    assert check("p.csv", ["t.csv"]) == Path("p.csv")


@pytest.mark.parametrize("name", ["p.xlsx", "p.NPZ"])
def test_another_format_is_not_promised(name: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be written as .*\.csv, \.parquet or \.json"):
        check(name, [])
