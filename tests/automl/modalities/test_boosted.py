"""Boosted trees as a network: it says what scikit-learn says, and takes the time that it may take."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from archsmith.automl.modalities import boosted
from archsmith.automl.modalities.boosted import Boosted, categorical, fitted, matrix
from archsmith.core.errors import ArchsmithError
from archsmith.data.tables.columns import CATEGORY, NUMBER, Column
from archsmith.data.tables.examples import TableExamples, TableSplits
from archsmith.training.measure import outputs

MANY = 300  # categories: more than scikit-learn takes as such


def table(n=500, n_classes=0, seed=0, numbers=True, categories=True):
    """Rows with missing values, seven categories and 300, of which training rows lack some, and a target that all of
    them tell.
    """
    rng = np.random.default_rng(seed)
    columns = [Column(name, NUMBER, missing=0.1) for name in ("a", "b", "c")] if numbers else []
    values = rng.normal(size=(n, 3)).astype(np.float32)
    values[:, 1] = np.round(values[:, 1], 1)  # many equal ones, also of thresholds
    few, many = rng.integers(0, 6, n), rng.integers(1, MANY, n)
    few[:5] = 6 if seed else 5  # a code that training rows do not have
    told = values[:, 0] + np.sin(3 * values[:, 1]) + np.array([0, 1, -2, 3, 0, 1, 1])[few] + 0.01 * (many % 50)
    values[rng.random(values.shape) < 0.1] = np.nan
    if categories:
        columns += [Column("d", CATEGORY, categories=tuple("uvwxyz"))]
        columns += [Column("e", CATEGORY, categories=tuple(map(str, range(MANY))))]
    codes = np.stack([few, 7 + many], 1) if categories else np.zeros((n, 0), np.int64)
    edges = np.quantile(told, np.linspace(0, 1, n_classes + 1)[1:-1]) if n_classes else ()
    targets = np.digitize(told, edges).astype(np.int64) if n_classes else 1000.0 + 50 * told
    names = tuple(f"class {i}" for i in range(n_classes))
    return TableExamples(values if numbers else values[:, :0], codes, targets, names, tuple(columns))


def splits(**how):
    train, valid, test = (table(seed=seed, **how) for seed in (0, 1, 2))
    names = {"names": train.classes} if train.classes else {}
    return TableSplits(train, valid, test, name="t", columns=train.columns, **names)


def says(network, given, part="valid"):
    examples = given.by_name[part]
    return outputs(network, examples, given.pipeline(), device="cpu").double().numpy()


def softmax(logits):
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("kinds", [{}, {"numbers": False}, {"categories": False}])
def test_the_network_gives_the_probabilities_of_scikit_learn(n_classes, kinds):
    given = splits(n_classes=n_classes, **kinds)
    model = Boosted.of(given)
    expected = model.model(given.train, 3, None).predict_proba(matrix(given.valid))
    network = model.fit(given.train, 3, None).network
    np.testing.assert_allclose(softmax(says(network, given)), expected, rtol=0, atol=1e-5)


def test_the_network_gives_regression_targets_in_standard_units():
    given = splits()
    model = Boosted.of(given)
    expected = model.model(given.train, 3, None).predict(matrix(given.valid))
    mean, std = given.target_statistics
    found = says(model.fit(given.train, 3, None).network, given)
    assert found.shape == (len(given.valid), 1)
    np.testing.assert_allclose(found[:, 0], (expected - mean) / std, rtol=0, atol=1e-5)
    assert np.abs(mean + std * found[:, 0] - given.valid.targets).mean() < 0.5 * std


def test_a_class_without_training_rows_gets_next_to_no_probability():
    given = splits(n_classes=3)
    train = given.train.take(np.flatnonzero(given.train.targets != 1))
    found = softmax(says(Boosted.of(given).fit(train, 0, None).network, given))
    assert found.shape == (len(given.valid), 3) and 0 < found[:, 1].max() < 1e-8
    assert set(found.argmax(1)) == {0, 2}


def test_every_class_may_count_alike():
    given = splits(n_classes=2)
    few = np.r_[np.flatnonzero(given.train.targets == 0), np.flatnonzero(given.train.targets == 1)[:40]]
    train = given.train.take(few)
    fitted = [Boosted(None, balanced).fit(train, 0, None).network for balanced in (False, True)]
    plain, even = (says(network, given).argmax(1) for network in fitted)
    assert even.mean() > plain.mean()


def test_targets_that_are_all_equal_are_no_division_by_zero():
    given = splits()
    rows = {name: dataclasses.replace(part, targets=np.full(len(part), 5.0)) for name, part in given.by_name.items()}
    found = says(Boosted((5.0, 0.0)).fit(rows["train"], 0, None).network, given)
    np.testing.assert_allclose(found, 0.0, atol=1e-6)


def test_columns_of_many_categories_are_numbers_for_scikit_learn():
    assert categorical(table()) == [False, False, False, True, False]


def test_a_network_that_says_something_else_is_refused(monkeypatch):
    monkeypatch.setattr(boosted.forest, "rounded_down", lambda value: np.float32(value + 0.3))
    with pytest.raises(ArchsmithError, match="differs from them"):
        Boosted.of(splits()).fit(table(), 0, None)


# Time


def rows(n=600):
    given = table(n, n_classes=3)
    return matrix(given), given.targets


def boosting(**how):
    return HistGradientBoostingClassifier(random_state=0, **how)


@pytest.mark.parametrize("how", [{"max_iter": 23}, {"early_stopping": True, "n_iter_no_change": 3}])
def test_rounds_within_the_limit_are_one_fit(how):
    x, y = rows()
    once, in_rounds = fitted(boosting(**how), x, y, None), fitted(boosting(**how), x, y, 1e6)
    assert once.n_iter_ == in_rounds.n_iter_
    np.testing.assert_array_equal(once.predict_proba(x), in_rounds.predict_proba(x))


@pytest.mark.parametrize("n_iter_no_change", [1, 2, 3, 5, 8])
def test_boosting_that_ends_early_ends_in_the_same_round(n_iter_no_change):
    x, y = rows(200)
    how = {"early_stopping": True, "n_iter_no_change": n_iter_no_change, "tol": 0.01, "max_leaf_nodes": 3}
    assert fitted(boosting(**how), x, y, None).n_iter_ == fitted(boosting(**how), x, y, 1e6).n_iter_


def test_the_first_rounds_are_kept_where_time_is_over(monkeypatch):
    clock = iter([0.0, 10.0])  # the start, and after the first round
    monkeypatch.setattr(boosted.time, "perf_counter", lambda: next(clock))
    assert fitted(boosting(), *rows(), 9.0).n_iter_ == boosted.FIRST_ROUNDS


def test_as_many_rounds_as_fit_are_added(monkeypatch):
    monkeypatch.setattr(boosted, "FIRST_ROUNDS", 5)
    clock = iter([0.0, 10.0, 16.0])  # five rounds take ten seconds, so three more fit into six
    monkeypatch.setattr(boosted.time, "perf_counter", lambda: next(clock))
    assert fitted(boosting(), *rows(), 16.0).n_iter_ == 8


def test_trees_that_had_less_time_are_a_network_all_the_same(monkeypatch):
    given = splits(n_classes=2)
    full = Boosted.of(given).fit(given.train, 0, None)
    clock = iter([0.0, *[10.0] * 100])
    monkeypatch.setattr(boosted.time, "perf_counter", lambda: next(clock))
    short = Boosted.of(given).fit(given.train, 0, 1.0)
    n_trees = [each.network.get_parameter("trees.value")[..., 0].numel() for each in (short, full)]
    assert n_trees[0] == boosted.FIRST_ROUNDS < n_trees[1]
    assert short.cut and not full.cut


def test_boosting_that_diverges_is_cut_where_it_was_best():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(60), 4)  # a few rows of each class
    x = np.c_[y + rng.normal(0, 0.5, len(y)), rng.normal(size=(len(y), 3))]
    model = boosting(learning_rate=1.0, min_samples_leaf=5)
    model.fit(x, y)
    n, before = model.n_iter_, (model.predict(x) == y).mean()
    cut = boosted.before_it_diverged(model, x, y)
    assert cut.n_iter_ < n and (cut.predict(x) == y).mean() > before


def test_boosting_that_converges_is_left_as_it_is():
    x, y = rows()
    model = boosting().fit(x, y)
    assert boosted.before_it_diverged(model, x, y).n_iter_ == 100


def test_small_tables_are_fitted_by_one_thread(monkeypatch):
    from threadpoolctl import threadpool_info

    seen = []
    monkeypatch.setattr(
        boosted,
        "fitted",
        lambda *given: seen.append([pool for pool in threadpool_info() if pool["user_api"] == "openmp"]),
    )
    monkeypatch.setattr(boosted, "before_it_diverged", lambda model, x, y: model)
    Boosted().model(table(), 0, None)
    assert all(pool["num_threads"] == 1 for pool in seen[0])


def test_nothing_is_drawn_from_the_global_generator():
    state = torch.random.get_rng_state()
    given = splits(n_classes=2)
    Boosted.of(given).fit(given.train, 0, None)
    assert torch.equal(torch.random.get_rng_state(), state)
