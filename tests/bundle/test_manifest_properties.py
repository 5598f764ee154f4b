"""Whatever happens to the files of a bundle, it is read as it was or refused in a sentence."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsmith.bundle.images import ImageIntake
from archsmith.bundle.intake import Intake
from archsmith.bundle.manifest import FILES, MANIFEST, Facts, Manifest, check_files, read
from archsmith.bundle.output import ModelOutput
from archsmith.bundle.predictor import Predictor
from archsmith.bundle.tables import TableIntake
from archsmith.core.errors import UsageError
from archsmith.core.task import Input, classification, regression
from archsmith.data.tables.columns import Column
from archsmith.data.tables.encode import encode
from archsmith.data.tables.examples import TableExamples

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(1e-6, 1e6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def image_intakes(draw: st.DrawFn) -> ImageIntake:
    channels, side = draw(st.sampled_from([1, 3])), draw(st.integers(1, 512))
    statistics = st.lists(POSITIVE, min_size=channels, max_size=channels)
    return ImageIntake.of_shape((channels, side, side), draw(statistics), draw(statistics))


@st.composite
def table_intakes(draw: st.DrawFn) -> TableIntake:
    columns = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=5, unique=True)):
        if draw(st.booleans()):
            written = draw(st.sampled_from(["plain", "date"]))
            columns.append(Column(name, "number", 0.1, 3, 1.0, draw(FINITE), 9.0, offset=draw(FINITE), written=written))
        else:
            texts = tuple(draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)))
            columns.append(Column(name, "category", categories=texts, top=((texts[0], 0.5),)))
    return TableIntake(tuple(columns))


def inputs_of(intake: Intake) -> tuple[Input, ...]:
    """What a task of that intake takes."""
    if isinstance(intake, ImageIntake):
        return (Input("image", "image", intake.shape),)
    assert isinstance(intake, TableIntake)
    nothing = np.zeros(0)
    encoded = encode(intake.columns, {column.name: () for column in intake.columns})
    return TableExamples.of(encoded, nothing, (), intake.columns).inputs


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    intake: Intake = draw(image_intakes() | table_intakes())
    inputs = inputs_of(intake)
    if draw(st.booleans()):
        task = regression(inputs, draw(NAMES))
        output = ModelOutput.of(task, statistics=(draw(FINITE), draw(POSITIVE)))
    else:
        task = classification(inputs, tuple(draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))))
        output = ModelOutput.of(task, draw(POSITIVE))
    metrics = {"valid": draw(st.dictionaries(NAMES, FINITE, max_size=3))}
    return Manifest(
        task,
        intake,
        output,
        Facts(name=draw(NAMES), metrics=metrics, seed=draw(st.none() | st.integers())),
        params=draw(st.integers(0, 10**12)),
        macs=draw(st.integers(0, 10**15)),
        versions={"archsmith": "1"},
        created="2026-01-01T00:00:00Z",
        files=draw(st.dictionaries(st.sampled_from(FILES), NAMES)),
    )


@given(manifest=manifests())
def test_a_manifest_comes_back_as_it_was_written(manifest: Manifest) -> None:
    with tempfile.TemporaryDirectory() as folder:
        manifest.write(Path(folder))
        again = read(folder)
    assert again.to_dict() == json.loads(json.dumps(manifest.to_dict())) or again == manifest


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value inside."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]
    return []


@given(manifest=manifests(), data=st.data(), value=JSON)
def test_a_manifest_with_any_value_changed_is_read_or_refused(
    manifest: Manifest, data: st.DataObject, value: Any
) -> None:
    content = json.loads(json.dumps(manifest.to_dict()))
    container, key = data.draw(st.sampled_from(places(content)))
    container[key] = value
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(UsageError):
        (Path(folder) / MANIFEST).write_text(json.dumps(content), encoding="utf-8")
        assert isinstance(read(folder), Manifest)


@given(manifest=manifests(), key=st.sampled_from(["params", "macs"]))
def test_an_infinite_count_is_refused(manifest: Manifest, key: str) -> None:
    with pytest.raises(UsageError, match="damaged"):
        Manifest.from_dict({**manifest.to_dict(), key: float("inf")})


@given(content=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_manifest_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(UsageError):
        (Path(folder) / MANIFEST).write_bytes(content)
        assert isinstance(read(folder), Manifest)


@given(data=st.data(), name=st.sampled_from(FILES), byte=st.integers(1, 255))
def test_one_changed_byte_is_noticed(exported: Any, data: st.DataObject, name: str, byte: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(exported.folder, Path(place) / "bundle"))
        content = bytearray((folder / name).read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= byte
        (folder / name).write_bytes(content)
        try:
            check_files(folder)
        except UsageError as error:
            assert name in error.message
        else:
            raise AssertionError(f"a changed {name} was not noticed")


@given(data=st.data(), cut=st.booleans())
def test_a_damaged_manifest_never_crashes_a_predictor(exported: Any, data: st.DataObject, cut: bool) -> None:
    with tempfile.TemporaryDirectory() as place, contextlib.suppress(UsageError):
        folder = Path(shutil.copytree(exported.folder, Path(place) / "bundle"))
        content = bytearray((folder / MANIFEST).read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        if cut:
            del content[at:]
        else:
            content[at] ^= data.draw(st.integers(1, 255))
        (folder / MANIFEST).write_bytes(content)
        Predictor(folder)
