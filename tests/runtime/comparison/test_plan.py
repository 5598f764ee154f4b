from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from archsmith.core import log_format
from archsmith.core.errors import StudyError, UsageError
from archsmith.core.problem import Objective, Problem
from archsmith.runtime.comparison.plan import Plan, judged_by_of, read_plan, refuse_another
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

TWO = {"random": RandomSearch(), "evolution": RegularizedEvolution(population=5)}


def plan(evaluator: Any = None, strategies: Any = TWO, problem: Problem | None = None, **options: Any) -> Plan:
    evaluator = evaluator or ToyEvaluator(simulated=True, seconds=10.0)
    return Plan.of(problem or Problem(Flat(4, 5)), evaluator, strategies, **{"runs": 3, "trials": 12, **options})


def test_a_plan_survives_json() -> None:
    one = plan()
    assert Plan.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert {field.name for field in dataclasses.fields(Plan)} | {"format"} == set(one.to_dict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runs": 0}, "cannot have 0 runs"),
        ({"trials": None}, "needs a budget"),
        ({"trials": -1}, "trials cannot be -1"),
        ({"strategies": {}}, "no strategy to compare"),
        ({"strategies": {"../up": RandomSearch()}}, "cannot be called '../up'"),
        (
            {
                "problem": Problem(Flat(), tuple(Objective(name, maximize=True) for name in "abc")),
                "evaluator": ToyEvaluator(("a", "b", "c")),
            },
            "not 3",
        ),
        ({"problem": Problem(Flat(), (Objective("size", maximize=False),))}, "no metric 'size'"),
        (
            {"evaluator": ToyEvaluator(("accuracy", "odd")), "judged_by": "odd"},
            "'odd' does not say whether more or less",
        ),
    ],
)
def test_plans_that_cannot_be(options: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan(**options)


def test_an_answer_is_judged_by_the_metric_that_the_evaluator_names() -> None:
    assert judged_by_of(ToyEvaluator(), "accuracy") == "accuracy"
    assert plan().maximize == (True,)


# -- plans of other versions -------------------------------------------------------------------------------------------


def first_format(**changed: Any) -> dict[str, Any]:
    return {**plan().to_dict(), "format": 1, **changed}


def test_a_plan_of_the_first_format_is_the_same_comparison() -> None:
    old = Plan.from_dict(first_format())
    assert old == plan() and old.key == plan().key


def test_the_specs_of_an_old_plan_are_upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    def marked(data: dict[str, Any]) -> dict[str, Any]:
        return {name: {**value, "new": 1} if isinstance(value, dict) else value for name, value in data.items()}

    monkeypatch.setattr(log_format, "UPGRADES", (marked,))
    old = Plan.from_dict(first_format())
    assert old.space["new"] == old.evaluator["new"] == old.strategies["random"]["new"] == 1


def test_an_old_plan_without_a_field_that_its_classes_have_got_since_goes_on(tmp_path: Path) -> None:
    began = plan().to_dict()
    began["strategies"]["evolution"]["args"] = {"population": 5}
    refuse_another(tmp_path, Plan.from_dict(began), plan())
    refuse_another(tmp_path, Plan.from_dict(began), plan(title="the same in other words"))
    with pytest.raises(UsageError, match="began with seed = 0, not 9"):
        refuse_another(tmp_path, Plan.from_dict(began), plan(seed=9))


@pytest.mark.parametrize("text", ["[]", "{", "3", json.dumps({"format": 99, "strategies": {}}), '{"title": "a"}'])
def test_a_plan_that_cannot_be_read_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "comparison.json").write_text(text)
    with pytest.raises(StudyError, match="comparison.json .*Choose another name"):
        read_plan(tmp_path)


def test_a_folder_without_a_plan(tmp_path: Path) -> None:
    assert read_plan(tmp_path) is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Plan.of(ToyEvaluator(), Problem(Flat()), TWO, runs=1, trials=1), "Problem and evaluator have changed"),
        (lambda: plan(problem=Flat()), r"Flat is a search space, not a problem\."),
        (lambda: plan(ToyEvaluator), r"the class ToyEvaluator, .* Write ToyEvaluator\(\) with"),
        (lambda: plan("toy"), r"The evaluator cannot be 'toy'"),
        (lambda: plan(strategies="random"), r"The strategies to compare cannot be 'random'\. Give a mapping"),
        (lambda: plan(strategies=[RandomSearch()]), r"The strategies to compare cannot be \[RandomSearch\(\)\]"),
        (lambda: plan(strategies={"random": "random"}), r"the text 'random'\. Give an object: RandomSearch\(\), from"),
        (lambda: plan(strategies={"random": RandomSearch}), r"Write RandomSearch\(\) with brackets"),
        (lambda: plan(strategies={"toy": ToyEvaluator()}), r"The strategy cannot be a ToyEvaluator"),
        (lambda: plan(strategies={3: RandomSearch()}), r"The label of a strategy cannot be 3\."),
        (lambda: plan(runs="6"), r"Plan\.runs cannot be '6'\."),
        (lambda: plan(runs=1.5), r"Plan\.runs cannot be 1\.5\."),
        (lambda: plan(seed="x"), r"Plan\.seed cannot be 'x'\."),
        (lambda: plan(title=3), r"Plan\.title cannot be 3\."),
    ],
)
def test_a_slip_is_one_sentence(make: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()
