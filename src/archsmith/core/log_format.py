"""The format of a study's log: a number in the data of its first event, and how older data become those of today.

``upgraded`` brings older data to the present format, and refuses data of a later format. Every reader of a first event
uses it, directly or through ``core.records``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archsmith.core.errors import StudyError

Data = dict[str, Any]


def _from_1_to_2(data: Data) -> Data:
    """Versions up to 0.1 knew pictures only. The recipe held the augmentation, and the findings of the checks were
    called a report.
    """
    _divide_recipe(data.get("evaluator"))
    fit = data.get("fit")
    if isinstance(fit, dict) and "report" in fit:
        fit["findings"] = fit.pop("report")
    return data


OLD_AUGMENTATION = {"shift": 0.04, "flip": False, "cutout": 0.0}  # with the defaults of those versions


def _divide_recipe(spec: Any) -> None:
    """In every training evaluator of ``spec``: take the augmentation out of the recipe, and the task from the data."""
    if isinstance(spec, dict):
        args = spec.get("args")
        recipe = args.get("recipe") if isinstance(args, dict) else None
        if (
            isinstance(args, dict)
            and isinstance(recipe, dict)
            and isinstance(recipe.get("args"), dict)
            and "task" in args
        ):
            was = {name: recipe["args"].pop(name, default) for name, default in OLD_AUGMENTATION.items()}
            args["augmentation"] = {name: was[name] for name in was if was[name] != OLD_AUGMENTATION[name]}
            args["task"] = None
            recipe["args"].setdefault("optimizer", "sgd")
        for inner in spec.values():
            _divide_recipe(inner)


# UPGRADES[i] brings the data of a first event from format i + 1 to format i + 2. The data are a copy, which it may
# change. Any key may be missing: ``extended`` events and the plans of comparisons use the same functions.
UPGRADES: tuple[Callable[[Data], Data], ...] = (_from_1_to_2,)
FORMAT = len(UPGRADES) + 1


def upgraded(data: Mapping[str, Any]) -> Data:
    """The data of a first event, in the present format. Raises StudyError for data of a later format."""
    written = data.get("format", 1)
    if not isinstance(written, int) or written > FORMAT:
        raise StudyError(
            f"This study was written by a later version of archsmith (format {written}, known: {FORMAT}).",
            "Upgrade archsmith to open it.",
        )
    now = _copied(data)
    for upgrade in UPGRADES[max(written, 1) - 1 :]:
        now = upgrade(now)
    return {**now, "format": FORMAT}


def _copied(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _copied(value) for name, value in data.items()}
    return [_copied(value) for value in data] if isinstance(data, list | tuple) else data


# -- fields of data that may be missing --------------------------------------------------------------------------------


def mapping_in(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The mapping ``name`` of ``data``; empty where there is none. Raises TypeError for another type."""
    value = data.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is {type(value).__name__}")
    return value


def number_in(data: Mapping[str, Any], name: str) -> float | None:
    """The number ``name`` of ``data``; None where there is none. Raises TypeError for another type, and OverflowError
    for a whole number beyond all floats.
    """
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise TypeError(f"{name} is {type(value).__name__}")
    float(value)
    return value


def numbers_in(data: Mapping[str, Any], name: str) -> Mapping[str, float]:
    """The mapping ``name`` of ``data``, whose values are numbers. Raises TypeError for another type."""
    found = mapping_in(data, name)
    for key in found:
        if number_in(found, key) is None:
            raise TypeError(f"{key} is None")
    return found


def text_in(data: Mapping[str, Any], name: str) -> str | None:
    """The text ``name`` of ``data``; None where there is none. Raises TypeError for another type."""
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is {type(value).__name__}")
    return value
