"""Benchmark tables that lie, plug-ins that fail, and whatever Python may be given."""

from __future__ import annotations

import importlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hostile_inputs.arrays import HEADS, objects
from hostile_inputs.kit import (
    ANSI,
    BUNDLE,
    CANARY,
    CLASSES,
    DEEP,
    DIGITS,
    LONG,
    MARKUP,
    Act,
    Bomb,
    Case,
    family,
    images,
    npy,
    pickled,
    zipped,
)

Made = Callable[[Path], Act]

Made = Callable[[Path], Act]

# -- files of benchmark tables -----------------------------------------------------------------------------------------

TABLE: dict[str, Any] = {
    "format": np.array("archsmith table 1"),
    "paths": np.array(["a", "b"]),
    "options": np.array(["[1, 2]", '["x", "y"]']),
    "answers": np.array([[0, 0], [0, 1], [1, 0], [1, 1]]),
    "fidelity": np.array("epochs"),
    "fidelities": np.array([1.0]),
    "seconds": np.ones((4, 1)),
    "metrics": np.array(["accuracy"]),
    "metric_accuracy": np.arange(4.0).reshape(4, 1, 1) / 4,
}


def table(**changes: Any) -> bytes:
    members = {
        f"{name}.npy": value if isinstance(value, bytes) else npy(value) for name, value in {**TABLE, **changes}.items()
    }
    return zipped({name: content for name, content in members.items() if content != npy(None)}, zipfile.ZIP_DEFLATED)


def bench(content: bytes) -> Made:
    def make(folder: Path) -> Act:
        (folder / "t.npz").write_bytes(content)
        return ["search", "--bench", str(folder / "t.npz"), "--trials", "3", "--workspace", str(folder / "work")]

    return make


TABLES: dict[str, bytes] = {
    "a pickle for answers": table(answers=objects(*[Bomb()] * 4)),
    "a pickle for paths": table(paths=objects(Bomb(), Bomb())),
    "a pickle for its format": table(format=objects(Bomb())),
    "options of brackets": table(options=np.array([DEEP, "[1]"])),
    "options of code": table(options=np.array([f"__import__('{CANARY}')", "[1]"])),
    "options of 5,000 digits": table(options=np.array([f"[{DIGITS}, 1]", '["x", "y"]'])),
    "options of NaN": table(options=np.array(["[NaN, 1]", '["x", "y"]'])),
    "options of mappings": table(options=np.array(["[{}, 1]", '["x", "y"]'])),
    "answers beyond the end": table(answers=np.array([[9, 0]] * 4)),
    "answers below nothing": table(answers=np.array([[-9, 0]] * 4)),
    "answers of one row": table(answers=np.array([[0, 0]] * 4)),
    "answers of fractions": table(answers=np.full((4, 2), 0.5)),
    "scores of NaN": table(metric_accuracy=np.full((4, 1, 1), np.nan)),
    "scores of infinity": table(metric_accuracy=np.full((4, 1, 1), np.inf)),
    "scores of texts": table(metric_accuracy=np.full((4, 1, 1), "x")),
    "scores of other rows": table(metric_accuracy=np.ones((9, 1, 1))),
    "seconds below nothing": table(seconds=-np.ones((4, 1))),
    "seconds of infinity": table(seconds=np.full((4, 1), np.inf)),
    "metrics of markup": table(metrics=np.array([MARKUP])),
    "metrics of paths": table(metrics=np.array(["../../x"])),
    "paths of escapes": table(paths=np.array([ANSI, "b"])),
    "paths of markup": table(paths=np.array([MARKUP, "b"])),
    "a fidelity of escapes": table(fidelity=np.array(ANSI)),
    "fidelities backwards": table(fidelities=np.array([-1.0])),
    "another format": table(format=np.array("archsmith table 99")),
    "no answers": table(answers=np.zeros((0, 2), int), seconds=np.zeros((0, 1)), metric_accuracy=np.zeros((0, 1, 1))),
    "heads that lie": table(answers=HEADS["shape of 2**64"]),
    "heads that call": table(answers=HEADS["shape that calls"]),
    "a pickle": pickled(),
    "nothing": b"",
    "no zip": b"PK\3\4" + bytes(99),
}


def remembered(content: bytes) -> Made:
    def make(folder: Path) -> Act:
        from archsmith.cli.benches import REMEMBERED

        (folder / "work").mkdir()
        (folder / "work" / REMEMBERED).write_bytes(content)
        return ["search", "--bench", "nas-bench-201", "--trials", "2", "--workspace", str(folder / "work")]

    return make


REMEMBERED_FILES = {
    "brackets": DEEP.encode(),
    "nothing": b"",
    "no text": b"\xff",
    "a list": b"[1]",
    "5,000 digits": DIGITS.encode(),
    "a device": b'{"nas-bench-201": "/dev/zero"}',
    "a path of 5,000 letters": json.dumps({"nas-bench-201": LONG}).encode(),
    "a zero byte": b'{"nas-bench-201": "a\\u0000b"}',
    "a mapping": b'{"nas-bench-201": {"x": 1}}',
    "passwords": b'{"nas-bench-201": "/etc/passwd"}',
}


