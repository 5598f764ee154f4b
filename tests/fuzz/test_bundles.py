"""Bundles that somebody sent: whatever their manifest and their files hold, they are used or refused in a sentence."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from archsmith.bundle.graph import graph_of_bundle
from archsmith.bundle.intake import Intake
from archsmith.bundle.manifest import FILES, MANIFEST, Manifest, check_files, read
from archsmith.bundle.page import Surroundings, name_of, page
from archsmith.bundle.prediction_columns import Answers
from archsmith.bundle.predictor import Predictor
from archsmith.bundle.tables import TableIntake
from archsmith.cli.bundles import _info_rows, describe
from archsmith.core.task import Input, classification
from archsmith.data.tables.columns import Column
from archsmith.graphs.drawing import draw
from archsmith.graphs.graph import Graph

FIXTURES = Path(__file__).parents[1] / "fixtures" / "v1"
BUNDLES = [FIXTURES / "bundle_classes", FIXTURES / "bundle_numbers"]

DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]
SCALARS = [
    None,
    True,
    False,
    0,
    1,
    -1,
    3,
    2**31,
    2**63,
    10**40,
    0.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
    "",
    "a",
    "x" * 3000,
]
WORDS = [
    "image",
    "table",
    "numbers",
    "classification",
    "regression",
    "conv_stages",
    "os:system",
    "../x",
    "\ud800",
    "\x1b[31m",
    "0.5",
    "date",
    "category",
]
ODD = st.sampled_from(
    [*SCALARS, *WORDS, [], {}, [1, "a"], {"a": 1}, [[]], [None], {"type": "conv_stages", "args": {}}, DEEP]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value inside."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["set", "set", "remove", "copy"]),
        ODD,
        st.floats(0, 1, exclude_max=True),
    ),
    min_size=1,
    max_size=3,
)


def changed(data: Any, changes: Any) -> Any:
    """``data`` with some of its values set, removed, or replaced by others of its own."""
    data = copy.deepcopy(data)
    for first, kind, value, second in changes:
        found = places(data)
        if not found:
            break
        container, key = found[int(first * len(found))]
        if kind == "remove":
            del container[key]
        elif kind == "copy":
            other, where = found[int(second * len(found))]
            container[key] = copy.deepcopy(other[where])
        else:
            container[key] = copy.deepcopy(value)
    return data


def of_table() -> dict[str, Any]:
    """The manifest of a bundle of a table, with a graph that is drawn."""
    columns = (
        Column("age", "number", 0.1, 9, 1.0, 2.0, 9.0, offset=1.5),
        Column("city", "category", categories=("x", "y")),
    )
    intake = TableIntake(
        (*columns, Column("day", "number", 0.0, 9, 1.0, 2.0, 9.0, written="date")), ("city", "age", "day")
    )
    inputs = (Input("numbers", "numbers", (2,)), Input("categories", "categories", (1,), 3))
    task = classification(inputs, ("a", "b"))
    sample = json.loads((BUNDLES[0] / MANIFEST).read_text(encoding="utf-8"))
    output = {"name": "probabilities", "kind": "classification", "classes": ["a", "b"], "temperature": 1.0}
    more = {
        "format_version": 3,
        "task": task.to_dict(),
        "modality": "table",
        "inputs": intake.to_inputs(),
        "output": output,
    }
    return {**sample, **more, "facts": {**sample["facts"], "search": {"graph": graph_of_bundle(BUNDLES[0]).to_dict()}}}


MANIFESTS = [*(json.loads((folder / MANIFEST).read_text(encoding="utf-8")) for folder in BUNDLES), of_table()]


def put(folder: Path, manifest: Any, kept: Path = BUNDLES[0]) -> Path:
    for name in FILES:
        os.symlink(kept / name, folder / name)
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    (folder / MANIFEST).write_bytes(text)
    return folder


def use(folder: Path) -> None:
    """All that is done with a bundle."""
    manifest = read(folder)
    assert isinstance(manifest, Manifest)
    page(manifest, name_of(manifest), "", Surroundings("", "", "", "")).encode()
    look(manifest, folder)
    serve(manifest.intake)


def look(manifest: Manifest, folder: Path) -> None:
    """What ``bundles info`` says of it."""

    class Opened:
        is_regression, classes = manifest.is_regression, manifest.classes

    Opened.manifest, Opened.folder = manifest, folder  # type: ignore[attr-defined]
    facts = {**describe(Opened), "latency_ms": {"1": 1.0, "64": 2.0}}
    json.dumps(facts)
    assert all(isinstance(cell, str) for row in _info_rows(facts, manifest.intake, verbose=True) for cell in row)
    assert Answers(Opened, None, None, proba=True).columns


def serve(intake: Intake) -> None:
    """What it says of its inputs, and what it makes of an example."""
    said = [intake.material, intake.size, intake.takes, intake.usage, *intake.interface(), *intake.limits()]
    assert all(isinstance(text, str) for text in said)
    intake.table()
    assert intake.model_inputs
    for window in intake.windows(intake.sample(2, np.random.default_rng(0))):
        assert window.n


@pytest.mark.parametrize("data", MANIFESTS, ids=["classes", "numbers", "table"])
def test_the_good_manifests_are_used(data: Any, tmp_path: Path) -> None:
    use(put(tmp_path, data))
    assert len(graph_of_bundle(tmp_path)) > 10


@pytest.mark.parametrize("data", MANIFESTS, ids=["classes", "numbers", "table"])
def test_a_changed_manifest(data: Any, hunt: Any) -> None:
    def tried(changes: Any) -> None:
        with tempfile.TemporaryDirectory() as place:
            use(put(Path(place), changed(data, changes)))

    hunt(CHANGES, tried)


def test_a_bundle_is_drawn_or_refused(hunt: Any) -> None:
    parts = [MANIFESTS[0]["facts"], {"search": MANIFESTS[2]["facts"]["search"]}]

    def tried(example: Any) -> None:
        part, changes = example
        with tempfile.TemporaryDirectory() as place:
            folder = put(Path(place), {**MANIFESTS[0], "facts": changed(part, changes)})
            graph = graph_of_bundle(folder)
            assert isinstance(graph, Graph)
            draw(graph)

    hunt(st.tuples(st.sampled_from(parts), CHANGES), tried)


def test_an_edited_file_of_a_bundle(hunt: Any) -> None:
    """Checksums find out; the manifest itself is read or refused."""
    good = {name: (BUNDLES[0] / name).read_bytes() for name in (MANIFEST, *FILES)}

    def tried(example: Any) -> None:
        name, edit = example
        with tempfile.TemporaryDirectory() as place:
            folder = put(Path(place), good[MANIFEST])
            content = hunt.edited(good[name], *edit)
            (folder / name).unlink()
            (folder / name).write_bytes(content)
            if name != MANIFEST and content != good[name]:
                assert not hunt.once(check_files, folder)
            Predictor(folder)
            use(folder)

    hunt(st.tuples(st.sampled_from([MANIFEST, MANIFEST, *FILES]), hunt.edits), tried)


LITERALS = [
    b"1" * 5000,
    b"-" + b"9" * 5000,
    b"1e99999",
    b"NaN",
    b"[" * 10**5,
    b'{"a":' * 10**5,
    b'"\\ud800"',
    b"\xff",
    b'"\\u0000"',
    b"1" * 10**6,
]


def test_a_manifest_with_a_literal_that_no_parser_likes(hunt: Any) -> None:
    def tried(example: Any) -> None:
        data, first, literal = example
        found = copy.deepcopy(data)
        every = places(found)
        container, key = every[int(first * len(every))]
        container[key] = "HERE"
        with tempfile.TemporaryDirectory() as place:
            use(put(Path(place), json.dumps(found).encode().replace(b'"HERE"', literal)))

    hunt(st.tuples(st.sampled_from(MANIFESTS), st.floats(0, 1, exclude_max=True), st.sampled_from(LITERALS)), tried)
