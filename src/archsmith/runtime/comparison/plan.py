"""The plan of a comparison: what is compared, as JSON data, and how it is read again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.core.budget import Budget
from archsmith.core.errors import ArchsmithError, StudyError, UsageError
from archsmith.core.fields import checked, fitting, said
from archsmith.core.files import json_value, reason, small_text
from archsmith.core.log_format import FORMAT, upgraded
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context, Evaluator, Strategy
from archsmith.core.seeds import derive, generator
from archsmith.core.targets import more_is_better
from archsmith.core.trial import Outcome
from archsmith.runtime.arguments import check_problem, check_strategy
from archsmith.runtime.search import other_setting, rebuilt

PLAN = "comparison.json"
LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}")
MOST_OBJECTIVES = 2  # hyper-volumes of more are not computed
REHEARSED = 20  # random trials that are tried before a budget of seconds is believed


@checked
@dataclass(frozen=True)
class Plan:
    """What is compared, as JSON data. Specs are those of ``archsmith.catalog``.

    title: what people call the problem.
    space, evaluator: specs.
    problem: ``Problem.to_dict()``.
    strategies: label -> spec.
    judged_by: for each objective, the metric that a recommendation is judged by.
    runs: how many searches each strategy does.
    seconds, trials: limits on each run; None: no such limit.
    seed: run k has the study seed ``seed`` + k.
    """

    title: str
    space: Mapping[str, Any]
    evaluator: Mapping[str, Any]
    problem: Mapping[str, Any]
    strategies: Mapping[str, Mapping[str, Any]]
    judged_by: tuple[str, ...]
    runs: int
    seconds: float | None = None
    trials: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.runs < 1:
            raise UsageError(
                f"A comparison cannot have {self.runs} runs.",
                "Give 1 or more of each strategy; 6 are the least that can be tested.",
            )
        if self.seconds is None and self.trials is None:
            raise UsageError("A comparison needs a budget for each run.", "Give seconds or trials.")
        Budget(self.seconds, self.trials)
        if not self.strategies:
            raise UsageError("There is no strategy to compare.", "Name some: random,evolution,local.")
        for label in self.strategies:
            if not LABEL.fullmatch(label):
                raise UsageError(
                    f"A strategy cannot be called {label!r}.", "Use letters, digits, dots, dashes and underscores."
                )
        n = len(self.problem["objectives"])
        if n > MOST_OBJECTIVES:
            raise UsageError(f"A comparison takes one objective or two, not {n}.", "Make the others limits.")
        if len(self.judged_by) != n:
            raise UsageError(f"There are {n} objectives and {len(self.judged_by)} metrics to judge by.")

    @classmethod
    def of(
        cls,
        problem: Problem,
        evaluator: Evaluator,
        strategies: Mapping[str, Strategy],
        *,
        runs: int,
        seconds: float | None = None,
        trials: int | None = None,
        seed: int = 0,
        judged_by: str | None = None,
        title: str | None = None,
    ) -> Plan:
        """The plan of comparing ``strategies`` (label -> strategy). ``judged_by``: the metric instead of the first
        objective.
        """
        if not isinstance(strategies, Mapping):
            raise UsageError(
                f"The strategies to compare {said(strategies)}.",
                'Give a mapping from labels to strategies: {"random": RandomSearch(), "evolution": …}.',
            )
        for label, strategy in strategies.items():
            check_strategy(strategy)
            if not isinstance(label, str):
                raise UsageError(f"The label of a strategy {said(label)}.", "Give a text, such as 'random'.")
        check_problem(problem, evaluator)
        fitting(Plan, {"runs": runs, "seed": seed, **({} if title is None else {"title": title})})
        defaults = [judged_by_of(evaluator, objective.metric) for objective in problem.objectives]
        metrics = [judged_by or defaults[0], *defaults[1:]]
        unknown = [metric for metric in (*metrics, *problem.metrics) if metric not in evaluator.metrics]
        if unknown:
            raise UsageError(
                f"{type(evaluator).__name__} has no metric {unknown[0]!r} to search for or to judge by.",
                f"It has: {', '.join(evaluator.metrics)}.",
            )
        if metrics[0] not in (problem.objectives[0].metric, defaults[0]) and more_is_better(metrics[0]) is None:
            raise UsageError(
                f"The name of the metric {metrics[0]!r} does not say whether more or less of it is better.",
                "Judge by one whose name says it, such as accuracy or error, or search for it: --maximize or "
                "--minimize METRIC (an Objective in Python).",
            )
        plan = cls(
            title or type(evaluator).__name__.removesuffix("Evaluator"),
            catalog.to_spec(problem.space),
            catalog.to_spec(evaluator),
            problem.to_dict(),
            {label: catalog.to_spec(strategy) for label, strategy in strategies.items()},
            tuple(metrics),
            runs,
            seconds,
            trials,
            seed,
        )
        return cls.from_dict(json.loads(json.dumps(plan.to_dict())))  # as it will be read again

    def to_dict(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Raises StudyError for a plan of a later format."""
        now = upgraded({name: value for name, value in data.items() if name != "strategies"})
        del now["format"]
        strategies = {
            label: upgraded({"format": data.get("format", 1), "strategy": spec})["strategy"]
            for label, spec in data["strategies"].items()
        }
        return cls(**{**now, "strategies": strategies, "judged_by": tuple(now["judged_by"])})

    @property
    def maximize(self) -> tuple[bool, ...]:
        """For each metric of ``judged_by``."""
        return tuple(
            _maximize(metric, *each[:2])
            for metric, each in zip(self.judged_by, self.problem["objectives"], strict=True)
        )

    @property
    def tabled(self) -> bool:
        """Does the evaluator know true scores, those of a table? Else a trial is judged by what it returned."""
        try:
            return hasattr(catalog.get("evaluator", self.evaluator["type"]), "standing")
        except (ArchsmithError, KeyError):
            return False

    @property
    def key(self) -> str:
        """Eight hexadecimal digits that name everything but the number of runs."""
        data = {name: value for name, value in asdict(self).items() if name != "runs"}
        data["format"] = 1  # as it was at first, so that a comparison keeps its name
        return f"{derive(0, json.dumps(data, sort_keys=True)):016x}"[:8]


