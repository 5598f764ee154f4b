"""Which part shared weights have in a study: read from the specs of its evaluators as they are.

What a spec names may not be importable here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archsmith import catalog
from archsmith.analysis.study import Study

SHARED = "archsmith.oneshot.evaluator:SharedWeightsEvaluator"
INSIDE = ("evaluator", "second")  # fields of a wrapper that hold the evaluator whose scores its trials get
# by the evaluator's task, of preparations that do not say their metric; more is better in all of them
MEASURES = {"classes": "accuracy", "balanced": "balanced_accuracy", "numbers": "r2"}


def judged_by_sharing(study: Study) -> bool:
    """Are the scores of trials those with shared weights?"""
    return _type(judge_spec(study)) == SHARED


def sharing_spec(study: Study) -> Any:
    """The evaluator of shared weights, inside whatever wraps it; None where there is none."""
    specs = [study.began.get("evaluator")]
    for spec in specs:
        if _type(spec) == SHARED:
            return spec
        specs += [_args(spec)[name] for name in ("first", *INSIDE) if _args(spec).get(name)]
    return None


def sharing_settings(study: Study) -> Mapping[str, Any]:
    """The settings of the evaluator of shared weights; empty without one."""
    return _args(sharing_spec(study))


def judge_spec(study: Study) -> Any:
    """The evaluator that scores trials, inside all wrappers."""
    spec = study.began.get("evaluator")
    while inner := next((_args(spec)[name] for name in INSIDE if _args(spec).get(name)), None):
        spec = inner
    return spec


def sharing_metric(study: Study) -> str:
    """The metric of rewards and first looks."""
    told = (study.history.prepared or {}, *(metrics for _, metrics in study.preparing[-1:]))
    said = next((name for each in told if isinstance(name := each.get("measure"), str)), None)
    return said or MEASURES.get(str(sharing_settings(study).get("task"))) or study.history.problem.objectives[0].metric


def judge_settings(study: Study) -> Mapping[str, Any]:
    """The settings of the evaluator that scores trials."""
    return _args(judge_spec(study))


def _args(spec: Any) -> Mapping[str, Any]:
    args = spec.get("args") if isinstance(spec, Mapping) else None
    return args if isinstance(args, Mapping) else {}


def _type(spec: Any) -> str:
    """``module:Class``."""
    name = str(spec.get("type")) if isinstance(spec, Mapping) else ""
    return catalog.TABLE["evaluator"].get(name, name)
