"""The laws that everything in the catalogue keeps, as plain functions.

They raise AssertionError with the law's name and one clear sentence, whatever the part does. A package that plugs a
space, strategy, evaluator, store, executor or kind of data into Archsmith calls the same functions in its own tests::

    from archsmith.testing.laws import check_strategy
    from archsmith.testing.toys import Conditional

    def test_laws():
        check_strategy(MyStrategy(), Conditional())
"""

from __future__ import annotations

from archsmith.testing.data_laws import check_data
from archsmith.testing.evaluator_laws import check_evaluator
from archsmith.testing.learning_laws import check_learning
from archsmith.testing.network_laws import check_network_space
from archsmith.testing.runtime_laws import check_executor, check_store
from archsmith.testing.space_laws import check_space
from archsmith.testing.strategy_laws import check_strategy

__all__ = [
    "check_data",
    "check_evaluator",
    "check_executor",
    "check_learning",
    "check_network_space",
    "check_space",
    "check_store",
    "check_strategy",
]
