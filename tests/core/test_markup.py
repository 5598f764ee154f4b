import pytest

from archsmith.core import markup

ATTACK = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (True, "yes"),
        (12345, "12,345"),
        (0.98, "0.98"),
        (0.123456, "0.1235"),
        (1e-6, "1e-06"),
        (2.0, "2"),
        (12345.0, "12,345"),
        (12345.6, "1.235e+04"),
        (0.0, "0"),
        ("a < b", "a &lt; b"),
    ],
)
def test_values_are_read_by_people(value, said):
    assert markup.text(value) == said


def test_everything_in_a_table_is_escaped():
    html = markup.table([(ATTACK, 1)], (ATTACK, "n"), caption=ATTACK)
    assert "<script" not in html and html.count("&lt;script&gt;") == 3


def test_a_table_without_head_has_none():
    assert "<thead" not in markup.table([("a", 1)]) and "<caption" not in markup.table([("a", 1)])


def test_only_columns_of_numbers_stand_to_the_right():
    mixed, numbers = markup.table([(3, 1), ("max", None)]).split("<tr>")[1].split("<td")[1:]
    assert "text-align:left" in mixed and "text-align:right" in numbers
