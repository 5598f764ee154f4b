"""Every reader of tables, when networks are trained and when they predict; and settings of any type."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import fractions
import gzip
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from archsmith.automl.modality import modality_of
from archsmith.automl.settings import FitSettings
from archsmith.bundle.tables import TableIntake
from archsmith.core.errors import ArchsmithError
from archsmith.data.tables.columns import Column

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")
N = 30
COLUMNS = {
    "age": list(range(N)),
    "price": [f"{i}.5" for i in range(N)],
    "day": [f"2021-01-{1 + i % 28:02}" for i in range(N)],
    "city": ["xyz"[i % 3] for i in range(N)],
    "target": ["ab"[i % 2] for i in range(N)],
}
INTAKE = TableIntake(
    (
        Column("age", "number", 0.0, N, 0.0, 5.0, 29.0),
        Column("price", "number", 0.1, N, 0.5, 5.0, 29.5, offset=0.5),
        Column("day", "number", 0.0, 9, 1.0, 2.0, 9.0, written="date"),
        Column("city", "category", categories=("x", "y")),
    )
)


def text(separator: str = ",") -> str:
    rows = zip(*COLUMNS.values(), strict=True)
    return "\n".join(separator.join(map(str, row)) for row in [tuple(COLUMNS), *rows]) + "\n"


def parquet(columns: Any, **options: Any) -> bytes:
    from pyarrow import parquet as files

    buffer = io.BytesIO()
    files.write_table(pyarrow.table(columns), buffer, **options)
    return buffer.getvalue()


FILES = {
    "a.csv": text().encode(),
    "utf16.csv": text(";").encode("utf-16"),
    "a.tsv": text("\t").encode(),
    "a.csv.gz": gzip.compress(text().encode(), mtime=0),
    "a.parquet": parquet(COLUMNS),
    "b.parquet": parquet(COLUMNS, compression="zstd", use_dictionary=False, data_page_version="2.0"),
}


def load(source: Any, **more: Any) -> None:
    """As a job does it. What is refused leaves nothing behind."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "data"
        try:
            chosen = FitSettings(data=source, **more)
            modality_of(chosen).load(chosen, root, None, lambda *told: None)
        except ArchsmithError:
            assert not root.exists() or not list(root.iterdir()), "left behind"
            raise


def ask(path: Path) -> None:
    """As a prediction does it."""
    for window in INTAKE.asked([str(path)]).windows():
        assert window.n


@pytest.mark.parametrize("name", FILES)
def test_the_good_files_are_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    load(str(tmp_path / name))
    ask(tmp_path / name)


@pytest.mark.parametrize("name", FILES)
def test_an_edited_file(name: str, hunt: Any) -> None:
    def tried(example: Any) -> None:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / name
            path.write_bytes(hunt.edited(FILES[name], *example))
            hunt.once(ask, path)
            load(str(path))

    hunt(hunt.edits, tried)


def test_an_edited_table_in_a_gzip(hunt: Any) -> None:
    """The gzip itself is whole, so that the table is met."""

    def tried(example: Any) -> None:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "a.csv.gz"
            path.write_bytes(gzip.compress(hunt.edited(text().encode(), *example)))
            hunt.once(ask, path)
            load(str(path))

    hunt(hunt.edits, tried)


TEXTS = [
    "",
    " ",
    "a",
    "nan",
    "1",
    "1.5",
    "1,5",
    "1.234,5",
    "-0",
    "1e400",
    "inf",
    "1_0",
    "٣",
    "²",
    "007",
    "1" * 400,
    "2021-02-30",
    "9999-12-31T23:59:59Z",
]
TEXTS += [
    "0001-01-01T00:00+23:59",
    "true",
    "\x1b[31m",
    "=1+1",
    "x" * 3000,
    "\0",
    "é",
    "train",
    "a.png",
    "~nobody123/x",
    "10:30",
    "#DIV/0!",
]


def test_a_table_of_odd_texts(hunt: Any) -> None:
    cells = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4)
    headings = st.sampled_from(
        ["a", "b", "target", "label", "split", "id", "", " ", "image", "1.5", "2", "x" * 300, "a\nb", '"']
    )
    columns = st.dictionaries(headings, cells, min_size=1, max_size=4)

    def tried(example: Any) -> None:
        table, ending = example
        whole = pandas.DataFrame({name: (some * N)[:N] for name, some in table.items()})
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / f"a.{ending}"
            if ending == "csv":
                whole.to_csv(path, index=False)
            else:
                whole.to_parquet(path)
            hunt.once(ask, path)
            load(str(path), modality="table")

    hunt(st.tuples(columns, st.sampled_from(["csv", "parquet"])), tried)


