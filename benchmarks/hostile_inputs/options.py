"""Every option of every command with absurd values, and parts that a person names: classes, modules, settings, files of
benchmark tables.
"""

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
    FIXTURES,
    LABELS,
    LONG,
    MARKUP,
    Act,
    Bomb,
    Case,
    family,
    images,
    npy,
    pickled,
    words,
    zipped,
)

Made = Callable[[Path], Act]
ABSURD = ("", "-1", "0", "1e999", "nan", "٣", "1_0", "0x10", DIGITS, "../case/x", ANSI, LONG)
STUDY = str(FIXTURES / "search" / "studies" / "search-20261129-040151")

# each command with what it needs, and its options; values are given to them by turns
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "fit": (
        ("fit", "@/a.npz", "--workspace", "@/work", "--no-pretrained", "--trials", "1", "--set", "recipe.epochs=1"),
        ("--time", "--trials", "--out", "--workspace", "--seed", "--modality", "--space", "--strategy", "--weights",
         "--workers", "--name", "--task", "--image-column", "--target", "--side", "--pretrained-weights", "--device",
         "--memory-mb", "--disk-mb", "--set"),
    ),
    "predict": (("predict", "%", "@/a.png"), ("--top", "--out", "--image-column")),
    "evaluate": (("evaluate", "%", "@/a.npz"), ("--split", "--image-column", "--target")),
    "search": (
        ("search", "--workspace", "@/work", "--trials", "2"),
        ("--space", "--strategy", "--evaluator", "--bench", "--bench-file", "--dataset", "--data", "--target",
         "--epochs", "--maximize", "--minimize", "--limit", "--trials", "--time", "--seed", "--set", "--workers",
         "--name", "--workspace"),
    ),
    "compare": (
        ("compare", "--workspace", "@/work", "--bench", "digits", "--trials", "2", "--runs", "1", "--strategies",
         "random"),
        ("--bench", "--evaluator", "--space", "--strategies", "--seconds", "--trials", "--runs", "--seed", "--workers",
         "--reference", "--target", "--report", "--maximize", "--limit", "--set", "--out", "--name"),
    ),
    "report": (("report", STUDY, "--out", "@/out.html"), ("--out", "--workspace")),
    "draw": (
        ("draw", "nasnet_a", "--out", "@/out.svg"),
        ("--cell", "--depth", "--out", "--trial", "--space", "--seed", "--set", "--workspace"),
    ),
    "source": (("source", "--space", "conv_stages"), ("--out", "--trial", "--space", "--seed", "--set", "--workspace")),
    "catalog": (("catalog",), ()),
    "size": (("size", "nasbench201"), ("--walks", "--set")),
    "doctor": (("doctor",), ("--workspace",)),
    "studies list": (("studies", "list", "--workspace", "@/work"), ("--workspace", "--limit")),
    "studies show": (("studies", "show", STUDY), ("--workspace", "--limit")),
    "studies resume": (("studies", "resume", "s", "--workspace", "@"), ("--time", "--trials", "--workers")),
    "studies stop": (("studies", "stop", "--workspace", "@"), ("--workspace",)),
    "bundles info": (("bundles", "info", "%"), ("--threads",)),
}  # fmt: skip


def prepared(folder: Path) -> None:
    """The data and the study that the commands above name."""
    from hostile_inputs.kit import picture
    from hostile_inputs.studies import study_copy

    np.savez(folder / "a.npz", images=images(), labels=LABELS)
    (folder / "a.png").write_bytes(picture())
    study_copy(folder)


def with_option(base: tuple[str, ...], option: str, value: str) -> Made:
    made = words(*base, f"{option}={value}")

    def make(folder: Path) -> Act:
        prepared(folder)
        return made(folder)

    return make


def absurd() -> dict[str, Made]:
    made: dict[str, Made] = {}
    turn = 0
    for command, (base, options) in COMMANDS.items():
        for option in options:
            for _ in range(3):
                value = ABSURD[turn % len(ABSURD)]
                shown = repr(value if len(value) < 30 else f"{value[:3]} × {len(value)}")
                made[f"{command} {option} {shown}"] = with_option(base, option, value)
                turn += 1
            turn += 1
    return made


