import pytest

from archsmith.testing.need import need


def test_a_law_that_holds_says_nothing() -> None:
    need(True, "an end", "never said")


def test_a_broken_law_says_its_name_and_a_sentence() -> None:
    with pytest.raises(AssertionError, match=r"^an end: It goes on\.$"):
        need(False, "an end", "It goes on.")
