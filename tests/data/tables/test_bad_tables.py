"""The catalogue of odd and bad tables: what a person may have, and the one sentence or the repair that answers it.

Every case goes through ``load``, as the main job does. What is refused leaves nothing behind; what is repaired says so,
or gives the right values.
"""

from __future__ import annotations

import datetime
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.data.tables.load import Loaded, load

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
N = 60  # rows


@dataclass(frozen=True)
class Refused:
    """``message`` and ``hint`` are parts of what is said."""

    message: str
    hint: str = ""
    task: str = "auto"
    target: str | None = None


@dataclass(frozen=True)
class Taken:
    """It works: ``said`` is part of a note or warning, ``skipped`` the number of rows passed over, ``holds`` a look at
    the result.
    """

    said: str = ""
    skipped: int = 0
    holds: Callable[[Loaded], bool] = lambda found: True
    task: str = "auto"
    target: str | None = None


Make = Callable[[Path], Any]
CASES: dict[str, tuple[Make, Refused | Taken]] = {}


def case(name: str, make: Make, expected: Refused | Taken) -> None:
    """Add a row to the catalogue."""
    assert name not in CASES
    CASES[name] = make, expected


# Good data, for one thing at a time to go wrong with.


def good(n: int = N) -> dict[str, list[Any]]:
    """Columns ``size`` (numbers), ``colour`` (categories) and ``target`` (two classes)."""
    rng = np.random.default_rng(0)
    sizes = [round(value, 3) for value in rng.normal(size=n).tolist()]
    return {
        "size": sizes,
        "colour": [("red", "green", "blue")[index % 3] for index in range(n)],
        "target": ["ab"[index % 2] for index in range(n)],
    }


def text(table: dict[str, list[Any]], separator: str = ",") -> str:
    rows = [separator.join(table), *(separator.join(map(str, row)) for row in zip(*table.values(), strict=True))]
    return "\n".join(rows) + "\n"


def file(content: bytes | str, name: str = "data.csv") -> Make:
    def make(root: Path) -> Any:
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return root / name

    return make


def csv(**changes: Any) -> Make:
    """The good table with columns changed, as CSV; a function changes the list of values, None leaves a column out."""
    return file(text(changed(changes)))


def frame(**changes: Any) -> Make:
    """The same as a DataFrame."""
    return lambda root: pandas.DataFrame(changed(changes))


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = good()
    for name, change in changes.items():
        if change is None:
            del table[name]
        else:
            table[name] = change(list(table.get(name, range(N)))) if callable(change) else change
    return {name: table[name] for name in (*(c for c in table if c != "target"), *(c for c in table if c == "target"))}


