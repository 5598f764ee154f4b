import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError


def test_keeps_order_but_compares_by_content():
    a, b = Architecture({"x": 1, "y": "relu"}), Architecture({"y": "relu", "x": 1})
    assert a == b and hash(a) == hash(b) and a.key == b.key
    assert list(a) == ["x", "y"] and list(b) == ["y", "x"]


@pytest.mark.parametrize(("one", "other"), [(True, 1), (1, 1.0), (0, False), (None, 0), ("1", 1)])
def test_types_matter(one, other):
    assert Architecture({"x": one}) != Architecture({"x": other})


def test_json_round_trip():
    a = Architecture({"x": 1, "y": 0.5, "z": None, "b": True, "s": "é"})
    assert Architecture.from_json(a.to_json()) == a


def test_key_is_the_same_on_every_machine():
    assert Architecture({"x": 1}).key == "e9a986caf601b7f4"


def test_recipe_and_structure_split():
    a = Architecture({"depth": 3, "recipe/flip": True})
    assert dict(a.structure) == {"depth": 3}
    assert dict(a.recipe) == {"recipe/flip": True}


@pytest.mark.parametrize("bad", [{"x": [1]}, {"": 1}, {"x": float("nan")}, {"x": float("inf")}, {1: 2}])
def test_refuses_what_is_not_plain(bad):
    with pytest.raises(UsageError):
        Architecture(bad)


@pytest.mark.parametrize("text", ["[1]", "{", "3", '{"x": {}}', "[" * 100_000, "9" * 5000])
def test_refuses_other_json(text):
    with pytest.raises(UsageError):
        Architecture.from_json(text)


@pytest.mark.parametrize("decisions", [3, "depth", [1, 2], None])
def test_what_holds_no_decisions_is_refused_in_a_sentence(decisions):
    with pytest.raises(UsageError, match=r"An architecture cannot be .* Give its decisions and answers"):
        Architecture(decisions)
