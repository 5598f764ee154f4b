"""How data of earlier formats become those of today."""

from __future__ import annotations

from typing import Any

import pytest

from archsmith.core import log_format
from archsmith.core.errors import StudyError
from archsmith.core.log_format import FORMAT, upgraded


def test_old_data_go_through_every_upgrade_since(monkeypatch: pytest.MonkeyPatch) -> None:
    def first(data: dict[str, Any]) -> dict[str, Any]:
        data["evaluator"]["args"]["a"] = 1
        return data

    def second(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "seed": data["seed"] + 10}

    monkeypatch.setattr(log_format, "UPGRADES", (first, second))
    monkeypatch.setattr(log_format, "FORMAT", 3)
    old = {"seed": 1, "evaluator": {"args": {}}}
    assert upgraded(old) == {"seed": 11, "evaluator": {"args": {"a": 1}}, "format": 3}
    assert old == {"seed": 1, "evaluator": {"args": {}}}  # is not changed itself
    assert upgraded({**old, "format": 2}) == {"seed": 11, "evaluator": {"args": {}}, "format": 3}
    assert upgraded({**old, "format": 3}) == {**old, "format": 3}


@pytest.mark.parametrize("written", [FORMAT + 1, "2", None])
def test_an_unknown_format_is_refused(written: Any) -> None:
    with pytest.raises(StudyError, match="a later version of archsmith"):
        upgraded({"format": written})


def test_a_recipe_of_the_first_format_is_divided() -> None:
    recipe = {"type": "m:Recipe", "args": {"shift": 0.1, "flip": False, "epochs": 3}}
    old = {"evaluator": {"type": "cached", "args": {"inner": {"args": {"recipe": recipe, "task": "numbers"}}}}}
    args = upgraded(old)["evaluator"]["args"]["inner"]["args"]
    assert args["recipe"]["args"] == {"epochs": 3, "optimizer": "sgd"}
    assert args["augmentation"] == {"shift": 0.1} and args["task"] is None


def test_a_report_of_the_first_format_becomes_findings() -> None:
    assert upgraded({"fit": {"report": {"n": 1}}})["fit"] == {"findings": {"n": 1}}
