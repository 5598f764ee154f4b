from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsmith.cli.benches import REMEMBERED, find, refuse_shared, remember
from archsmith.core.errors import DataError, UsageError


def test_a_shipped_table_goes_by_its_name(tmp_path: Path) -> None:
    bench = find("digits", None, None, True, (), tmp_path)
    assert (bench.title, bench.evaluator) == ("digits (single trainings)", "table")
    assert bench.settings == {"path": "digits", "noisy": True}


def test_a_table_in_a_file_has_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bench = find("mine.npz", None, None, False, (), tmp_path)
    assert bench.settings["path"] == str(tmp_path / "mine.npz") and bench.title == "mine"


def test_a_table_is_about_one_data_set(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one data set"):
        find("digits", None, "cifar10", False, (), tmp_path)


def test_the_file_of_a_published_benchmark_must_be_given_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not part of Archsmith"):
        find("fcnet", None, None, False, (), tmp_path)
    with pytest.raises(DataError, match="no file"):
        find("fcnet", str(tmp_path / "nowhere.npz"), None, False, (), tmp_path)
    (tmp_path / "fcnet.npz").touch()
    given = find("fcnet", str(tmp_path / "fcnet.npz"), None, False, (), tmp_path)
    remember("fcnet", given, tmp_path)
    assert find("fcnet", None, None, False, (), tmp_path) == given
    assert given.settings["dataset"] == "protein_structure"


def test_a_published_benchmark_is_named_with_its_data_set(tmp_path: Path) -> None:
    for name in ("fcnet", "nas-bench-201"):
        (tmp_path / f"{name}.npz").touch()
        remember(name, find(name, str(tmp_path / f"{name}.npz"), None, False, (), tmp_path), tmp_path)
    assert find("fcnet:slice_localization", None, None, False, (), tmp_path).settings["dataset"] == "slice_localization"
    found = find("nas-bench-201:cifar100", None, None, False, (), tmp_path)
    assert (found.settings["dataset"], found.title) == ("cifar100", "nas-bench-201 (cifar100, 12 epochs)")
    both = find("nas-bench-201", None, None, False, (), tmp_path, {"epochs": None})
    assert (both.settings["epochs"], both.title) == (None, "nas-bench-201 (cifar10, 12 or 200 epochs)")
    remember("nas-bench-201:cifar100", found, tmp_path)
    assert set(json.loads((tmp_path / REMEMBERED).read_text(encoding="utf-8"))) == {"fcnet", "nas-bench-201"}
    with pytest.raises(UsageError, match="two data sets"):
        find("fcnet:slice_localization", None, "protein_structure", False, (), tmp_path)


def test_a_list_of_benchmarks_in_one_option_is_taken_apart_for_the_user(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--bench digits --bench fashion-14"):
        find("digits,fashion-14", None, None, False, (), tmp_path)
    (tmp_path / "a,b.npz").touch()
    assert find(str(tmp_path / "a,b.npz"), None, None, False, (), tmp_path).title == "a,b"


def test_a_file_and_a_data_set_belong_to_one_benchmark() -> None:
    refuse_shared(["fcnet:x", "fcnet:y"], "f.npz", None)
    refuse_shared(["fcnet"], "f.npz", "x")
    with pytest.raises(UsageError, match="--bench-file is the file of one benchmark"):
        refuse_shared(["fcnet", "digits"], "f.npz", None)
    with pytest.raises(UsageError, match="--dataset is about one benchmark"):
        refuse_shared(["fcnet", "fcnet:y"], None, "x")


def test_single_trainings_of_nas_bench_201_lie_beside_it(tmp_path: Path) -> None:
    table = tmp_path / "nas.npz"
    table.touch()
    with pytest.raises(DataError, match=r"nas_valid_per_seed\.npz"):
        find("nas-bench-201", str(table), None, True, (), tmp_path)
    (tmp_path / "nas_valid_per_seed.npz").touch()
    assert find("nas-bench-201", str(table), None, True, (), tmp_path).settings["epochs"] == 200


def test_latencies_lie_beside_it_too(tmp_path: Path) -> None:
    table = tmp_path / "nas.npz"
    table.touch()
    with pytest.raises(DataError, match=r"hw_nas\.parquet .*evaluator\.hardware=FILE"):
        find("nas-bench-201", str(table), None, False, ("latency_ms_edge",), tmp_path)


def test_files_that_are_named_are_not_looked_for_beside_it(tmp_path: Path) -> None:
    table = tmp_path / "nas.npz"
    table.touch()
    given = {"hardware": "/data/hw.parquet", "per_seed": "/data/seeds.npz"}
    found = find("nas-bench-201", str(table), None, True, ("latency_ms_edge",), tmp_path, given)
    assert not {*found.settings} & {*given}
    with pytest.raises(DataError, match=r"evaluator\.per_seed=FILE"):
        find("nas-bench-201", str(table), None, True, ("latency_ms_edge",), tmp_path, {"hardware": "/data/hw.parquet"})


def test_what_is_remembered_may_be_broken(tmp_path: Path) -> None:
    (tmp_path / REMEMBERED).write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be read"):
        find("fcnet", None, None, False, (), tmp_path)


def test_shipped_tables_are_not_remembered(tmp_path: Path) -> None:
    remember("digits", find("digits", None, None, False, (), tmp_path), tmp_path)
    assert not (tmp_path / REMEMBERED).exists()
    (tmp_path / "fcnet.npz").touch()
    remember("fcnet", find("fcnet", str(tmp_path / "fcnet.npz"), None, False, (), tmp_path), tmp_path)
    assert json.loads((tmp_path / REMEMBERED).read_text(encoding="utf-8")) == {"fcnet": str(tmp_path / "fcnet.npz")}