ARGUMENTS = {
    "nothing": (), "an empty word": ("",), "a command of escapes": (ANSI,), "a command of 5,000 letters": (LONG,),
    "an option of nobody": ("--nope",), "a help of nobody": ("nope", "--help"), "two dashes": ("--",),
    "a module of nothing": ("--import", "", "zoo"), "a module above": ("--import", ".x", "zoo"),
    "a module and a class": ("--import", "os:system", "zoo"), "a module of escapes": ("--import", ANSI, "zoo"),
    "a module of 5,000 letters": ("--import", LONG, "zoo"), "a module of dots": ("--import", "...", "zoo"),
    "a module that is a path": ("--import", "/etc/passwd", "zoo"), "a module of digits": ("--import", "1", "zoo"),
    "fit of nothing": ("fit", ""), "fit of 5,000 letters": ("fit", LONG), "fit of escapes": ("fit", ANSI),
    "fit of an address": ("fit", "http://127.0.0.1:9/a.csv"), "fit of S3": ("fit", "s3://a/b.csv"),
    "fit of a star": ("fit", "*"), "fit of a dash": ("fit", "-"), "fit of an option": ("fit", "--", "--time"),
    "fit of the home of nobody": ("fit", "~nobody123/x"), "fit of a pipe of the shell": ("fit", "|touch x"),
    "draw of 5,000 letters": ("draw", LONG), "draw of nothing": ("draw", ""), "draw of escapes": ("draw", ANSI),
    "draw of a path above": ("draw", "../" * 50), "source of 5,000 letters": ("source", LONG),
    "draw of a class": ("draw", "--space", f"archsmith.core.space:Space"), "draw of no class": ("draw", "--space", ":"),
    "draw of a class above": ("draw", "--space", "..x:Y"), "draw of a function": ("draw", "--space", "os:system"),
    "draw of a foreign module": ("draw", "--space", "antigravity_nope:X"), "draw of a class of int": ("draw", "--space", "builtins:int"),
    "size of nothing": ("size", ""), "size of 5,000 letters": ("size", LONG), "size of escapes": ("size", ANSI),
    "size of a class of ours": ("size", "archsmith.core.problem:Problem"), "size of dict": ("size", "builtins:dict"),
    "catalog of nothing": ("catalog", ""), "catalog of escapes": ("catalog", ANSI), "catalog of 5,000 letters": ("catalog", LONG),
    "report of nothing": ("report", ""), "report of 5,000 letters": ("report", LONG), "report of escapes": ("report", ANSI),
    "report of a path above": ("report", "../../../etc"), "studies of a star": ("studies", "show", "*"),
    "studies of 5,000 letters": ("studies", "show", LONG), "resume of nothing": ("studies", "resume", ""),
    "stop of 5,000 letters": ("studies", "stop", LONG), "bundles of nothing": ("bundles", "info", ""),
    "bundles of 5,000 letters": ("bundles", "info", LONG), "bundles of escapes": ("bundles", "info", ANSI),
    "predict with 5,000 letters": ("predict", LONG, "a.png"), "predict of 5,000 letters": ("predict", "%", LONG),
    "predict of nothing": ("predict", "%", ""), "predict of escapes": ("predict", "%", ANSI),
    "predict of 2,000 files": ("predict", "%", *["nope.png"] * 2000), "evaluate on nothing": ("evaluate", "%", ""),
    "evaluate on 5,000 letters": ("evaluate", "%", LONG), "a surrogate": ("fit", "\ud800"),
    "bytes that are no text": ("fit", "\udcff\udcfe"), "bytes that are no text, drawn": ("draw", "\udcff"),
    "bytes that are no text, shown": ("studies", "show", "\udcff"), "bytes that are no text, predicted": ("predict", "%", "\udcff.png"),
}  # fmt: skip

SETTINGS = {
    "nothing": "", "no equals": "strategy.population", "no dot": "x=1", "dots": "....=1", "an empty name": ".x=1",
    "a dunder": "space.__class__=1", "deep brackets": f"space.blocks={DEEP[:60_000]}", "5,000 digits": f"space.blocks={DIGITS}",
    "10**400": "space.blocks=1" + "0" * 400, "NaN": "space.blocks=NaN", "infinity": "space.blocks=Infinity",
    "a spec of code": 'space.recipe={"type": "%s:Trap", "args": {}}' % CANARY, "a list": "space.blocks=[1]",
    "a mapping": 'space.blocks={"x": 1}', "null": "space.blocks=null", "truth": "space.blocks=true",
    "escapes": f"space.{ANSI}=1", "5,000 letters": f"space.{LONG}=1", "minus one": "space.blocks=-1",
    "10**9": "space.blocks=1000000000", "zero": "space.blocks=0", "a text": "space.blocks=many",
    "dots in dots": "space" + ".x" * 5000 + "=1", "a fraction": "space.blocks=1.5",
}  # fmt: skip
SPACES = ("nasnet", "conv_stages", "grammar", "darts", "enas_macro")
SPACE_SETTINGS = {
    "input_shape of nothing": "space.input_shape=[]", "input_shape of zeros": "space.input_shape=[0,0,0]",
    "input_shape below nothing": "space.input_shape=[-3,-8,-8]", "input_shape of 10**9": "space.input_shape=[3,1000000000,1000000000]",
    "input_shape of texts": 'space.input_shape=["a","b","c"]', "input_shape of ten axes": "space.input_shape=[1,1,1,1,1,1,1,1,1,1]",
    "n_outputs of nothing": "space.n_outputs=0", "n_outputs below nothing": "space.n_outputs=-1", "n_outputs of 10**12": "space.n_outputs=1000000000000",
    "n_outputs of truth": "space.n_outputs=true", "a scale of 10**9": "space.scale.filters=1000000000", "a scale of minus one": "space.scale.filters=-1",
    "a scale of nothing": "space.scale.filters=0", "a scale of a text": "space.scale=x", "a scale of a list": "space.scale=[1,2]",
    "a scale of 10**9 cells": "space.scale.cells=1000000000",
}  # fmt: skip