# -- plug-ins ----------------------------------------------------------------------------------------------------------

PLUGINS = {
    "a module that is not there": ("nope_nope:Nope", ("size", "hostile")),
    "a module that fails": (f"{CANARY}_failing:Nope", ("catalog", "space")),
    "a class that is none": ("os:system", ("size", "hostile")),
    "a module above": ("..x:Y", ("catalog", "space")),
    "nothing": ("", ("catalog", "space")),
    "no class": ("os", ("size", "hostile")),
    "no space": ("builtins:dict", ("size", "hostile")),
    "a name of ours": ("nope_nope:Nope", ("size", "nasnet")),
    "escapes": (ANSI.replace("\n", ""), ("catalog", "space")),
    "a doctor's look": ("nope_nope:Nope", ("doctor",)),
}


def plugin(value: str, command: tuple[str, ...]) -> Made:
    """A package that is installed offers a space; where it fails, the commands go on."""

    def make(folder: Path) -> Act:
        import sys

        place = folder / "site" / "hostile_plugin-1.0.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile-plugin\nVersion: 1.0\n")
        name = "nasnet" if command[-1] == "nasnet" else "hostile"
        (place / "entry_points.txt").write_text(f"[archsmith.space]\n{name} = {value}\n", errors="replace")
        sys.path.insert(0, str(folder / "site"))
        importlib.invalidate_caches()
        return list(command)

    return make


# -- Python ------------------------------------------------------------------------------------------------------------


def python(call: Callable[[Path], Any]) -> Made:
    return lambda folder: lambda: call(folder)


def classifier(folder: Path, **given: Any) -> Any:
    from archsmith import ImageClassifier

    return ImageClassifier(**{"trials": 1, "workspace": str(folder / "work"), "pretrained": False, **given})


def predictor(folder: Path) -> Any:
    from archsmith.bundle.predictor import Predictor

    return Predictor(BUNDLE, threads=1)


GIVEN: dict[str, Any] = {
    "a text": "nope",
    "bytes": b"nope",
    "None": None,
    "a number": 5,
    "an object": object(),
    "a bomb": Bomb(),
    "an array of bombs": np.array([Bomb()] * 40, object),
    "an array of texts": np.array(["x"] * 40),
    "an array of NaN": np.full((40, 6, 5), np.nan),
    "no pictures": np.zeros((0, 6, 5), np.uint8),
    "nine axes": np.zeros((4,) + (1,) * 8, np.uint8),
    "lists without end": [[[[[]]]]],
    "a mapping": {"a": 1},
    "a set": {1, 2},
    "a generator": (i for i in range(3)),
    "a class": dict,
    "complex numbers": np.zeros((40, 6, 5), complex),
    "numbers of 10**400": [[[10**400]]] * 40,
    "a memory view": memoryview(b"abc"),
    "zero bytes": "a\0b",
    "a surrogate": "\ud800",
}


def of_python() -> dict[str, Made]:
    made: dict[str, Made] = {}
    for name, value in GIVEN.items():
        made[f"ImageClassifier.fit, {name}"] = python(lambda f, v=value: classifier(f).fit(v, CLASSES))
        made[f"Predictor.predict, {name}"] = python(lambda f, v=value: predictor(f).predict(v))
    for name, value in list(GIVEN.items())[:9]:
        made[f"ImageClassifier.fit, labels: {name}"] = python(lambda f, v=value: classifier(f).fit(images(), v))
        made[f"Predictor of {name}"] = python(
            lambda f, v=value: __import__("archsmith.bundle.predictor", fromlist=["x"]).Predictor(v)
        )
    for name, option in {
        "time of NaN": {"time": float("nan")},
        "time of a text": {"time": "soon"},
        "time below nothing": {"time": -5},
        "seed of a text": {"seed": "x"},
        "seed below nothing": {"seed": -1},
        "trials of nothing": {"trials": 0},
        "side of 10**9": {"side": 10**9},
        "a space of code": {"space": f"{CANARY}_nope:X"},
        "an unknown option": {"nope": 1},
        "workers of 10**9": {"workers": 10**9},
        "a device of nobody": {"device": "tpu:9"},
        "memory of nothing": {"memory_mb": 0},
    }.items():
        made[f"ImageClassifier, {name}"] = python(lambda f, o=option: classifier(f, **o).fit(images(), CLASSES))
    return made


def cases() -> list[Case]:
    return [
        *family("benchmark tables", {name: bench(content) for name, content in TABLES.items()}),
        *family("remembered benchmark files", {n: remembered(c) for n, c in REMEMBERED_FILES.items()}),
        *family("plug-ins", {name: plugin(*given) for name, given in PLUGINS.items()}),
        *family("Python", of_python()),
    ]
