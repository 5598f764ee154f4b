"""From a table to stored splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.tables import load as loading
from archsmith.data.tables.encode import encode
from archsmith.data.tables.load import load, reopen

N = 100


def table(n: int = N) -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    return {
        "size": rng.normal(size=n).tolist(),
        "colour": [("red", "green", "blue")[i % 3] for i in rng.permutation(n).tolist()],
        "target": ["ab"[i % 2] for i in range(n)],
    }


def csv(folder: Path, columns: dict[str, list[Any]]) -> Path:
    path = folder / "t.csv"
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    return path


def test_the_same_table_is_loaded_once_whatever_it_came_from(tmp_path: Path) -> None:
    first = load(table(), tmp_path / "store", seed=0)
    second = load(
        [dict(zip(table(), row, strict=True)) for row in zip(*table().values(), strict=True)],
        tmp_path / "store",
        seed=0,
    )
    assert first.folder == second.folder
    from_file = load(csv(tmp_path, table()), tmp_path / "store", seed=0).splits
    for name, rows in from_file.by_name.items():
        np.testing.assert_array_equal(rows.numbers, first.splits.by_name[name].numbers)
        np.testing.assert_array_equal(rows.categories, first.splits.by_name[name].categories)


def test_seeds_cut_other_splits(tmp_path: Path) -> None:
    assert load(table(), tmp_path, seed=0).folder != load(table(), tmp_path, seed=1).folder


def test_serving_encodes_a_row_as_training_did(tmp_path: Path) -> None:
    splits = load(csv(tmp_path, table()), tmp_path / "store", seed=0).splits
    served = encode(splits.columns, table())
    trained = np.concatenate([rows.numbers for rows in splits.by_name.values()])
    np.testing.assert_array_equal(np.sort(served["numbers"], 0), np.sort(trained, 0))


def test_constants_depend_on_training_rows_only(tmp_path: Path) -> None:
    split = ["train"] * 80 + ["valid"] * 10 + ["test"] * 10
    first = load({**table(), "split": split}, tmp_path, seed=0)
    changed = {**table(), "split": split}
    changed["size"] = [*changed["size"][:80], *[1e6] * 20]
    changed["colour"] = [*changed["colour"][:80], *["new"] * 20]
    second = load(changed, tmp_path, seed=0)
    assert first.folder != second.folder
    assert (first.folder / "columns.json").read_bytes() == (second.folder / "columns.json").read_bytes()


@pytest.mark.parametrize(("balanced", "metric"), [(True, "balanced_accuracy"), (False, "accuracy")])
def test_balance_chooses_the_metric(tmp_path: Path, balanced: bool, metric: str) -> None:
    assert load(table(), tmp_path, seed=0, balanced=balanced).splits.task.metric == metric


def test_a_regression_target_is_never_balanced(tmp_path: Path) -> None:
    splits = load(table(), tmp_path, seed=0, target="size", balanced=True).splits
    assert splits.task.metric == "r2"
    assert splits.train.targets.dtype == np.float64
    assert [column.name for column in splits.columns] == ["colour", "target"]


def test_a_short_time_takes_a_share_of_every_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "FEWEST_USED", 50)
    found = load(table(1000), tmp_path, seed=0, seconds=1e-9)
    assert sum(found.findings.n_examples.values()) == pytest.approx(50, abs=3)
    assert any("of 1,000 rows are used" in note for note in found.findings.notes)


def test_rows_that_are_not_used_are_not_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def counted(columns: Any, table: Any, **more: Any) -> Any:
        lengths.append(len(next(iter(table.values()))))
        return encode(columns, table, **more)

    monkeypatch.setattr(loading, "FEWEST_USED", 50)
    monkeypatch.setattr(loading, "PROBED", 20)
    monkeypatch.setattr(loading, "encode", counted)
    path = csv(tmp_path, table(1000))
    lines = path.read_text().splitlines()
    splits = load(path, tmp_path, seed=0, seconds=1e-9).splits
    assert lengths == [20, sum(map(len, splits.by_name.values()))] and lengths[1] < 100
    for rows in splits.by_name.values():  # and they are still called what they were
        assert rows.places is not None
        sizes = [float(lines[place - 1].partition(",")[0]) for place in rows.places.tolist()]
        np.testing.assert_allclose(rows.numbers[:, 0], sizes, rtol=1e-6)


def test_a_wrong_value_in_a_long_table_is_named_by_its_row_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "FEWEST_USED", 50)
    columns = table(1000)
    columns["size"][800:] = ["unknown"] * 20 + columns["size"][820:]
    with pytest.raises(DataError, match=r"but row (\d+) \(the headings are row 1\) says 'unknown'") as told:
        load(csv(tmp_path, columns), tmp_path, seed=0, seconds=100)
    assert 802 <= int(str(told.value).partition("row ")[2].split()[0]) < 822


def test_the_forecast_of_the_time_refuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "FEWEST_USED", 50)
    monkeypatch.setattr(loading, "PROBED", 1)  # in a single row every column has a single value
    found = load(table(), tmp_path, seed=0, seconds=100)
    assert sum(found.findings.n_examples.values()) == N


def test_enough_time_takes_all_rows(tmp_path: Path) -> None:
    found = load(table(), tmp_path, seed=0, seconds=100)
    assert sum(found.findings.n_examples.values()) == N


def test_a_folder_is_opened_again(tmp_path: Path) -> None:
    first = load(table(), tmp_path, seed=0)
    assert reopen(first.folder).findings == first.findings


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def stop() -> None:
        raise DataError("Stopped.")

    with pytest.raises(DataError, match="Stopped"):
        load(table(), tmp_path / "store", seed=0, check=stop)
    assert not (tmp_path / "store").exists()


def test_rows_keep_their_place_in_the_table_through_splitting_and_storing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [f"{index / 7:.4f},{'' if index == 3 else 'ab'[index % 2]}" for index in range(60)]
    path.write_text("n,target\n" + "\n".join(lines) + "\n")
    splits = load(path, tmp_path / "cache", seed=0).splits
    seen = []
    for rows in splits.by_name.values():
        assert rows.places is not None
        for place, row in zip(rows.places.tolist(), rows.rows(range(len(rows))), strict=True):
            assert f"{row['n']:.4f}" == lines[place - 2].split(",")[0]
            seen.append(place)
    assert sorted(seen) == [place for place in range(2, 62) if place != 5]
