from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.errors import DataError
from archsmith.data.images.source import all_training
from archsmith.data.splits import Cut, by_rank, cut, stratified


def cut_of(counts: list[int], *, seed: int = 0, test: int = 0) -> tuple[Cut, np.ndarray]:
    labels = np.repeat(np.arange(len(counts)), counts)
    split = all_training(len(labels))
    split[:test] = 2
    return cut(labels, split, seed), labels


def counts_of(found: Cut, labels: np.ndarray, split: str) -> list[int]:
    return np.bincount(labels[found.indexes[split]], minlength=labels.max() + 1).tolist()


def test_parts_are_disjoint_and_cover_everything() -> None:
    found, _ = cut_of([100, 60, 40])
    assert np.array_equal(np.sort(np.concatenate(list(found.indexes.values()))), np.arange(200))
    assert found.made == ("test", "valid")
    assert (found.split >= 0).all()


def test_each_class_keeps_its_share() -> None:
    found, labels = cut_of([100, 60, 40], seed=1)
    assert counts_of(found, labels, "test") == [15, 9, 6]
    assert counts_of(found, labels, "valid") == [13, 8, 5]


def test_same_seed_same_split_and_another_seed_another() -> None:
    one, same, other = (cut_of([100, 60], seed=seed)[0].indexes["test"] for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_split_stays_what_it_always_was() -> None:
    """Studies are repeated by their seed, so these indexes may never change."""
    assert cut_of([12, 8], seed=7)[0].indexes["test"].tolist() == [1, 8, 17]


def test_a_given_test_part_is_left_alone() -> None:
    found, _ = cut_of([100, 60], test=4)
    assert found.indexes["test"].tolist() == [0, 1, 2, 3]
    assert found.made == ("valid",)


def test_validation_is_capped() -> None:
    assert len(cut_of([40_000, 20_000], test=4)[0].indexes["valid"]) == 5_000


def test_a_class_of_three_is_seen_everywhere() -> None:
    found, labels = cut_of([200, 3])
    assert [counts_of(found, labels, split)[1] for split in ("train", "valid", "test")] == [1, 1, 1]


@pytest.mark.parametrize("counts", [[1, 50], [2, 50]])
def test_a_rare_class_keeps_a_training_picture(counts: list[int]) -> None:
    found, labels = cut_of(counts)
    assert counts_of(found, labels, "train")[0] >= 1


def test_numbers_have_alike_distributions_in_every_part() -> None:
    numbers = np.random.default_rng(0).exponential(size=2000)
    found = cut(numbers, all_training(2000), seed=0)
    means = [numbers[index].mean() for index in found.indexes.values()]
    assert max(means) - min(means) < 0.12  # splits drawn at random differ by more in a quarter of the cases
    assert all((np.bincount(by_rank(numbers)[index], minlength=10) > 0).all() for index in found.indexes.values())


@pytest.mark.parametrize("n", [13, 40, 99])
def test_of_few_numbers_no_more_are_held_out_than_of_few_classes(n: int) -> None:
    held_out = cut(np.arange(n) / 7, all_training(n), seed=0).indexes
    assert len(held_out["test"]) == round(0.15 * n)
    assert len(held_out["valid"]) == round(0.15 * (n - len(held_out["test"])))


def test_equal_numbers_can_be_cut_too() -> None:
    assert len(cut(np.repeat([1.5, 2.5], 50), all_training(100), seed=0).indexes["test"]) == 15


@pytest.mark.parametrize(("counts", "words"), [([3, 2], "only 5 training"), ([1] * 20, "No class has two")])
def test_too_little_is_refused(counts: list[int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        cut_of(counts)


def test_stratified_takes_the_number_asked_for() -> None:
    assert len(stratified(np.repeat(np.arange(7), 31), 7, 50, 0, "x")) == 50


def test_a_share_of_a_part_keeps_every_class() -> None:
    labels = np.repeat(np.arange(3), [1, 2, 97])
    assert set(labels[stratified(labels, 3, 10, 0, "share")]) == {0, 1, 2}


def test_a_group_stays_in_one_split() -> None:
    labels, groups = np.repeat([0, 1], 60), np.arange(120) // 3 * 3
    found = cut(labels, all_training(120), 0, groups=groups)
    assert all(len(set(found.split[start : start + 3].tolist())) == 1 for start in range(0, 120, 3))
    assert {split: len(index) for split, index in found.indexes.items()} == {"train": 87, "valid": 15, "test": 18}
    alone = cut(labels, all_training(120), 0, groups=np.arange(120))
    assert np.array_equal(alone.split, cut(labels, all_training(120), 0).split)


@pytest.mark.parametrize("kind", ["classes", "targets"])
@pytest.mark.parametrize("seed", range(5))
def test_a_group_larger_than_its_share_is_learnt_from(kind: str, seed: int) -> None:
    labels = np.repeat([0, 1], 500) if kind == "classes" else np.linspace(0, 1, 1000)
    groups = np.where(np.arange(1000) < 400, 0, np.arange(1000))
    found = cut(labels, all_training(1000), seed, groups=groups)
    assert (found.split[:400] == 0).all()
    sizes = {split: len(index) for split, index in found.indexes.items()}
    assert abs(sizes["test"] - 90) <= 2 and abs(sizes["valid"] - 77) <= 2


def test_every_split_has_a_class_of_few_large_groups() -> None:
    labels = np.repeat([0, 1, 2], (60, 42, 30))
    groups = np.r_[np.arange(60), np.repeat([60, 100, 101], (40, 1, 1)), np.repeat([102, 112, 122], 10)]
    for seed in range(5):
        found = cut(labels, all_training(132), seed, groups=groups)
        assert all(set(labels[index].tolist()) == {0, 1, 2} for index in found.indexes.values())
        assert (found.split[60:100] == 0).all()
