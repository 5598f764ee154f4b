"""Logs of studies that are damaged or were made to harm: they are shown or refused in a sentence."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from archsmith.app.entrants import entrants
from archsmith.app.standings import standings
from archsmith.app.studies import Studies
from archsmith.app.study_charts import charts
from archsmith.app.study_facts import study_facts
from archsmith.app.trial_facts import trials
from archsmith.automl.glance import at_a_glance, score_in_words, what
from archsmith.cli.opened import OpenStudy
from archsmith.cli.studies import _tell_trials, describe
from archsmith.core.records import KINDS
from archsmith.runtime.search import replayed
from archsmith.runtime.sqlite import FILE, SCHEMA, SqliteStore
from archsmith.runtime.study_view import STATES, read_view, try_view
from archsmith.runtime.workspace import Workspace

STUDIES = {
    path.parent.parent.parent.name: path for path in Path(__file__).parents[1].glob(f"fixtures/v1/*/studies/*/{FILE}")
}
Row = tuple[Any, Any, Any, Any]


def rows_of(path: Path) -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(path, Path(place) / FILE)
        connection = sqlite3.connect(Path(place) / FILE)
        try:
            return connection.execute("SELECT number, time, kind, data FROM events ORDER BY number").fetchall()
        finally:
            connection.close()


ROWS = {name: rows_of(path)[:60] for name, path in sorted(STUDIES.items())}
SCALARS = [
    None,
    True,
    0,
    1,
    -1,
    7,
    2**31,
    2**63,
    10**40,
    0.5,
    -2.5,
    1e308,
    float("inf"),
    float("-inf"),
    float("nan"),
    "",
    "a",
    "x" * 3000,
]
WORDS = [
    "ok",
    "failed",
    "score",
    "accuracy",
    "\x1b[31m",
    "\ud800",
    "finished",
    "started",
    "2026",
    "os:system",
    "conv_stages",
]
ODD = st.sampled_from([*SCALARS, *WORDS, [], {}, [1, "a"], {"a": 1}, {"a": {"b": []}}, [[]], [None]])
CELLS = st.sampled_from(
    [
        None,
        0,
        -1,
        2**62,
        1.5,
        float("inf"),
        "",
        "x",
        "null",
        "[]",
        "{}",
        "[" * 10**5,
        "1" * 5000,
        b"",
        b"\xff\xfe",
        '{"trial": 0}',
        "x" * 10**5,
    ]
)
PLACE = st.floats(0, 1, exclude_max=True)
CHANGE = st.one_of(
    st.tuples(st.just("value"), PLACE, PLACE, ODD),
    st.tuples(st.just("value"), PLACE, PLACE, ODD),
    st.tuples(st.just("key"), PLACE, PLACE, ODD),
    st.tuples(st.just("cell"), PLACE, st.sampled_from([1, 2, 3]), CELLS),
    st.tuples(st.just("kind"), PLACE, st.sampled_from([*KINDS, "new"]), st.none()),
    st.tuples(st.just("drop"), PLACE, PLACE, st.none()),
    st.tuples(st.just("again"), PLACE, PLACE, st.none()),
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value inside."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


def changed(rows: list[Row], changes: Any) -> list[Row]:
    """``rows`` with some fields, cells or whole rows changed."""
    found = [list(row) for row in rows]
    for kind, first, second, value in changes:
        if not found:
            break
        at = int(first * len(found))
        if kind in ("value", "key") and isinstance(found[at][3], str):
            found[at][3] = _inside(found[at][3], kind, second, value)
        elif kind == "cell":
            found[at][second] = value
        elif kind == "kind":
            found[at][2] = second
        elif kind == "drop":
            del found[at]
        elif kind == "again":
            found.insert(int(second * len(found)), list(found[at]))
    return [(number, *row[1:]) for number, row in enumerate(found)]


def _inside(text: str, kind: str, second: float, value: Any) -> str:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    every = places(data)
    if not every:
        return text
    container, key = every[int(second * len(every))]
    if kind == "value":
        container[key] = value
    else:
        del container[key]
    return json.dumps(data)


def written(folder: Path, rows: list[Row]) -> Path:
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / FILE, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        for statement in SCHEMA:  # columns of any type, as a file that somebody made may have them
            connection.execute(statement.replace(" NOT NULL", "").replace("time REAL", "time").replace("TEXT", ""))
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    finally:
        connection.close()
    return folder


def show(folder: Path) -> None:
    """What ``studies list``, ``studies show``, ``studies resume``, a reader of a live study, and its page do."""
    place = Workspace(folder.parent.parent)
    (summary,) = place.list()
    assert summary.state in STATES
    row = at_a_glance(summary, try_view(summary.folder))
    json.dumps(row)
    score_in_words(row), what(row)
    assert place.resolve("last") == folder
    assert try_view(folder).state in STATES
    view = read_view(folder)
    json.dumps(view.to_dict())
    report = describe(view, 10)
    json.dumps(report)
    if report["trials"]:
        with redirect_stdout(StringIO()):
            _tell_trials(report, job=True, verbose=True)
    followed = Studies(place).get(folder.name)
    for make in (study_facts, entrants, charts, standings, trials):
        json.dumps(followed.tell(make).model_dump(mode="json"), allow_nan=False)
    followed.close()
    study = OpenStudy(SqliteStore(folder))
    try:
        replayed(study.store, study.problem())
    finally:
        study.store.close()


@pytest.mark.parametrize("name", ROWS)
def test_a_changed_log(name: str, hunt: Any) -> None:
    def tried(changes: Any) -> None:
        with tempfile.TemporaryDirectory() as place:
            show(written(Path(place) / "studies" / "s", changed(ROWS[name], changes)))

    hunt(st.lists(CHANGE, min_size=1, max_size=3), tried)


def test_the_report_of_a_changed_log(hunt: Any) -> None:
    pytest.importorskip("jinja2")
    from archsmith.analysis.report import write_report

    def tried(example: Any) -> None:
        name, changes = example
        with tempfile.TemporaryDirectory() as place:
            write_report(written(Path(place) / "s", changed(ROWS[name], changes)), Path(place) / "report.html")

    hunt(st.tuples(st.sampled_from(sorted(ROWS)), st.lists(CHANGE, min_size=1, max_size=2)), tried)


def test_an_edited_database(hunt: Any) -> None:
    with tempfile.TemporaryDirectory() as place:
        content = (written(Path(place) / "s", ROWS["search"]) / FILE).read_bytes()

    def tried(example: Any) -> None:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "studies" / "s"
            folder.mkdir(parents=True)
            (folder / FILE).write_bytes(hunt.edited(content, *example))
            show(folder)

    hunt(hunt.edits, tried)
