from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.space import Space
from archsmith.testing.need import Broken, keeping, need


def test_a_broken_law_is_named_with_its_sentence() -> None:
    with pytest.raises(AssertionError, match=r"^an end: it goes on\.$"):
        need(False, "an end", "it goes on.")


def test_a_kept_law_says_nothing() -> None:
    need(True, "an end", "it goes on.")


def raises() -> None:
    raise ValueError("what was wrong")


def asserts() -> None:
    assert not True, "of their own"


def leaves() -> None:
    raise SystemExit(3)


def recurses() -> None:
    recurses()


def refuses() -> None:
    raise UsageError("It is too large.", "Make it smaller.")


@dataclass(frozen=True)
class Choosy:
    n: int = 0

    def __post_init__(self) -> None:
        if self.n:
            raises()


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (raises, r"raises \(line \d+ of test_need\.py\) raised ValueError: what was wrong"),
        (asserts, r"asserts \(line \d+ of test_need\.py\) raised AssertionError: of their own.*"),
        (leaves, r"leaves \(line \d+ of test_need\.py\) raised SystemExit: 3"),
        (recurses, r"recurses \(line \d+ of test_need\.py\) calls itself without an end\."),
        (partial(replace, Choosy(), n=1), r"Choosy\.__post_init__ \(line \d+ of test_need\.py\) raised ValueError: .*"),
        (refuses, r"refuses \(line \d+ of test_need\.py\) raised UsageError: It is too large\. Make it smaller\."),
    ],
)
def test_an_error_breaks_the_law_and_says_where_it_came_from(part: Callable[[], None], sentence: str) -> None:
    with pytest.raises(Broken, match=rf"^some law: {sentence}$"):
        keeping("some law")(part)()


def test_the_sentence_may_have_a_beginning() -> None:
    with pytest.raises(Broken, match=r"^some law: At the third trial, raises "):
        keeping("some law", "At the third trial, ")(raises)()


def test_an_error_of_this_package_that_names_its_cause_is_said_as_it_is() -> None:
    class Fails(Space):
        def decide(self, choose: object) -> None:
            raises()

    with pytest.raises(
        Broken, match=r"^questions: Fails\.decide raised ValueError: what was wrong\. It had asked"
    ) as caught:
        keeping("questions")(Fails().decisions)(Architecture({}))
    assert "--debug" not in str(caught.value)  # a flag of the command line


def test_a_law_inside_a_law_keeps_its_name() -> None:
    with pytest.raises(Broken, match=r"^inner: no\.$"), keeping("outer"):
        need(False, "inner", "no.")


def test_the_traceback_is_kept_unless_it_would_be_a_thousand_lines() -> None:
    with pytest.raises(Broken) as caught:
        keeping("some law")(raises)()
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(Broken) as caught:
        keeping("some law")(recurses)()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_ctrl_c_is_no_broken_law() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keeping("some law")(interrupted)()