def at(row: int, value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [*values[:row], value, *values[row + 1 :]]


def pair(features: Any, targets: Any = None) -> Make:
    return lambda root: (features, ["ab"[index % 2] for index in range(N)] if targets is None else targets)


def parquet(table: Any) -> Make:
    def make(root: Path) -> Any:
        pandas.DataFrame(table).to_parquet(root / "data.parquet")
        return root / "data.parquet"

    return make


def column(found: Loaded, name: str) -> Any:
    return next(entry for entry in found.splits.columns if entry.name == name)


def uses(*names: str) -> Callable[[Loaded], bool]:
    return lambda found: tuple(entry.name for entry in found.splits.columns) == names


def kind(name: str, wanted: str) -> Callable[[Loaded], bool]:
    return lambda found: bool(column(found, name).kind == wanted)


def spans(name: str, low: float, high: float) -> Callable[[Loaded], bool]:
    """Do all values of the column lie between, and is it a number?"""
    return lambda found: column(found, name).minimum >= low and column(found, name).maximum <= high


NOISE = np.random.default_rng(1).normal(size=(N, 4))
LINES = text(good())

# Files that are no tables.

case("a path that is not there", lambda root: root / "none.csv", Refused("There is no file", "Check the path"))
case("a folder", lambda root: root, Refused("is a folder, not a table", "CSV or Parquet"))
case("a path with a zero byte", lambda root: f"{root}/a\0b.csv", Refused("There is no file", "Check the path"))
case("an empty file", file(b""), Refused("is empty", "not written completely"))
case("a file of empty lines", file("\n\n \n"), Refused("is empty", "not written completely"))
case("a heading only", file("size,colour,target\n"), Refused("has no rows below its first line", "each example"))
case("one column", file("target\na\nb\n"), Refused("has only one column, 'target'", "one to learn from"))
case("no heading", file(LINES.split("\n", 1)[1]), Refused("first line of", "names of the columns"))
case(
    "no heading of whole numbers",
    file("39,5,13,1\n" * N),
    Refused("looks like a row of values", "names of the columns"),
)
case(
    "a heading twice", file(LINES.replace("colour", "size", 1)), Refused("two columns named 'size'", "name of its own")
)
case("a longer row", file(LINES + "1,red,a,b\n"), Refused("Line 62 of", "needs the same number"))
case("a shorter row", file(LINES + "1,red\n"), Refused("has 2 values, but the first line has 3", "same number"))
case("empty lines between rows", file(LINES.replace("\n", "\n\n")), Taken(holds=uses("size", "colour")))
case("a quote that is not closed", file(LINES + '1,"red,a\n'), Refused("a quote is not closed", "A quote is probably"))
case("text behind a quote", file(LINES + '1,"red" x,a\n'), Refused("cannot be read", "not doubled inside"))
case("zero bytes", file(LINES + "1,r\0ed,a\n"), Refused("it holds zero bytes", "Save the table as CSV"))
case("binary data", file(bytes(range(256)) * 20), Refused("is not a table of text", "Save the table as CSV"))
case("Parquet named .csv", file(b"PAR1" + bytes(50)), Refused("is a Parquet file", ".parquet"))
case("a renamed workbook", file(b"PK\3\4" + bytes(50)), Refused("looks like an Excel workbook", "save it as CSV"))
case("a workbook", file(b"PK\3\4" + bytes(50), "data.xlsx"), Refused("cannot be read as tables", "CSV, TSV or Parquet"))
case("gzip named .csv", file(gzip.compress(LINES.encode())), Taken(holds=uses("size", "colour")))
case(
    "half a gzip file", file(gzip.compress(LINES.encode())[:200], "data.csv.gz"), Refused("not a whole gzip", "cut off")
)
case("text named .csv.gz", file(LINES, "data.csv.gz"), Taken(holds=uses("size", "colour")))
case("a damaged Parquet file", file(b"PAR1 no PAR1", "data.parquet"), Refused("not a whole Parquet file", "cut off"))
case("CSV named .parquet", file(LINES, "data.parquet"), Refused("not a whole Parquet file", "download it again"))
case("a very long cell", file(LINES + f"1,{'x' * 200_000},a\n"), Refused("is longer than 131,072 characters", "quote"))
case("Windows-1252", file(LINES.replace("red", "röd").encode("cp1252")), Taken("read as Windows-1252"))
case("the mark of Excel", file(LINES.encode("utf-8-sig")), Taken(holds=uses("size", "colour")))
case("UTF-16", file(LINES.encode("utf-16")), Taken(holds=uses("size", "colour")))
case("semicolons", file(LINES.replace(",", ";")), Taken(holds=uses("size", "colour")))
case("tabs", file(LINES.replace(",", "\t"), "data.tsv"), Taken(holds=uses("size", "colour")))
case("bars", file(LINES.replace(",", "|")), Taken(holds=uses("size", "colour")))
case("lines of an old Macintosh", file(LINES.replace("\n", "\r")), Taken(holds=uses("size", "colour")))
case("space around cells", file(LINES.replace(",", " , ")), Taken(holds=kind("size", "number")))

# Targets.

case("a target that is not there", csv(), Refused("has no column 'income'", "--target", target="income"))
case("another case of the target", csv(), Refused("has no column 'Traget'", "Did you mean 'target'?", target="Traget"))
case("two possible targets", csv(label=good()["target"]), Refused("'label' or 'target'", "--target"))
case(
    "a target without a usual name",
    csv(target=None, outcome=good()["target"]),
    Taken("The target is the last column, 'outcome'; name another one with --target."),
)
case("one class only", csv(target=["a"] * N), Refused("only one class, 'a'", "At least two"))
case(
    "a constant regression target",
    csv(target=["1.5"] * N),
    Refused("1.5", "nothing to learn from", task="regression"),
)
case("a target of texts that all differ", csv(target=[f"t{i}" for i in range(N)]), Refused("No class has two"))
case(
    "a target of many texts that all differ",
    lambda root: {"x": list(range(300)), "y": [f"t{i}" for i in range(300)]},
    Refused("has 300 different texts in 300 rows", "another target (another column with --target)"),
)
case("an empty target", csv(target=[""] * N), Refused("'target' is empty"))
case(
    "targets that are missing",
    csv(target=at(7, "")),
    Taken("1 row has no target that can be learnt; the first is row 9 (the headings are row 1)", skipped=1),
)
case(
    "targets that are NaN",
    pair(NOISE, np.where(np.arange(N) < 3, np.nan, NOISE[:, 0])),
    Taken("3 rows have no target that can be learnt; the first is row 1", skipped=3),
)
case(
    "infinite targets", pair(NOISE, np.where(np.arange(N) < 2, np.inf, NOISE[:, 0])), Taken("2 rows have no", skipped=2)
)
case("targets beyond float32", pair(NOISE, NOISE[:, 0] * 1e35), Refused("as large as", "other units"))
case("few whole numbers", csv(target=lambda v: [i % 4 for i in range(N)]), Taken("are taken for classes"))
case("many whole numbers", csv(target=lambda v: range(N)), Taken("are taken for a regression target"))
case("texts as a regression target", csv(), Refused("which is not a number", task="regression"))
case("fractions as classes", csv(target=good()["size"]), Refused("fractions", task="classification"))
case("a task that is none", csv(), Refused("The task is 'ranking'", "classification, regression", task="ranking"))
case("dates as a target", pair(NOISE, pandas.date_range("2024-01-01", periods=N)), Refused("holds dates"))
case("one-hot targets", pair(NOISE, np.eye(2)[np.arange(N) % 2]), Refused("have the shape (60, 2)", ".argmax(1)"))
case("targets in a column of their own", pair(NOISE, (np.arange(N) % 2)[:, None]), Taken())
case(
    "truth values as a target",
    csv(target=[i % 2 == 0 for i in range(N)]),
    Taken(holds=lambda f: f.splits.classes == ("False", "True")),
)
case("fewer targets than rows", pair(NOISE, np.arange(N - 1)), Refused("X has 60 rows, but y has 59 targets"))
case("a target that is no list", pair(NOISE, 3), Refused("The targets y are of the type int", "an array or a list"))
case(
    "decimal commas in the target",
    file(text({"x": good()["size"], "target": [f"{i},5" for i in range(N)]}, ";")),
    Taken("numbers written as 1.234,5", holds=lambda found: found.splits.is_regression),
)
case("a column that equals the target", csv(copy=good()["target"]), Taken("'copy' says the target in other words"))
case(
    "a column that is twice the target",
    pair(np.column_stack([NOISE, NOISE[:, 0] * 2]), NOISE[:, 0]),
    Taken("The column 'x4' says the target in other words"),
)

# Splits.

case(
    "too few rows", lambda root: {k: v[:11] for k, v in good().items()}, Refused("only 11 training rows", "At least 12")
)
case("a class of one row", csv(target=at(5, "c")), Taken("The class 'c' has a single training row"))
case("uneven classes", csv(target=["a"] * 56 + ["b"] * 4), Taken("The classes are uneven"))
case(
    "unknown splits",
    csv(split=["fold0"] * N),
    Refused("'split' says 'fold0' in row 2 (the headings are row 1)", "train, valid or test"),
)
case("a split without training rows", csv(split=["valid", "test"] * 30), Refused("only 0 training rows"))
case(
    "splits that are given",
    csv(split=["train"] * 40 + ["Validation"] * 10 + ["test"] * 10),
    Taken(
        "Splits come from the column 'split'",
        holds=lambda f: f.findings.n_examples == {"train": 40, "valid": 10, "test": 10},
    ),
)
case(
    "rows in two splits",
    csv(size=[float(i % 30) for i in range(N)], split=["train"] * 30 + ["valid"] * 15 + ["test"] * 15, colour=None),
    Taken("15 of 15 validation rows are in the training split too"),
)

# Columns.

case(
    "constant columns only",
    csv(size=[1] * N, colour=["x"] * N),
    Refused("No column can be learnt from", "differ by row"),
)
case("a constant column", csv(colour=["x"] * N), Taken("Not used: 'colour' (has a single value)", holds=uses("size")))
case("an empty column", csv(colour=[""] * N), Taken("Not used: 'colour' (has no values)", holds=uses("size")))
case(
    "names of rows",
    csv(colour=[f"id{i}" for i in range(N)]),
    Taken("another text in nearly every row", holds=uses("size")),
)
case(
    "dates with the day first",
    csv(colour=["01.01.2020" if i < 15 else f"{1 + i % 28:02}.{1 + i // 28:02}.2021" for i in range(N)]),
    Taken("Dates such as 31.12.2024 (day, month, year) became days since 1970", holds=uses("size", "colour")),
)
case(
    "dates with the month as a word",
    csv(colour=["1 Jan 2020" if i < 15 else f"{1 + i % 28} {'Jan' if i < 28 else 'Feb'} 2021" for i in range(N)]),
    Taken(
        "Most values are rare, and tell little, in 'colour'. If they are dates or numbers, write",
        holds=uses("size", "colour"),
    ),
)
case("numbers of rows", csv(id=range(N)), Taken("'id' (counts the rows)", holds=uses("size", "colour")))
case(
    "missing values",
    csv(size=at(0, "?"), colour=at(1, "N/A")),
    Taken("Missing values in training rows: '?' in 'size'; 'N/A' in 'colour'"),
)
case("infinities", csv(size=at(0, "inf")), Taken("infinite or beyond 1e+30", holds=spans("size", -9, 9)))
case("numbers beyond float32", frame(size=at(0, 1e39)), Taken("infinite or beyond 1e+30", holds=spans("size", -9, 9)))
case("whole numbers beyond any", frame(size=at(0, 10**400)), Taken("infinite or beyond", holds=spans("size", -9, 9)))
case(
    "a text among numbers",
    csv(size=at(3, "abc")),
    Refused("'size' holds numbers, but row 5 (the headings are row 1) says 'abc'", "empty"),
)
case("several kinds in a column", frame(colour=[1, "x", 2.0, True] * 15), Taken(holds=kind("colour", "category")))
case(
    "formulas of a workbook",
    csv(colour=lambda v: ["=cmd()", "=cmd()", "+1+1"] * 20),
    Taken(holds=lambda f: "=cmd()" in column(f, "colour").categories),
)
case(
    "truth values",
    csv(colour=[i % 3 == 0 for i in range(N)]),
    Taken(holds=lambda f: column(f, "colour").categories == ("False", "True")),
)
case(
    "dates",
    csv(day=lambda v: [f"2024-01-{1 + i % 28:02}" for i in v]),
    Taken("Dates became days since 1970 in 'day'", holds=spans("day", 19_700, 19_800)),
)
case(
    "dates of Python",
    frame(day=[datetime.date(2024, 1, 1 + i % 28) for i in range(N)]),
    Taken("Dates became days", holds=spans("day", 19_700, 19_800)),
)
case(
    "a date that is none",
    csv(day=lambda v: [f"2024-01-{1 + i % 28:02}" for i in v[:-1]] + ["2024-13-01"]),
    Refused("holds dates, but row 61", "leave the cell empty"),
)
case(
    "commas between thousands",
    file("size,target\n" + "".join(f'"{1 + i},234.5",{"ab"[i % 2]}\n' for i in range(N))),
    Taken("commas between thousands (1,234.5) in 'size'", holds=spans("size", 1234.5, 60234.5)),
)
case(
    "decimal commas",
    file("size;target\n" + "".join(f"{i},25;{'ab'[i % 2]}\n" for i in range(N))),
    Taken("decimal commas (1.234,5) in 'size'", holds=spans("size", 0.25, 59.25)),
)
case("zeros in front", csv(zip=lambda v: [f"0{i % 5}" for i in v]), Taken(holds=kind("zip", "category")))
case(
    "times that float32 merges", frame(size=[1.7e9 + i for i in range(N)]), Taken("measured from the median in 'size'")
)
case("names of other letters", csv(日本=good()["size"]), Taken(holds=uses("size", "colour", "日本")))
case(
    "names that are no texts",
    lambda root: pandas.DataFrame(np.column_stack([NOISE, np.arange(N) % 2])),
    Taken(holds=uses("0", "1", "2", "3")),
)
case(
    "names that become the same",
    lambda root: pandas.DataFrame({1: good()["size"], "1": good()["colour"], "target": good()["target"]}),
    Refused("two columns named '1'"),
)
case("no names", file(LINES.replace("size,colour", ",")), Taken(holds=uses("Unnamed: 0", "Unnamed: 1")))
case(
    "10,000 columns",
    pair(np.random.default_rng(2).normal(size=(N, 10_000)).astype(np.float32)),
    Taken(holds=lambda f: len(f.splits.columns) == 10_000),
)
case(
    "lists in cells",
    parquet({**good(), "tags": [["a", "b"]] * N}),
    Taken("'tags' (holds values that are no numbers", holds=uses("size", "colour")),
)
case("decimals", frame(size=[Decimal(i) / 3 for i in range(N)]), Taken(holds=kind("size", "number")))
case(
    "objects of no use",
    frame(colour=[object()] * N),
    Taken("'colour' (holds values that are no numbers", holds=uses("size")),
)
case(
    "missing values of pandas",
    frame(size=pandas.array([None, *range(N - 1)], dtype="Int64")),
    Taken("Missing values in training rows: empty cells in 'size'", holds=spans("size", 0, N)),
)

# What is in memory.

case(
    "something that is no data", lambda root: 42, Refused("cannot be read from something of the type int", "2-D array")
)
case("an array without targets", lambda root: NOISE, Refused("has no targets", "(X, y)"))
case("an array of three axes", pair(np.zeros((N, 2, 2))), Refused("an array of shape (60, 2, 2)", "2-D array"))
case("one axis only", pair(np.zeros(N)), Refused("an array of shape (60,)", "2-D array"))
case("complex numbers", pair(NOISE + 1j), Refused("values of the type complex128", "numbers, texts or dates"))
case("objects in an array", pair(np.array([[i, "xy"[i % 2]] for i in range(N)], object)), Taken(holds=uses("x0", "x1")))
case("rows of different length", pair([[1, 2], [1]] * 30), Refused("differ in length", "every column"))
case(
    "columns of different length", lambda root: {**good(), "more": [1, 2]}, Refused("but 'more' has 2", "for each row")
)
case(
    "records that lack values",
    lambda root: [{"x": i} if i == 9 else {"x": i, "c": "uv"[i % 2], "y": i % 2} for i in range(N)],
    Taken(skipped=1),
)
case(
    "a mapping that holds no columns",
    lambda root: {"a": 1, "target": 2},
    Refused("The column 'a' is of the type int", "a list or an array"),
)
case("an empty list", lambda root: [], Refused("cannot be read from", "2-D array"))
case("an empty DataFrame", lambda root: pandas.DataFrame({"a": [], "target": []}), Refused("has no rows"))
case("X without columns", pair(pandas.DataFrame(index=range(N))), Refused("X has no columns"))


@pytest.mark.parametrize("name", CASES)
def test_catalogue(tmp_path: Path, name: str) -> None:
    make, expected = CASES[name]
    given, root = tmp_path / "given", tmp_path / "cache"
    given.mkdir()
    source = make(given)
    if isinstance(expected, Refused):
        with pytest.raises(UsageError) as caught:
            load(source, root, seed=0, task=expected.task, target=expected.target)
        error = caught.value
        assert expected.message in error.message, str(error)
        assert expected.hint in (error.hint or ""), str(error)
        assert error.message.endswith(".") and "\n" not in str(error) and len(error.message) < 500
        assert error.hint
        assert not root.exists() or not list(root.iterdir())
    else:
        found = load(source, root, seed=0, task=expected.task, target=expected.target)
        said = (*found.findings.notes, *found.findings.warnings)
        assert not expected.said or any(expected.said in sentence for sentence in said), said
        assert all(sentence.endswith((".", ".'")) for sentence in said), said
        assert found.findings.n_skipped == expected.skipped
        assert expected.holds(found)
        assert [path.name for path in root.iterdir()] == [found.folder.name]


def test_the_catalogue_is_large() -> None:
    assert len(CASES) >= 35
