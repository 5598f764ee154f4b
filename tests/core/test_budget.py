import numpy as np
import pytest

from archsmith.core.budget import Budget, parse_seconds, without_unit
from archsmith.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20m", 1200), ("1h30m", 5400), ("90", 90), (90, 90), ("1.5h", 5400), (" 2 min ", 120), ("1d", 86400)],
)
def test_lengths_of_time(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "5y", "-3", "1h-3", "0", 0, "1h30", "2m 5", float("nan"), float("inf"), "1e3"]
)
def test_what_is_no_length_of_time(text):
    with pytest.raises(UsageError):
        parse_seconds(text)


@pytest.mark.parametrize("values", [{"seconds": 0}, {"trials": -1}, {"seconds": float("inf")}, {"patience": 0}])
def test_a_budget_is_positive(values):
    with pytest.raises(UsageError):
        Budget(**values)


@pytest.mark.parametrize(
    "values", [{"trials": 2.5}, {"trials": "3"}, {"trials": True}, {"patience": 0.5}, {"work": "much"}]
)
def test_a_budget_of_something_else_is_refused(values):
    with pytest.raises(UsageError, match=f"The budget's {next(iter(values))} cannot be"):
        Budget(**values)


def test_a_length_of_time_may_be_a_text_and_a_count_a_number_of_numpy():
    assert Budget(seconds="20m") == Budget(seconds=1200.0)
    budget = Budget(trials=np.int64(3))
    assert budget.trials == 3 and type(budget.trials) is int


@pytest.mark.parametrize(("text", "said"), [("40", True), ("+40", True), ("40s", False), (None, False)])
def test_a_time_without_a_unit_is_told_as_it_is_taken(text: str | None, said: bool) -> None:
    assert bool(without_unit(text)) is said
    assert not any("1 seconds" in sentence for sentence in without_unit("1"))
    assert all("is taken as" in sentence and "m for minutes" in sentence for sentence in without_unit(text))


def test_the_unit_is_asked_for_in_words_that_mean_the_same() -> None:
    told = "The time +600 has no unit and is taken as 600 seconds: write +600s, or +600m for minutes."
    assert without_unit("+600") == without_unit(" + 600 ") == [told]
