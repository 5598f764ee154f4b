from __future__ import annotations

import pytest

from archsmith.bundle.markdown import cell, number, percent, score, share, table


def test_texts_from_outside_stay_in_their_cells() -> None:
    assert cell("a\n# b|c <script>") == "a # b\\|c &lt;script>"
    assert table(("x",), [["1|2"]]).splitlines()[2] == "| 1\\|2 |"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (1234567, "1,234,567"), (0.123456, "0.1235"), (True, "True"), ("a|b", "a\\|b")]
)
def test_numbers(value: object, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("accuracy", 0.9, "90.00 %"),
        ("log_loss", 0.31, "0.3100"),
        ("rmse", 12345.678, "1.235e+04"),
        ("r2", 0.7, "0.7000"),
        ("r2", 0.9999984, "0.999998"),
        ("r2", 1.0, "1.0000"),
        ("accuracy", 0.99996, "99.996 %"),
        ("accuracy", None, "–"),
        ("mine", 0.5, "0.5000"),
    ],
)
def test_scores_have_the_form_of_their_unit(metric: str, value: float | None, text: str) -> None:
    assert score(metric, value) == text


def test_shares() -> None:
    assert (share(0.875), share(None)) == ("87.5 %", "–")
    assert (share(0.9996), share(1.0), percent(0.9999984)) == ("99.96 %", "100.0 %", "99.9998 %")


def test_a_loss_of_nothing_has_no_sign() -> None:
    assert score("log_loss", -1e-9) == score("log_loss", -0.0) == "0.0000"
