"""One module gives a plug-in all laws, one for each kind in the catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from archsmith import catalog
from archsmith.core.errors import UsageError
from archsmith.core.problem import Problem
from archsmith.runtime.memory import MemoryStore
from archsmith.runtime.serial import SerialExecutor
from archsmith.strategies.random import RandomSearch
from archsmith.testing import laws
from archsmith.testing.toys import Flat, ToyEvaluator

# What a kind of data is to a job and to a bundle: held by whole jobs and whole bundles, on real examples.
WHOLE = {"modality", "intake", "exporter"}


def test_every_kind_of_the_catalogue_has_a_law() -> None:
    assert {f"check_{kind}" for kind in catalog.kinds() if kind not in WHOLE} <= set(laws.__all__)


def test_every_name_that_it_gives_is_a_function() -> None:
    assert all(callable(getattr(laws, name)) for name in laws.__all__)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: laws.check_space(Flat), r"is the class Flat, not an object\. Write Flat\(\) with brackets\."),
        (lambda: laws.check_space("flat"), r"The argument space of check_space cannot be 'flat'\."),
        (lambda: laws.check_strategy(ToyEvaluator()), r"cannot be a ToyEvaluator\. It takes a Strategy, such as"),
        (
            lambda: laws.check_strategy(RandomSearch),
            r"is the class RandomSearch, not an object of it\. Write RandomSearch",
        ),
        (
            lambda: laws.check_strategy(lambda h, n, rng: []),
            r"cannot be a function: it has no method ask\. It needs ask",
        ),
        (lambda: laws.check_learning(RandomSearch), r"is the class RandomSearch"),
        (lambda: laws.check_strategy(RandomSearch(), n_trials=0), r"check_strategy\.n_trials cannot be 0\."),
        (lambda: laws.check_learning(RandomSearch(), n_trials=0), r"check_learning\.n_trials cannot be 0\."),
        (lambda: laws.check_learning(RandomSearch(), n_trials=-5), r"check_learning\.n_trials cannot be -5\."),
        (lambda: laws.check_space(Flat(), n_samples=0), r"check_space\.n_samples cannot be 0\."),
        (lambda: laws.check_space(Flat(), scales=[3]), r"check_space\.scales\[0\] cannot be 3\. Give spaces"),
        (
            lambda: laws.check_evaluator(ToyEvaluator(), Problem(Flat()), n_architectures=0),
            r"n_architectures cannot be 0",
        ),
        (lambda: laws.check_strategy(RandomSearch(), Flat), r"Write Flat\(\) with brackets"),
        (lambda: laws.check_learning("random"), r"The argument strategy of check_learning cannot be 'random'"),
        (lambda: laws.check_evaluator(ToyEvaluator, Problem(Flat())), r"Write ToyEvaluator\(\) with brackets"),
        (lambda: laws.check_evaluator(ToyEvaluator(), Flat()), r"The argument problem .* cannot be a Flat"),
        (lambda: laws.check_network_space(Flat()), r"cannot be a Flat\. It takes a NetworkSpace"),
        (lambda: laws.check_store(MemoryStore()), r"a function that makes a new one, such as lambda: SqliteStore"),
        (lambda: laws.check_executor(SerialExecutor()), r"a function that makes a new one, such as lambda: Process"),
        (lambda: laws.check_data("digits"), r"The splits cannot be 'digits'\."),
    ],
)
def test_a_slip_is_no_broken_law(check: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check()
