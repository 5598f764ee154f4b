"""Spaces and strategies with their fields, told by the classes themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archsmith.app import choices
from archsmith.core.task import Input, classification

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = classification((Input("image", "image", (3, 16, 16)),), ("a", "b"))
ROWS = classification((Input("numbers", "numbers", (4,)),), ("a", "b"))


@dataclass(frozen=True)
class Inner:
    """Part of it.

    ``width``: how wide, 1 or more.
    """

    width: int = 8


@dataclass(frozen=True)
class Outer:
    """Tries things. Then it stops.

    ``n``, ``m``: two numbers,
        told together.
    ``names``: texts.
    ``object``: what a form cannot hold.
    ``inner``: of its own.
    """

    n: int | None = None
    m: float = 0.5
    names: tuple[str, ...] = ("a", "b")
    object: Inner | str = "x"
    inner: Inner = field(default_factory=lambda: Inner(9))
    untold: int = 3


def test_fields_come_from_the_dataclass_and_its_docstring() -> None:
    assert choices.fields_of(Outer) == [
        {"name": "n", "kind": "int", "default": None, "help": "two numbers, told together."},
        {"name": "m", "kind": "float", "default": 0.5, "help": "two numbers, told together."},
        {"name": "names", "kind": "list", "default": ["a", "b"], "help": "texts."},
        {"name": "inner.width", "kind": "int", "default": 9, "help": "how wide, 1 or more."},
    ]


@dataclass(frozen=True)
class Kept:
    """Of a plug-in.

    ``folder``: what only type checkers can read.
    ``n``: how many.
    """

    folder: Path | None = None
    n: int = 3


def test_a_field_of_an_unknown_kind_is_left_out_alone() -> None:
    assert [each["name"] for each in choices.fields_of(Kept)] == ["n"]


def test_what_the_data_have_set_is_left_out() -> None:
    assert [each["name"] for each in choices.fields_of(Outer(m=0.7, inner=Inner(4)))] == ["n", "names"]


def test_spaces_are_those_for_the_task() -> None:
    pictures = {row["name"]: row for row in choices.spaces_for(PICTURES)}
    assert {"pictures", "nasnet"} <= set(pictures)
    assert "tabular" not in pictures
    assert "scale.filters" in [each["name"] for each in pictures["nasnet"]["fields"]]
    assert [row["name"] for row in choices.spaces_for(ROWS)] == ["tabular"]


def test_strategies_have_their_fields() -> None:
    found = {row["name"]: row for row in choices.strategies()}
    assert {"population", "sample_size"} <= {each["name"] for each in found["evolution"]["fields"]}
    assert found["local"]["summary"] == "Hill climbing by changes of one decision."
    assert "race" not in found  # it is around all of them
