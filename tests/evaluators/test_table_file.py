"""Files of benchmark tables: what is sound is read as it was written, and what is not is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError, UsageError
from archsmith.evaluators.table import TableEvaluator, TableSpace
from archsmith.evaluators.table_file import dated, read_table, write_table


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    points = [{"a": 2, "b": True}, {"a": 1}, {"a": 2, "b": 1}]
    accuracy = np.arange(12.0).reshape(3, 2, 2)
    table = write_table(tmp_path / "table.npz", points, {"accuracy": accuracy}, fidelities=(1, 9), seconds=[1, 2, 3])
    for i, point in enumerate(points):
        row = table.find(point)
        assert row is not None
        assert table.metrics["accuracy"][row].tolist() == accuracy[i].tolist()
        assert table.seconds[row].tolist() == [i + 1, i + 1]
        assert table.finals("accuracy")[row] == accuracy[i, 1].mean()
    assert table.find({"a": 2}) is None


def test_a_file_that_is_not_there_is_named_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file .*missing\.npz'. It does not ship"):
        dated(str(tmp_path / "missing.npz"), "It does not ship.")


def change(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda arrays: arrays.update({name: np.asarray(value)})


WRONG: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda arrays: arrays.pop("answers"), "has no array 'answers'"),
    (change("format", "archsmith table 99"), "has the format 'archsmith table 99'"),
    (change("paths", ["a", "a"]), "2 decisions, 1 of them different"),
    (change("paths", ["a", "b", "c"]), "holds 'answers' as"),
    (change("options", ["[1, 2]", "[NaN, 2]"]), "options that are not a JSON list"),
    (change("options", ["[1, 2]", "[2, 2]"]), "options that are not a JSON list"),
    (change("options", ["[1, 2]", "no json"]), "options that are not a JSON list"),
    (change("answers", [[0, 0], [0, 1], [1, 0], [1, 2]]), "answers that no option stands for"),
    (change("answers", [[0, 0], [0, 1], [1, 0], [1, 0]]), "the same architecture twice"),
    (change("answers", [[0, 0], [0, -1], [1, 0], [1, 1]]), "asks 'b' of only some"),
    (change("answers", [[0.0, 0], [0, 1], [1, 0], [1, 1]]), "holds 'answers' as float64"),
    (change("fidelities", [9.0, 1.0]), "not positive and ascending"),
    (change("seconds", [[1, 2]] * 3), "holds 'seconds' as"),
    (change("seconds", [[1.0, -2]] * 4), "seconds that are negative"),
    (change("metrics", ["not a name!"]), "names its metrics"),
    (change("metrics", ["accuracy", "recall"]), "has no array 'metric_recall'"),
    (change("metric_accuracy", np.zeros((4, 5, 1))), "holds 'metric_accuracy' in the shape"),
    (change("metric_accuracy", np.full((4, 2, 1), np.inf)), "infinite values"),
    (change("metric_accuracy", np.full((4, 2, 1), np.nan)), "holds no number in 'metric_accuracy'"),
]


def small(file: Path) -> dict[str, Any]:
    points = [{"a": a, "b": b} for a in (1, 2) for b in (1, 2)]
    write_table(file, points, {"accuracy": np.zeros((4, 2))}, fidelities=(1, 9), seconds=1.0)
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(("damage", "message"), WRONG, ids=[message for _, message in WRONG])
def test_an_unsound_table_is_refused(tmp_path: Path, damage: Callable[[dict[str, Any]], Any], message: str) -> None:
    arrays = small(tmp_path / "good.npz")
    damage(arrays)
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "bad.npz")


def test_pickled_arrays_are_never_loaded(tmp_path: Path) -> None:
    arrays = small(tmp_path / "good.npz")
    np.savez(tmp_path / "bad.npz", **{**arrays, "paths": np.array(["a", {"b": 1}], dtype=object)})
    with pytest.raises(DataError, match="not a sound"):
        read_table(tmp_path / "bad.npz")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no table"):
        TableSpace(str(tmp_path / "missing.npz"))
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError, match=r"not a sound \.npz file"):
        TableEvaluator(str(tmp_path / "text.npz"))
    whole = (tmp_path / "good.npz", small(tmp_path / "good.npz"))[0].read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"not a sound \.npz file"):
        read_table(tmp_path / "cut.npz")


@pytest.mark.skipif(os.name != "posix", reason="pipes with names are files of Unix")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(DataError, match="There is no table"):
        read_table(tmp_path / "a.npz")


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "large.npz", **small(tmp_path / "good.npz"))
    monkeypatch.setattr("archsmith.evaluators.table_file.MAX_BYTES", 100)
    with pytest.raises(DataError, match="unpacks to"):
        read_table(tmp_path / "large.npz")


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "table.npz"
    small(file)
    assert len(read_table(file)) == 4
    write_table(file, [{"a": i} for i in range(7)], {"accuracy": np.zeros(7)})
    assert len(read_table(file)) == 7


def test_a_table_that_would_be_unsound_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the same architecture twice"):
        write_table(tmp_path / "table.npz", [{"a": 1}, {"a": 1}], {"accuracy": [0, 1]})
    with pytest.raises(UsageError, match="'accuracy' has the shape"):
        write_table(tmp_path / "table.npz", [{"a": 1}], {"accuracy": 3.0})
    three = [{"a": 1}, {"a": 2}, {"a": 3}], {"accuracy": np.zeros((3, 2))}
    for seconds in ([1.0, 9.0], np.ones((3, 2, 1))):
        with pytest.raises(UsageError, match=r"seconds have the shape .* of 3 architectures at 2"):
            write_table(tmp_path / "table.npz", *three, seconds=seconds, fidelities=(1, 9))
    with pytest.raises(UsageError, match="in different orders"):
        write_table(tmp_path / "table.npz", [{"a": 1, "b": 1}, {"b": 2, "a": 1}], {"accuracy": [0, 1]})
    assert list(tmp_path.iterdir()) == []
