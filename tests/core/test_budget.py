import pytest

from archsmith.core.budget import Budget, parse_seconds
from archsmith.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20m", 1200), ("1h30m", 5400), ("90", 90), (90, 90), ("1.5h", 5400), (" 2 min ", 120), ("1d", 86400)],
)
def test_lengths_of_time(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5y", "-3", "1h-3", "0", 0, float("nan"), float("inf"), "1e3"])
def test_what_is_no_length_of_time(text):
    with pytest.raises(UsageError):
        parse_seconds(text)


@pytest.mark.parametrize("values", [{"seconds": 0}, {"trials": -1}, {"seconds": float("inf")}, {"patience": 0}])
def test_a_budget_is_positive(values):
    with pytest.raises(UsageError):
        Budget(**values)
