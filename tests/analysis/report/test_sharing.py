from __future__ import annotations

from typing import Any

from archsmith.analysis.report.sharing import judged_by_sharing, sharing_metric, sharing_settings
from archsmith.analysis.study import read_study

SHARED = {"type": "archsmith.oneshot.evaluator:SharedWeightsEvaluator", "args": {"sampler": "controller"}}
CACHED = {"type": "cached", "args": {"evaluator": SHARED}}
TRAINING: dict[str, Any] = {"type": "training", "args": {}}


def cascade(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"type": "cascade", "args": {"first": first, "second": second}}


def test_whose_scores_trials_have(prepared: Any) -> None:
    cases = [
        (SHARED, True),
        (CACHED, True),
        (cascade(TRAINING, SHARED), True),
        (cascade(SHARED, TRAINING), False),
        (TRAINING, False),
    ]
    assert [judged_by_sharing(read_study(prepared([], {}, evaluator=spec))) for spec, _ in cases] == [
        expected for _, expected in cases
    ]


def test_settings_are_found_inside_wrappers(prepared: Any) -> None:
    study = read_study(prepared([], {}, evaluator=cascade(TRAINING, CACHED)))
    assert sharing_settings(study) == {"sampler": "controller"} and sharing_metric(study) == "accuracy"
    assert sharing_settings(read_study(prepared([], {}, evaluator=TRAINING))) == {}
