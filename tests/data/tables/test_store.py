"""Splits on disk."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables import store
from archsmith.data.tables.cells import raw
from archsmith.data.tables.checks import check
from archsmith.data.tables.columns import columns_of
from archsmith.data.tables.encode import encode
from archsmith.data.tables.examples import TableExamples, TableSplits
from archsmith.data.tables.store import TableStore, build, fingerprint, read_findings

N = 30


def splits(kinds: str = "nc") -> TableSplits:
    table = {"n": raw(np.arange(N) / 3, "n"), "c": raw(["u", "v"] * (N // 2), "c")}
    table = {name: values for name, values in table.items() if name in kinds}
    fitted = columns_of(table, np.arange(N))
    every = TableExamples.of(encode(fitted.columns, table), np.arange(N) % 3, ("a", "b", "c"), fitted.columns)
    splits_made = [every.take(range(start, stop)) for start, stop in ((0, 20), (20, 25), (25, 30))]
    return TableSplits(*splits_made, "t", notes=("Said.",), columns=fitted.columns, names=("n", "c", "other"))


@pytest.mark.parametrize("kinds", ["nc", "n", "c"])
def test_round_trip(tmp_path: Path, kinds: str) -> None:
    given = splits(kinds)
    findings = check(given)
    folder = build(given, findings, tmp_path)
    found = TableStore.open(str(folder))
    for name, rows in given.by_name.items():
        for array in ("numbers", "categories", "targets"):
            np.testing.assert_array_equal(getattr(found.by_name[name], array), getattr(rows, array))
    assert (found.columns, found.names, found.notes, found.classes) == (
        given.columns,
        given.names,
        given.notes,
        given.classes,
    )
    assert found.folder == str(folder)
    assert dataclasses.replace(read_findings(folder), n_bytes=0) == findings
    assert fingerprint(found) == folder.name


def test_how_targets_are_written_is_kept_and_may_lack(tmp_path: Path) -> None:
    written = dataclasses.replace(splits(), target_way=("comma", "."))
    assert TableStore.open(str(build(written, check(written), tmp_path))).target_way == ("comma", ".")
    assert TableStore.open(str(build(splits(), check(splits()), tmp_path))).target_way == ("", "")
    assert "target_way" not in json.loads((tmp_path / fingerprint(splits()) / "columns.json").read_text())


def test_arrays_are_mapped_and_read_only(tmp_path: Path) -> None:
    found = TableStore.open(str(build(splits(), check(splits()), tmp_path)))
    assert isinstance(found.train.numbers, np.memmap)
    assert not found.train.numbers.flags.writeable


def test_the_same_splits_are_stored_once(tmp_path: Path) -> None:
    first, second = (build(splits(), check(splits()), tmp_path) for _ in range(2))
    assert first == second
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.np, "save", full)
    with pytest.raises(DataError, match="No space left"):
        build(splits(), check(splits()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_stopped_process_left_is_written_again(tmp_path: Path) -> None:
    draft = tmp_path / f".{fingerprint(splits())}.draft"
    draft.mkdir()
    (draft / "train_numbers.npy").write_bytes(b"half")
    folder = build(splits(), check(splits()), tmp_path)
    assert not draft.exists()
    TableStore.open(str(folder))


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There are no stored data"):
        TableStore.open(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("splits.json", "{"),
        ("splits.json", "[]"),
        ("columns.json", "{}"),
        ("train_numbers.npy", "x"),
        ("valid_targets.npy", ""),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, name: str, content: str) -> None:
    folder = build(splits(), check(splits()), tmp_path)
    (folder / name).write_text(content)
    with pytest.raises(DataError, match="are damaged"):
        TableStore.open(str(folder))


def test_another_format_is_refused(tmp_path: Path) -> None:
    folder = build(splits(), check(splits()), tmp_path)
    facts = json.loads((folder / "splits.json").read_text())
    (folder / "splits.json").write_text(json.dumps({**facts, "format": 99}))
    with pytest.raises(DataError, match="format 99, not table of format 1"):
        TableStore.open(str(folder))


def test_a_store_of_earlier_versions_has_no_places_of_rows(tmp_path: Path) -> None:
    given = splits()
    train = dataclasses.replace(given.train, places=np.arange(len(given.train)) + 2)
    placed = dataclasses.replace(given, train=train)
    assert TableStore.open(str(build(placed, check(placed), tmp_path))).train.places.tolist() == train.places.tolist()
    assert TableStore.open(str(build(given, check(given), tmp_path))).train.places is None
    assert fingerprint(placed) != fingerprint(given)