TYPES = "null bool_ int8 uint64 float16 float64 string large_string binary date32 date64 timestamp:s".split()
TYPES += "timestamp:ns time32:s duration:s decimal128:38:0 list dictionary struct".split()
META = [
    None,
    {b"pandas": b"[" * 10**5 + b"]" * 10**5},
    {b"huggingface": b'{"a":' * 10**5},
    {b"pandas": b"\xff"},
    {b"huggingface": b'{"info":{"features":{"label":{"names":[1,[2]]}}}}'},
]


def column(kind: str, values: list[int]) -> Any:
    if kind == "list":
        return pyarrow.array([[value] for value in values])
    if kind == "struct":
        return pyarrow.array([{"bytes": None, "path": str(value)} for value in values])
    if kind == "dictionary":
        return pyarrow.array([str(value % 5) for value in values]).dictionary_encode()
    name, *more = kind.split(":")
    made = getattr(pyarrow, name)(*(int(word) if word.isdigit() else word for word in more))
    if name in ("string", "large_string", "binary"):
        values = [str(value).encode() if name == "binary" else str(value) for value in values]  # type: ignore[misc]
    elif name == "decimal128":
        values = [decimal.Decimal(value) for value in values]  # type: ignore[misc]
    elif name == "null":
        values = [None] * len(values)  # type: ignore[list-item]
    elif name in ("bool_", "int8", "float16"):
        values = [bool(value % 2) if name == "bool_" else value % 2 for value in values]
    return pyarrow.array(values, made)


def test_columns_of_every_type(hunt: Any) -> None:
    """As tables and as tables of pictures."""
    values = st.sampled_from([0, 1, 2, 5, 2**20, 2**30]).flatmap(lambda step: st.just([i * step for i in range(N)]))

    def tried(example: Any) -> None:
        (first, second, third), numbers, meta, heading = example
        try:
            columns = [column(kind, numbers) for kind in (first, second, third)]
        except pyarrow.ArrowException:  # numbers that are no value of that type
            return
        table = pyarrow.table(dict(zip((heading, "x", "label"), columns, strict=True)))
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "a.parquet"
            from pyarrow import parquet as files

            files.write_table(table.replace_schema_metadata(meta), path)
            hunt.once(lambda path: load(str(path), modality="image"), path)
            load(str(path), modality="table")

    kinds = st.sampled_from(TYPES)
    hunt(
        st.tuples(
            st.tuples(kinds, kinds, kinds),
            values,
            st.sampled_from(META),
            st.sampled_from(["image", "a", "path", "age"]),
        ),
        tried,
    )


THINGS: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    7,
    10**400,
    10**4000,
    2**63,
    0.5,
    float("nan"),
    float("inf"),
    1j,
    "",
    "a",
    "1",
    "\ud800",
    "x" * 100_000,
)
THINGS += (
    b"",
    b"\xff",
    (),
    [],
    {},
    {1},
    [1, [2]],
    object(),
    decimal.Decimal("sNaN"),
    decimal.Decimal(10) ** 400,
    fractions.Fraction(10**400, 3),
)
THINGS += (
    datetime.date.min,
    datetime.datetime.max,
    datetime.timedelta(1),
    datetime.time(1),
    np.timedelta64(1),
    np.datetime64("NaT"),
    np.float64(2),
)
THINGS += (
    np.zeros(3),
    np.zeros((2, 2)),
    np.array(5),
    np.array("a"),
    np.zeros(3, "V3"),
    np.zeros(2, "m8[s]"),
    np.ma.masked,
    pandas.NA,
    pandas.NaT,
)
ODD = st.integers(0, len(THINGS) - 1).map(THINGS.__getitem__)
MANY = (
    st.lists(ODD, min_size=1, max_size=3).map(lambda some: (some * N)[:N])
    | st.just(COLUMNS["age"])
    | st.just(COLUMNS["target"])
)


def test_anything_in_memory(hunt: Any) -> None:
    names = st.sampled_from(["a", "b", "target", "", "\ud800", 5, None])
    tables = st.dictionaries(names, MANY, max_size=3) | st.lists(MANY, max_size=3).map(
        lambda rows: list(map(list, zip(*rows, strict=True)))
    )
    given = tables | ODD | MANY | st.just(np.arange(2.0 * N).reshape(N, 2))
    hunt(given | st.tuples(given, MANY | ODD), lambda example: load(example, modality="table"))


def test_settings_of_any_type(hunt: Any) -> None:
    names = [entry.name for entry in dataclasses.fields(FitSettings) if entry.name != "data"]

    def tried(example: Any) -> None:
        name, value = example
        chosen = FitSettings(data="digits", **{name: value})
        assert FitSettings.from_dict(chosen.to_dict()) == chosen or value != value

    hunt(st.tuples(st.sampled_from(names), ODD), tried)
