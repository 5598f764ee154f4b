"""Logs of studies that somebody sent: files that are cut off, of later versions, of other programs; events with fields
of other kinds; names of classes to be imported; texts that would act in a report.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_inputs.bundles import KINDS, SPECS, fields
from hostile_inputs.kit import (
    ANSI,
    DEEP,
    DIGITS,
    FIXTURES,
    LONG,
    MARKUP,
    SCRIPT,
    TEMPLATE,
    Act,
    Case,
    family,
    pickled,
)

Made = Callable[[Path], Act]
Use = Callable[[Path], Act]


def shown(folder: Path) -> Act:
    return ["studies", "show", "s", "--workspace", str(folder)]


def listed(folder: Path) -> Act:
    return ["studies", "list", "--workspace", str(folder)]


def resumed(folder: Path) -> Act:
    return ["studies", "resume", "s", "--trials", "11", "--workspace", str(folder)]


def stopped(folder: Path) -> Act:
    return ["studies", "stop", "s", "--workspace", str(folder)]


def reported(folder: Path) -> Act:
    return ["report", "s", "--workspace", str(folder), "--out", str(folder / "out.html")]


def drawn(folder: Path) -> Act:
    return ["draw", "s", "--workspace", str(folder), "--out", str(folder / "out.svg")]


def written(folder: Path) -> Act:
    return ["source", "s", "--workspace", str(folder)]


def study_copy(folder: Path, which: str = "search") -> Path:
    (source,) = (FIXTURES / which / "studies").iterdir()
    target = folder / "studies" / "s"
    if which == "search":
        target.mkdir(parents=True)
        shutil.copyfile(source / "events.sqlite", target / "events.sqlite")
    else:
        shutil.copytree(source, target)
        for path in target.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
    return target / "events.sqlite"


def with_sql(*statements: tuple[str, tuple[Any, ...]], use: Use = shown, which: str = "search") -> Made:
    def make(folder: Path) -> Act:
        path = study_copy(folder, which)
        with sqlite3.connect(path) as connection:
            for trigger in ("events_are_final", "events_are_kept"):
                connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            for statement, values in statements:
                connection.execute(statement, values)
        connection.close()
        return use(folder)

    return make


def with_event(number: int, change: Callable[[Any], Any], use: Use = shown, which: str = "search") -> Made:
    """``change`` edits the data of an event, or returns others; a text is written as it is."""

    def make(folder: Path) -> Act:
        path = study_copy(folder, which)
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TRIGGER IF EXISTS events_are_final")
            (text,) = connection.execute("SELECT data FROM events WHERE number = ?", (number,)).fetchone()
            data = json.loads(text)
            changed = change(data)
            changed = data if changed is None else changed
            made = changed if isinstance(changed, str) else json.dumps(changed)
            connection.execute("UPDATE events SET data = ? WHERE number = ?", (made, number))
        connection.close()
        return use(folder)

    return make


def put(path: tuple[Any, ...], value: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return change


def every_field() -> dict[str, Made]:
    """Every second field of some events, each with one of a few kinds of JSON, in one of the commands, by turns."""
    made: dict[str, Made] = {}
    kinds, turn = list(KINDS.items()), 0
    uses: tuple[Use, ...] = (shown, reported, listed, drawn, resumed, stopped)
    for which, numbers in (("search", (0, 1, 2, 3, 4, 23)), ("classes", (0, 7, 9, 12, 14, 18, 26, 28, 32, 34, 36, 38))):
        (source,) = (FIXTURES / which / "studies").iterdir()
        connection = sqlite3.connect(f"file:{source / 'events.sqlite'}?mode=ro&immutable=1", uri=True)
        for number in numbers:
            kind, text = connection.execute("SELECT kind, data FROM events WHERE number = ?", (number,)).fetchone()
            for path in fields(json.loads(text), depth=2 if which == "classes" else 3)[:24]:
                name, value = kinds[turn % len(kinds)]
                use = uses[turn % (6 if which == "search" else 2)]
                place = ".".join(map(str, path))
                made[f"{which} {number} {kind}.{place}: {name}"] = with_event(number, put(path, value), use, which)
                turn += 1
        connection.close()
    return dict(list(made.items())[::2])


def with_bytes(change: Callable[[bytes], bytes], use: Use = shown) -> Made:
    def make(folder: Path) -> Act:
        path = study_copy(folder)
        path.write_bytes(change(path.read_bytes()))
        return use(folder)

    return make


def replaced(place: int, value: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content[:place] + value + content[place + len(value) :]


FILES: dict[str, tuple[Callable[[bytes], bytes], Use]] = {
    "cut off in a page": (lambda c: c[:6000], shown),
    "cut off in its head": (lambda c: c[:60], listed),
    "cut to half": (lambda c: c[: len(c) // 2], reported),
    "nothing": (lambda c: b"", shown),
    "a pickle": (lambda c: pickled(), shown),
    "lines of JSON": (lambda c: b'{"kind": "study"}\n' * 9, listed),
    "pages of zeros": (lambda c: c[:4096] + bytes(len(c) - 4096), shown),
    "pages of ones": (lambda c: c[:4096] + b"\xff" * (len(c) - 4096), shown),
    "a page size of nothing": (replaced(16, b"\0\0"), shown),
    "a page size of 3": (replaced(16, b"\0\3"), shown),
    "a later SQLite": (replaced(18, b"\x63\x63"), shown),
    "of another program": (replaced(68, b"\0\0\0\1"), shown),
    "a later layout": (replaced(60, b"\0\0\0\x63"), shown),
    "a layout below nothing": (replaced(60, b"\xff\xff\xff\xff"), shown),
    "text of UTF-16": (replaced(56, b"\0\0\0\2"), shown),
    "text of nothing": (replaced(56, b"\0\0\0\x09"), shown),
    "a schema of rubbish": (lambda c: c.replace(b"CREATE TABLE", b"CREATE TRASH"), shown),
    "a column less": (lambda c: c.replace(b"kind TEXT", b"kino TEXT"), shown),
    "a size in its head that lies": (replaced(28, b"\xff\xff\xff\xff"), shown),
    "free pages without end": (replaced(32, b"\0\0\0\1\xff\xff\xff\xff"), resumed),
    "resumed though cut off": (lambda c: c[:9000], resumed),
    "stopped though cut off": (lambda c: c[:9000], stopped),
}
ONE = "INSERT INTO events VALUES (?, ?, ?, ?)"
ROWS: dict[str, Made] = {
    "no events": with_sql(("DELETE FROM events", ())),
    "no first event": with_sql(("DELETE FROM events WHERE number = 0", ())),
    "no first event, resumed": with_sql(("DELETE FROM events WHERE number = 0", ()), use=resumed),
    "a gap": with_sql(("DELETE FROM events WHERE number = 3", ()), use=resumed),
    "numbers below nothing": with_sql((ONE, (-5, 1.0, "note", '{"text": "x"}'))),
    "numbers of 2**63": with_sql((ONE, (2**63 - 1, 1.0, "note", '{"text": "x"}')), use=resumed),
    "a kind of nothing": with_sql((ONE, (99, 1.0, "", "{}"))),
    "a kind of bytes": with_sql((ONE, (99, 1.0, b"\xff\xfe", "{}"))),
    "a kind of escapes": with_sql((ONE, (99, 1.0, ANSI, "{}"))),
    "data of bytes": with_sql((ONE, (99, 1.0, "note", b"\xff\xfe"))),
    "a time of text": with_sql((ONE, (99, "soon", "note", '{"text": "x"}'))),
    "a time of infinity": with_sql((ONE, (99, 9e999, "note", '{"text": "x"}'))),
    "a time below nothing": with_sql((ONE, (99, -9e99, "note", '{"text": "x"}'))),
    "100,000 events": with_sql(
        (
            "WITH RECURSIVE c(x) AS (SELECT 100 UNION ALL SELECT x+1 FROM c WHERE x<100000) INSERT INTO events "
            "SELECT x, 1.0, 'note', '{\"text\": \"x\"}' FROM c",
            (),
        ),
        use=listed,
    ),
    "an event of 50 MB": with_sql((ONE, (99, 1.0, "note", json.dumps({"text": "x" * 50_000_000}))), use=shown),
    "a view that never ends": with_sql(
        ("ALTER TABLE events RENAME TO old", ()),
        (
            "CREATE VIEW events AS WITH RECURSIVE c(number) AS (SELECT 1 UNION ALL SELECT number+1 FROM c) "
            "SELECT number, 1.0 AS time, 'note' AS kind, '{}' AS data FROM c",
            (),
        ),
        use=listed,
    ),
    "a view that reads a file": with_sql(
        ("ALTER TABLE events RENAME TO old", ()),
        ("CREATE VIEW events AS SELECT 0 AS number, 1.0 AS time, 'study' AS kind, readfile('/etc/passwd') AS data", ()),
    ),
    "a trigger on commands": with_sql(
        ("CREATE TRIGGER t AFTER INSERT ON commands BEGIN SELECT load_extension('x'); END", ()), use=stopped
    ),
    "a column that is made": with_sql(
        ("DROP TABLE events", ()),
        ("CREATE TABLE events (number INTEGER, time REAL, kind TEXT, data TEXT AS (hex(zeroblob(100000000))))", ()),
        ("INSERT INTO events VALUES (0, 1.0, 'study')", ()),
    ),
    "no table of commands": with_sql(("DROP TABLE commands", ()), use=resumed),
    "commands of the unknown": with_sql(
        ("INSERT INTO commands (time, name, args) VALUES (1.0, 'run', '{\"x\": \"os:system\"}')", ()), use=resumed
    ),
}


def of_events(number: int, **changes: tuple[Callable[[Any], Any], Use]) -> dict[str, Made]:
    return {name.replace("_", " "): with_event(number, *change) for name, change in changes.items()}


def first(**values: Any) -> Callable[[Any], None]:
    return lambda data: data.update(values)


WHOLE: dict[str, Made] = {
    "deep brackets": with_event(3, lambda _: DEEP),
    "deep brackets, resumed": with_event(3, lambda _: DEEP, resumed),
    "5,000 digits": with_event(4, lambda _: '{"trial": ' + DIGITS + "}"),
    "NaN for a score": with_event(4, put(("outcome", "metrics", "accuracy"), float("nan"))),
    "infinity for a score": with_event(4, put(("outcome", "metrics", "accuracy"), float("inf")), reported),
    "10**400 for a score": with_event(4, put(("outcome", "metrics", "accuracy"), 10**400), reported),
    "10**300 for a score": with_event(4, put(("outcome", "metrics", "accuracy"), 1e300), reported),
    "a truth for a score": with_event(4, put(("outcome", "metrics", "accuracy"), True), reported),
    "a score of nobody": with_event(4, put(("outcome", "metrics", MARKUP), 0.5), reported),
    "a trial of 2**63": with_event(4, put(("trial",), 2**63)),
    "a trial of minus one": with_event(4, put(("trial",), -1), reported),
    "a trial finished twice": with_event(6, put(("trial",), 0), reported),
    "a million trials in an event": with_event(
        3, lambda d: put(("trials",), [{**d["trials"][0], "id": i} for i in range(20_000)])(d), listed
    ),
    "parents that are not there": with_event(5, put(("trials", 0, "parents"), [99, -1]), reported),
    "a trial that is its own parent": with_event(5, put(("trials", 0, "parents"), [1]), reported),
    "a fidelity of infinity": with_event(3, put(("trials", 0, "fidelity"), float("inf")), reported),
    "an architecture of lists": with_event(3, put(("trials", 0, "architecture", "stages"), [2]), drawn),
    "an architecture of markup": with_event(3, put(("trials", 0, "architecture", MARKUP), MARKUP), reported),
    "an architecture of 10**9 stages": with_event(3, put(("trials", 0, "architecture", "stages"), 10**9), drawn),
    "a later format": with_event(0, first(format=99)),
    "a format of nothing": with_event(0, first(format=0)),
    "a format below nothing": with_event(0, first(format=-5)),
    "a format that is a text": with_event(0, first(format="1")),
    "two first events": with_sql(
        ("INSERT INTO events SELECT 24, time, kind, data FROM events WHERE number = 0", ()), use=resumed
    ),
    "a reason of markup": with_event(23, put(("reason",), MARKUP), reported),
    "a reason of escapes": with_event(23, put(("reason",), ANSI), shown),
    "a reason of escapes, listed": with_event(23, put(("reason",), ANSI), listed),
    "seconds below nothing": with_event(23, put(("seconds",), -9e99), reported),
    "a budget of texts": with_event(1, put(("budget",), ["x", "y"]), resumed),
    "a budget of infinity": with_event(1, put(("budget",), [float("inf"), None]), resumed),
    "a host of markup": with_event(1, put(("host",), MARKUP), reported),
}


def with_specs() -> dict[str, Made]:
    """The log names classes: they must not be imported, whatever is done with it."""
    made: dict[str, Made] = {}
    uses: tuple[Use, ...] = (shown, resumed, drawn, reported, listed, written)
    for i, (name, spec) in enumerate(SPECS.items()):
        for j, part in enumerate(("space", "strategy", "evaluator")):
            use = uses[(i + j) % len(uses)] if j != 2 else resumed
            made[f"{part}: {name}"] = with_event(0, first(**{part: spec}), use)
    return made


TEXTS = {"markup": MARKUP, "a script": SCRIPT, "templates": TEMPLATE, "escapes": ANSI, "5,000 letters": LONG}
PLACES: dict[str, tuple[int, tuple[Any, ...]]] = {
    "a note": (2, ("text",)),
    "a phase": (8, ("detail",)),
    "the name of a phase": (8, ("name",)),
    "a network": (26, ("network",)),
    "the study's own data": (0, ("fit", "data")),
    "the command": (0, ("fit", "command")),
}


def with_texts() -> dict[str, Made]:
    """Texts that would act, in the report of a job."""
    return {
        f"{text} as {place}": with_event(number, put(path, value), reported if text != "escapes" else shown, "classes")
        for place, (number, path) in PLACES.items()
        for text, value in TEXTS.items()
    }


def everywhere(value: str, use: Use) -> Made:
    """Every text of every event is that one, where it is not a name that has to be known."""

    def spoilt(found: Any, key: str = "") -> Any:
        if isinstance(found, dict):
            return {name: spoilt(inner, name) for name, inner in found.items()}
        if isinstance(found, list):
            return [spoilt(inner) for inner in found]
        keep = key in ("type", "status", "state", "name", "kind", "path", "dataset", "metric", "modality", "loss")
        return found if not isinstance(found, str) or keep else value

    def make(folder: Path) -> Act:
        path = study_copy(folder, "classes")
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TRIGGER IF EXISTS events_are_final")
            for number, text in connection.execute("SELECT number, data FROM events WHERE number > 0").fetchall():
                data = json.dumps(spoilt(json.loads(text)))
                connection.execute("UPDATE events SET data = ? WHERE number = ?", (data, number))
        connection.close()
        return use(folder)

    return make


def cases() -> list[Case]:
    files = {name: with_bytes(change, use) for name, (change, use) in FILES.items()}
    texts = with_texts() | {
        "markup everywhere": everywhere(MARKUP, reported),
        "escapes everywhere": everywhere(ANSI, shown),
        "templates everywhere": everywhere(TEMPLATE, reported),
        "escapes everywhere, listed": everywhere(ANSI, listed),
    }
    return [
        *family("logs, each field", every_field()),
        *family("logs as files", files | ROWS),
        *family("events of logs", WHOLE),
        *family("classes named in logs", with_specs()),
        *family("texts that would act in a report", texts),
    ]
