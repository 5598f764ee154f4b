"""Tables that lie: CSV with bytes that are no text, cells without end, 10⁵ columns; Parquet and Arrow with bombs, odd
types and cells that name files.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hostile_inputs.kit import (
    ANSI,
    CANARY,
    CLASSES,
    DEEP,
    DIGITS,
    FORMULA,
    LONG,
    MARKUP,
    TEMPLATE,
    Act,
    Case,
    N,
    csv_text,
    family,
    fit,
    fit_file,
    imports,
    pickled,
    picture,
    predict_file,
    rows,
)

GOOD = csv_text(rows())
LINES = GOOD.splitlines(keepends=True)


def cell(value: str, column: int = 1) -> str:
    """A table with one cell of that."""
    table = rows()
    table[7][column] = value
    return csv_text(table)


def column(values: Callable[[int], str], place: int = 1) -> str:
    table = rows()
    for i, row in enumerate(table[1:]):
        row[place] = values(i)
    return csv_text(table)


def head(*names: str) -> str:
    return ",".join(names) + "\n" + "".join(LINES[1:])


TEXTS: dict[str, str | bytes | Callable[[], bytes]] = {
    "zero bytes": cell("x\0y"),
    "nothing but zero bytes": bytes(5000),
    "a mark of UTF-8 twice": b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD.encode(),
    "a mark of UTF-16 before UTF-8": b"\xff\xfe" + GOOD.encode(),
    "UTF-16 cut in a letter": GOOD.encode("utf-16")[:-1],
    "UTF-32": GOOD.encode("utf-32"),
    "UTF-7": GOOD.encode() + b"+AGEAYg-\n",
    "Latin-1 after a megabyte of UTF-8": GOOD.encode() + b"1,\xc3\xa4,n\n" * 200_000 + b"1,\xe4,n\n",
    "surrogates as UTF-8": cell("S").encode().replace(b"S", b"\xed\xa0\x80"),
    "overlong UTF-8": cell("S").encode().replace(b"S", b"\xc0\xaf"),
    "a quote that never closes": GOOD + '1,"x,n\n' + GOOD * 50,
    "a quote in the first line": '"' + GOOD,
    "a quote in a quote": GOOD + '1,"a"b"c,n\n',
    "nothing but quotes": '"' * 100_001,
    "10**5 columns": lambda: (
        ",".join(f"c{i}" for i in range(10**5)) + "\n" + (",".join("1" * 10**5) + "\n") * 3
    ).encode(),
    "10**5 columns without a name": "," * 10**5 + "\n" + ("," * 10**5 + "\n") * 3,
    "10**5 cells in one row": GOOD + "1," * 10**5 + "\n",
    "one column": "target\n" + "n\ny\n" * 30,
    "a cell of 5 MB": lambda: cell("x" * 5_000_000).encode(),
    "a heading of 5 MB": lambda: head("x" * 5_000_000, "b", "target").encode(),
    "a line of 5 MB": lambda: (GOOD + "x" * 5_000_000).encode(),
    "no rows": LINES[0],
    "one row": "".join(LINES[:2]),
    "two rows": "".join(LINES[:3]),
    "a million empty lines": GOOD + "\n" * 1_000_000,
    "returns alone": GOOD.replace("\n", "\r"),
    "blanks alone": " \t\n" * 999,
    "names that are the same": head("a", "a", "a"),
    "names of blanks": head(" ", "", "\t"),
    "names of escapes": head(ANSI, "b", "target"),
    "names of markup": head(MARKUP.replace(",", ""), "b", "target"),
    "names of templates": head(TEMPLATE, "b", "target"),
    "names of formulas": head('"' + FORMULA.replace('"', '""') + '"', "b", "target"),
    "names of dunders": head("__class__", "__reduce__", "target"),
    "names of paths": head("../../a", "/etc/passwd", "target"),
    "a target of one class": column(lambda i: "n", 2),
    "a target of all classes": column(lambda i: f"c{i}", 2),
    "a target of nothing": column(lambda i: "", 2),
    "a target of NaN": column(lambda i: "NaN", 2),
    "a target of infinities": column(lambda i: "inf", 2),
    "a target of 10**308": column(lambda i: f"{i}e307", 2),
    "a target of 5,000 digits": column(lambda i: DIGITS + str(i % 2), 2),
    "a target of dates": column(lambda i: f"2020-01-{i % 28 + 1:02}", 2),
    "a target of escapes": column(lambda i: ANSI + str(i % 2), 2),
    "a target of markup": column(lambda i: MARKUP.replace(",", "").replace('"', "'") + str(i % 2), 2),
    "a target of templates": column(lambda i: TEMPLATE + str(i % 2), 2),
    "a target of pickles": column(lambda i: f"c{CANARY}\tTrap\t.{i % 2}", 2),
    "a target of letters without end": column(lambda i: "a" * 20_000 + str(i % 2), 2),
    "numbers of 5,000 digits": column(lambda i: DIGITS, 0),
    "numbers of 10**999": column(lambda i: f"{i}e999", 0),
    "numbers of other scripts": column(lambda i: "١٢٣", 0),
    "numbers with underscores": column(lambda i: f"1_{i}", 0),
    "numbers in sixteens": column(lambda i: hex(i), 0),
    "numbers of minus nothing": column(lambda i: "-0.0", 0),
    "numbers too small": column(lambda i: f"{i}e-320", 0),
    "all numbers missing": column(lambda i: "", 0),
    "a date of the year 99999": column(lambda i: "99999-12-31", 0),
    "a date that is none": column(lambda i: "2020-02-31", 0),
    "a time zone of 99 hours": column(lambda i: "2020-01-01T00:00:00+99:00", 0),
    "one category": column(lambda i: "x"),
    "a category of each row": column(lambda i: f"x{i}"),
    "a category of the unseen": column(lambda i: "\ufffd\u0001"[i % 2]),
    "!python/object": cell("!!python/object/apply:os.system ['touch $HOSTILE_MARKS/yaml']"),
    "programs in cells": cell(f"__import__('{CANARY}')"),
    "expressions of pandas": head(f"@__import__('{CANARY}')", "b", "target"),
    "cells that name devices": column(lambda i: "/dev/zero"),
    "cells that name a page": column(lambda i: "http://127.0.0.1:9/a.png"),
    "a gzip bomb": lambda: gzip.compress(b"a,b\n" + b"1,2\n" * 20_000_000, mtime=0),
    "a gzip that is cut off": gzip.compress(GOOD.encode(), mtime=0)[:-20],
    "a gzip with rubbish behind": gzip.compress(GOOD.encode(), mtime=0) + b"rubbish",
    "a pickle called csv": pickled(),
    "an old pickle called csv": imports(),
    "a spreadsheet called csv": b"PK\x03\x04\x14\0\x06\0" + bytes(500),
    "an SQLite file called csv": b"SQLite format 3\0" + bytes(500),
    "JSON called csv": DEEP,
    "a Parquet called csv": b"PAR1" + bytes(500) + b"PAR1",
}


def tables() -> dict[str, Callable[[Path], Act]]:
    made: dict[str, Callable[[Path], Act]] = {}
    for name, content in TEXTS.items():
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        made[name] = fit_file("a.csv", data)
    return made


PATHS = {
    "paths of devices": "/dev/zero",
    "paths of passwords": "/etc/passwd",
    "paths that lead out": "../../../../../../etc/passwd",
    "paths of pages": "http://127.0.0.1:9/a.png",
    "paths of other machines": "//127.0.0.1/share/a.png",
    "paths of UNC": r"\\127.0.0.1\share\a.png",
    "paths of file:": "file:///etc/passwd",
    "paths of data:": "data:image/png;base64,AAAA",
    "paths of nobody": "~nobody123/a.png",
    "paths of the environment": "$HOME/a.png",
    "paths of commands": "|touch $HOSTILE_MARKS/pipe",
    "paths of 5,000 letters": LONG + ".png",
    "paths of escapes": ANSI.replace("/", "") + ".png",
    "paths of nothing": "",
    "paths of a folder": ".",
    "paths of zero bytes": "a\0.png",
}


def paths(text: str) -> Callable[[Path], Act]:
    lines = ["image,label", *(f'"{text}",{label}' for label in CLASSES)]
    return fit_file("a.csv", "\n".join(lines).encode())


# -- Parquet -----------------------------------------------------------------------------------------------------------


def parquet(columns: Callable[[], dict[str, Any]], **options: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        import pyarrow
        from pyarrow import parquet as files

        buffer = io.BytesIO()
        found = columns()
        table = found if isinstance(found, pyarrow.Table) else pyarrow.table(found)
        files.write_table(table, buffer, **options)
        return buffer.getvalue()

    return make


def arrow() -> bytes:
    import pyarrow

    buffer = io.BytesIO()
    table = pyarrow.table({"a": list(range(N)), "target": CLASSES})
    with pyarrow.ipc.new_file(buffer, table.schema) as file:
        file.write_table(table)
    return buffer.getvalue()


def with_column(values: Callable[[Any], Any], n: int = N) -> Callable[[], bytes]:
    def make() -> dict[str, Any]:
        import pyarrow

        return {"a": values(pyarrow), "b": [str(i % 3) for i in range(n)], "target": [CLASSES[i % N] for i in range(n)]}

    return parquet(make)


def repeated(text: str, n: int) -> Callable[[Any], Any]:
    """A few bytes on the disk, ``n`` times as much in memory."""

    def make(pyarrow: Any) -> Any:
        return pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(n, np.int32)), pyarrow.array([text]))

    return make


def meta(text: bytes) -> Callable[[], bytes]:
    def make() -> Any:
        import pyarrow

        table = pyarrow.table({"a": list(range(N)), "target": CLASSES})
        return table.replace_schema_metadata({b"pandas": text, b"huggingface": text, b"ARROW:schema": text})

    return parquet(make)


def edited(*changes: tuple[int, bytes]) -> Callable[[], bytes]:
    def make() -> bytes:
        content = bytearray(parquet(lambda: {"a": list(range(N)), "target": CLASSES})())
        for place, value in changes:
            place = place if place >= 0 else len(content) + place
            content[place : place + len(value)] = value
        return bytes(content)

    return make


def cells(*values: Any) -> Callable[[], bytes]:
    return parquet(lambda: {"image": [*values] * (N // len(values)), "label": CLASSES})


PARQUET: dict[str, Callable[[], bytes]] = {
    "a dictionary of 1 MB, 2,000 times": with_column(repeated("x" * 10**6, 2000), 2000),
    "a dictionary of 10 kB, 300,000 times": with_column(repeated("x" * 10**4, 300_000), 300_000),
    "zeros packed 1,000 times": with_column(lambda _: np.zeros(5_000_000), 5_000_000),
    "a dictionary in a table of pictures": parquet(
        lambda: {
            "image": [picture()] * 2000,
            "label": [CLASSES[i % N] for i in range(2000)],
            "note": ["x" * 10**5] * 2000,
        }
    ),
    "a dictionary of targets": parquet(lambda: {"a": list(range(2000)), "target": ["x" * 10**5, "y"] * 1000}),
    "texts packed 1,000 times": parquet(
        lambda: {"a": ["x" * 50_000] * 3000, "target": ["n", "y"] * 1500}, use_dictionary=False, compression="gzip"
    ),
    "pictures packed 1,000 times": parquet(
        lambda: {"image": [picture() + bytes(2_000_000)] * 60, "label": ["n", "y"] * 30}, compression="gzip"
    ),
    "lists in lists": with_column(lambda _: [[[[1]]]] * N),
    "mappings": with_column(lambda pa: pa.array([[("k", 1)]] * N, pa.map_(pa.string(), pa.int64()))),
    "records": with_column(lambda _: [{"x": 1, "y": {"z": [1]}}] * N),
    "unions of nothing": with_column(lambda pa: pa.nulls(N)),
    "decimals of 76 digits": with_column(lambda pa: pa.array([10**70] * N, pa.decimal256(76))),
    "durations": with_column(lambda pa: pa.array([2**62] * N, pa.duration("s"))),
    "times of nanoseconds": with_column(lambda pa: pa.array([2**63 - 1] * N, pa.timestamp("ns", "Mars/Base"))),
    "times before all": with_column(lambda pa: pa.array([-(2**62)] * N, pa.int64()).cast(pa.timestamp("us"))),
    "times of day": with_column(lambda pa: pa.array([5] * N, pa.time64("us"))),
    "half numbers": with_column(lambda pa: pa.array(np.full(N, np.nan, np.float16))),
    "bytes": with_column(lambda _: [b"\xff\x00"] * N),
    "bytes of a pickle": with_column(lambda _: [pickled()] * N),
    "bytes that are no text in a text": with_column(
        lambda pa: pa.Array.from_buffers(
            pa.string(), N, [None, pa.py_buffer(np.arange(N + 1, dtype=np.int32)), pa.py_buffer(b"\xff" * N)]
        )
    ),
    "a target of records": parquet(lambda: {"a": list(range(N)), "target": [{"x": 1}] * N}),
    "a target of bytes": parquet(lambda: {"a": list(range(N)), "target": [b"\xff", b"\0"] * (N // 2)}),
    "no columns": parquet(dict),
    "no rows": parquet(lambda: {"a": np.zeros(0), "target": np.zeros(0)}),
    "5,000 columns": parquet(lambda: {**{f"c{i}": [1, 2, 3] for i in range(5000)}, "target": ["n", "y", "n"]}),
    "names of escapes": parquet(lambda: {ANSI: list(range(N)), "target": CLASSES}),
    "names of markup": parquet(lambda: {MARKUP: list(range(N)), "target": CLASSES}),
    "names of nothing": parquet(lambda: {"": list(range(N)), "target": CLASSES}),
    "names that are the same": parquet(
        lambda: __import__("pyarrow").Table.from_arrays(
            [list(range(N)), CLASSES, CLASSES], names=["a", "target", "target"]
        )
    ),
    "metadata of brackets": meta(DEEP.encode()),
    "metadata of another kind": meta(b"[1]"),
    "metadata of a class": meta(json.dumps({"columns": [{"pandas_type": "object", "metadata": CANARY}]}).encode()),
    "metadata of an index of lies": meta(b'{"index_columns": ["nope", {"kind": "range", "start": 0, "step": 0}]}'),
    "metadata of bytes": meta(b"\xff\xfe"),
    "an extension type": parquet(
        lambda: (
            __import__("pyarrow")
            .table({"a": list(range(N)), "target": CLASSES})
            .replace_schema_metadata(
                {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": imports()}
            )
        )
    ),
    "a foot of 2 GB": edited((-8, b"\xff\xff\xff\x7f")),
    "a foot of nothing": edited((-8, bytes(4))),
    "a foot of zeros": edited((-200, bytes(150))),
    "a foot of ones": edited((-200, b"\xff" * 150)),
    "pages of zeros": edited((4, bytes(60))),
    "pages of ones": edited((4, b"\xff" * 60)),
    "a head of another": edited((0, b"PARE")),
    "an encrypted foot": edited((-4, b"PARE")),
    "a head alone": lambda: b"PAR1",
    "a head and a foot": lambda: b"PAR1PAR1",
    "Arrow called Parquet": arrow,
    "a pickle called Parquet": pickled,
    "cells of devices": cells({"bytes": None, "path": "/dev/zero"}),
    "cells of passwords": cells({"bytes": None, "path": "/etc/passwd"}),
    "cells of PostScript": cells({"bytes": b"%!PS-Adobe-3.0 EPSF-3.0\n", "path": "a.eps"}),
    "cells of nothing": cells({"bytes": b"", "path": ""}),
    "cells of two kinds": cells({"bytes": picture(), "path": None}, None),
    "cells of pickles": cells(pickled()),
    "cells of numbers": cells(7),
    "cells of texts": cells("\x89PNG"),
}


def predicted() -> dict[str, Callable[[Path], Act]]:
    """Tables of paths that a bundle of pictures is given."""
    made = {
        "no column of pictures": b"a,b\n1,2\n",
        "devices": b"image\n/dev/zero\n/dev/stdin\n",
        "passwords": b"image\n/etc/passwd\n",
        "a quote that never closes": b'image\n"a.png\n' + b"x" * 9999,
        "zero bytes": b"image\na\0.png\n",
        "a row too long": b"image\na.png,b.png\n",
        "escapes": f"image\n{ANSI}.png\n".encode(),
        "bytes that are no text": b"image\n\xff\xfe.png\n",
        "nothing": b"",
        "a heading alone": b"image\n",
        "100,000 rows of nothing": b"image\n" + b"x.png\n" * 2_000,
        "a cell of 5 MB": b"image\n" + b"x" * 5_000_000 + b".png\n",
        "paths of 5,000 letters": f"image\n{LONG}.png\n".encode(),
        "surrogates": b"image\n\xed\xa0\x80.png\n",
    }
    return {name: predict_file("a.csv", content) for name, content in made.items()}


def search_on(content: str) -> Callable[[Path], Act]:
    def make(folder: Path) -> Act:
        (folder / "a.csv").write_text(content)
        return ["search", "--data", str(folder / "a.csv"), "--trials", "1", "--workspace", str(folder / "work")]

    return make


def options() -> dict[str, Callable[[Path], Act]]:
    def given(*more: str) -> Callable[[Path], Act]:
        def make(folder: Path) -> Act:
            (folder / "a.csv").write_text(GOOD)
            return fit(folder, folder / "a.csv", *more)

        return make

    return {
        "no such target": given("--target", "nope"),
        "a target of escapes": given("--target", ANSI),
        "an empty target": given("--target", ""),
        "a target of 5,000 letters": given("--target", LONG),
        "an empty column of pictures": given("--image-column", ""),
        "a column of pictures that holds none": given("--image-column", "b"),
        "regression of texts": given("--task", "regression"),
        "an unknown task": given("--task", "nope"),
        "an unknown kind": given("--modality", "nope"),
        "pictures in a table": given("--modality", "image"),
        "a side for a table": given("--side", "8"),
    }


def cases() -> list[Case]:
    return [
        *family("CSV tables", tables()),
        *family("CSV with paths of pictures", {name: paths(text) for name, text in PATHS.items()}),
        *family("CSV to predict", predicted()),
        *family("Parquet and Arrow", {name: fit_file("a.parquet", content) for name, content in PARQUET.items()}),
        *family("options of tables", options()),
        *family(
            "search on tables", {"one class": search_on(TEXTS["a target of one class"]), "no rows": search_on(LINES[0])}
        ),  # type: ignore[arg-type]
    ]