def spaces() -> dict[str, Made]:
    made: dict[str, Made] = {}
    for i, (name, text) in enumerate(SPACE_SETTINGS.items()):
        for space in (SPACES[i % 5], SPACES[(i + 2) % 5]):
            made[f"{space}, {name}"] = words(
                "draw", "--space", space, "--seed", "1", "--out", "@/out.svg", "--set", text
            )
    return made


# -- files of benchmark tables -----------------------------------------------------------------------------------------

TABLE: dict[str, Any] = {
    "format": np.array("archsmith table 1"), "paths": np.array(["a", "b"]), "options": np.array(["[1, 2]", '["x", "y"]']),
    "answers": np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), "fidelity": np.array("epochs"), "fidelities": np.array([1.0]),
    "seconds": np.ones((4, 1)), "metrics": np.array(["accuracy"]), "metric_accuracy": np.arange(4.0).reshape(4, 1, 1) / 4,
}  # fmt: skip


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
    "brackets": DEEP.encode(), "nothing": b"", "no text": b"\xff", "a list": b"[1]", "5,000 digits": DIGITS.encode(),
    "a device": b'{"nas-bench-201": "/dev/zero"}', "a path of 5,000 letters": json.dumps({"nas-bench-201": LONG}).encode(),
    "a zero byte": b'{"nas-bench-201": "a\\u0000b"}', "a mapping": b'{"nas-bench-201": {"x": 1}}', "passwords": b'{"nas-bench-201": "/etc/passwd"}',
}  # fmt: skip


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
    "a text": "nope", "bytes": b"nope", "None": None, "a number": 5, "an object": object(), "a bomb": Bomb(),
    "an array of bombs": np.array([Bomb()] * 40, object), "an array of texts": np.array(["x"] * 40),
    "an array of NaN": np.full((40, 6, 5), np.nan), "no pictures": np.zeros((0, 6, 5), np.uint8),
    "nine axes": np.zeros((4,) + (1,) * 8, np.uint8), "lists without end": [[[[[]]]]], "a mapping": {"a": 1}, "a set": {1, 2},
    "a generator": (i for i in range(3)), "a class": dict, "complex numbers": np.zeros((40, 6, 5), complex),
    "numbers of 10**400": [[[10**400]]] * 40, "a memory view": memoryview(b"abc"), "zero bytes": "a\0b", "a surrogate": "\ud800",
}  # fmt: skip


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
        "time of NaN": {"time": float("nan")}, "time of a text": {"time": "soon"}, "time below nothing": {"time": -5},
        "seed of a text": {"seed": "x"}, "seed below nothing": {"seed": -1}, "trials of nothing": {"trials": 0},
        "side of 10**9": {"side": 10**9}, "a space of code": {"space": f"{CANARY}_nope:X"}, "an unknown option": {"nope": 1},
        "workers of 10**9": {"workers": 10**9}, "a device of nobody": {"device": "tpu:9"}, "memory of nothing": {"memory_mb": 0},
    }.items():  # fmt: skip
        made[f"ImageClassifier, {name}"] = python(lambda f, o=option: classifier(f, **o).fit(images(), CLASSES))
    return made


def cases() -> list[Case]:
    settings = {name: words("size", "pnas", f"--set={text}") for name, text in SETTINGS.items()}
    return [
        *family("options with absurd values", absurd()),
        *family("arguments", {name: words(*given) for name, given in ARGUMENTS.items()}),
        *family("settings", settings | spaces()),
        *family("benchmark tables", {name: bench(content) for name, content in TABLES.items()}),
        *family("remembered benchmark files", {n: remembered(c) for n, c in REMEMBERED_FILES.items()}),
        *family("plug-ins", {name: plugin(*given) for name, given in PLUGINS.items()}),
        *family("Python", of_python()),
    ]
