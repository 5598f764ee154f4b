from __future__ import annotations

import pytest

from archsmith.testing.need import need


def test_a_broken_law_is_named_with_its_sentence() -> None:
    with pytest.raises(AssertionError, match=r"^an end: it goes on\.$"):
        need(False, "an end", "it goes on.")


def test_a_kept_law_says_nothing() -> None:
    need(True, "an end", "it goes on.")
