from __future__ import annotations

import math

import pytest

from archsmith.analysis import wording


def plain(text: str) -> str:
    return text.replace(wording.NB, " ")


@pytest.mark.parametrize(
    ("value", "n", "text"),
    [
        (0.9254, 270, "92.5 %"),
        (0.9254, 10_000, "92.54 %"),
        (0.5, None, "50 %"),
        (1.0, None, "100 %"),
        (0.99996, 10_000, "99.9960 %"),
        (0.9999984, None, "99.9998 %"),
        (0.0001, None, "0.010 %"),
        (0.0, None, "0 %"),
    ],
)
def test_a_share_is_as_exact_as_its_pictures_and_never_looks_like_all_or_none(
    value: float, n: int | None, text: str
) -> None:
    assert plain(wording.share(value, n)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.004, "< 0.1 s"),
        (0.4, "0.4 s"),
        (3.0, "3 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (290, "4 min 50 s"),
        (1210, "20 min"),
        (7500, "2 h 5 min"),
        (1e6, "277 h"),
        (None, "–"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert plain(wording.duration(seconds)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(650, "650"), (999.9, "1 k"), (500_602, "501 k"), (7_973_120, "7.97 M"), (0.5, "0.5")]
)
def test_rounded_counts(value: float, text: str) -> None:
    assert plain(wording.rounded(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01, "1 point"), (0.0057, "0.57 points"), (-0.081, "8.1 points"), (0.2, "20 points"), (0.0, "0 points")],
)
def test_points(value: float, text: str) -> None:
    assert plain(wording.points(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.936, "0.9360"),
        (-0.18071, "-0.1807"),
        (0.08, "0.0800"),
        (0.012345, "0.01235"),
        (12.3, "12.30"),
        (5.0, "5"),
        (1234.5, "1,234"),
        (1.5e-7, "1.5e-07"),
        (0.9999984, "0.999998"),
    ],
)
def test_scores_have_one_number_of_digits(value: float, text: str) -> None:
    assert wording.score("r2", value) == text


def test_an_accuracy_that_is_given_in_percent_is_shown_as_it_is() -> None:
    assert wording.score("accuracy", 93.5) == "93.50" and plain(wording.score("accuracy", 1.0)) == "100 %"
    assert [wording.score("accuracy", value, most=93.5) for value in (1.0, 0.5)] == ["1", "0.5000"]
    assert plain(wording.score("accuracy", 0.5, most=0.9)) == "50 %"


def test_differences_have_no_digits_that_say_nothing() -> None:
    assert wording.points(28 / 33 - 22 / 33, 33) == f"18{wording.NB}points"
    assert wording.points(0.1589, 107) == f"16{wording.NB}points"
    assert wording.points(0.1589, 10_000) == wording.points(0.1589) == f"15.9{wording.NB}points"
    assert wording.points(-0.0112, 107) == f"1.1{wording.NB}points"


def test_one_and_many() -> None:
    assert (
        plain(wording.amount(1, "picture")) == "1 picture"
        and plain(wording.amount(2000, "class", "classes")) == "2,000 classes"
    )
    assert wording.listing(["a"]) == "a" and wording.listing(["a", "b", "c"]) == "a, b and c"
    assert wording.quoted("a\nb") == "“a b”" and len(wording.quoted("x" * 100)) == 42


def test_entropies_are_told_as_numbers_of_choices() -> None:
    text = wording.undecided(math.log(5), math.log(2))
    assert "between 5 equally likely options" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2024, "2024"),
        (1984.37, "1984"),
        (-300.0, "-300"),
        (0.12345, "0.1235"),
        (9999.7, "10,000"),
        (250_000.0, "250,000"),
    ],
)
def test_values_of_the_data_have_no_comma_where_they_may_be_years(value: float, text: str) -> None:
    assert wording.from_data(value) == text


def test_ranges_of_whole_numbers_have_their_ends_inside() -> None:
    ranges = ((2007, 2008, True), (10, 15, True), (11.5, 12, False))
    assert [wording.between(*each) for each in ranges] == [
        "2007",
        "10 to 14",
        "11.5 to 12",
    ]