def read_plan(folder: Path) -> Plan | None:
    """The plan of the comparison in ``folder``, None when there is none. Raises StudyError when it cannot be read."""
    try:
        data = json_value(small_text(folder / PLAN))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StudyError(f"{folder / PLAN} cannot be read: {reason(error)}.", "Choose another name.") from error
    try:
        return Plan.from_dict(data)
    except (StudyError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(
            f"{folder / PLAN} was written by a newer version of Archsmith, or is no comparison.", "Choose another name."
        ) from error


def refuse_another(folder: Path, before: Plan, now: Plan) -> None:
    began, wanted = before.to_dict(), now.to_dict()
    for part in ("evaluator", "space", "problem", "judged_by", "seconds", "trials", "seed", "strategies"):
        if began[part] != wanted[part] and _present(part, began[part]) != wanted[part]:
            raise UsageError(
                f"The comparison {folder.name!r} began with {_other(part, began[part], wanted[part])}.",
                "Repeat it as it was (only runs may change), or give this one another name.",
            )


def _present(part: str, began: Any) -> Any:
    """Specs with the fields that their classes have got since they were written."""
    if part == "strategies":
        return {label: rebuilt("strategy", spec) for label, spec in began.items()}
    return rebuilt(part, began)


def _other(part: str, began: Any, wanted: Any) -> str:
    """``strategy evolution.population = 100, not 6``: the first thing that differs."""
    if part != "strategies":
        return other_setting(part, began, wanted)
    if list(began) != list(wanted):
        return f"the strategies {', '.join(began)}, not {', '.join(wanted)}"
    label = next(label for label, spec in began.items() if spec != wanted[label])
    return other_setting(f"strategy {label}", began[label], wanted[label])


def judged_by_of(evaluator: Evaluator, metric: str) -> str:
    """The metric that the answer of a search for ``metric`` is judged by."""
    judged_by = getattr(evaluator, "judged_by", None)
    return str(judged_by(metric)) if judged_by is not None else metric


def _maximize(metric: str, objective: str, maximize: bool) -> bool:
    """Whether more of ``metric`` is better: as with the ``objective`` of the search, unless its name says otherwise."""
    more = more_is_better(metric)
    return maximize if more is None or more == more_is_better(objective) else more


def refuse_endless(budget: Budget, problem: Problem, evaluator: Evaluator, title: str) -> None:
    """Raises UsageError where ``budget`` is of seconds alone and none of 20 random trials of what people call ``title``
    charges any.
    """
    if budget.seconds is None or budget.trials is not None or not evaluator.simulated:
        return
    rng = generator(0, "rehearsal")
    if not any(_seconds(evaluator, problem, rng) > 0 for _ in range(REHEARSED)):
        raise UsageError(
            f"Trials of {title} cost no simulated time, so a budget of seconds would never end.",
            "Give a budget of trials.",
        )


def _seconds(evaluator: Evaluator, problem: Problem, rng: Any) -> float:
    """What a random trial would charge."""
    try:
        outcome = evaluator.evaluate(problem.space.sample(rng), problem.fidelity.maximum, Context(0, 0))
    except Exception:
        return 0.0  # a failed trial charges next to nothing
    return outcome.seconds if isinstance(outcome, Outcome) else 0.0


def parts(plan: Mapping[str, Any]) -> tuple[Problem, Evaluator]:
    """Problem and evaluator of a plan."""
    return _parts(*_texts(plan))


def _texts(plan: Mapping[str, Any]) -> tuple[str, str, str]:
    return json.dumps(plan["space"]), json.dumps(plan["evaluator"]), json.dumps(plan["problem"])


@lru_cache(maxsize=4)
def _parts(space: str, evaluator: str, problem: str) -> tuple[Problem, Evaluator]:
    """Built once a process, so that tables and what strategies know of a space are kept from run to run."""
    return Problem.from_dict(catalog.from_spec(json.loads(space), "space"), json.loads(problem)), catalog.from_spec(
        json.loads(evaluator), "evaluator"
    )
