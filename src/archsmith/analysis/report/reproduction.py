"""How to use the exported network, and how to repeat the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsmith.analysis.report.section import Section
from archsmith.analysis.study import Study, written_by
from archsmith.analysis.wording import metric_name, number
from archsmith.core.problem import Problem
from archsmith.core.wording import spec_in_words, strategy_in_words, times

PARTS = (("space", "search space"), ("strategy", "strategy"), ("evaluator", "evaluator"))
BY_CHANCE = "Several trials ran at once, and which of them ended first is chance, so another run may propose others."
MEANINGS = {
    "seed": "the number that all randomness begins with",
    "search space": "what could be chosen",
    "strategy": "what proposed the next network to try",
    "evaluator": "what gave each one its score",
    "the log": "all that happened, in its order",
}


@dataclass(frozen=True)
class Reproduction:
    """How to use the result, and how to get it again.

    lead: how the test split was read, and whether the command repeats the search
    command: the words of the command line; empty where there is none
    facts: (name, value) of everything that decided the study
    meanings: what some of these names mean
    bundle: the folder of the exported network; empty without one
    changed: did a search get other limits than the command gave it?
    """

    lead: str
    command: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    bundle: str
    changed: bool = False
    meanings: Mapping[str, str] = field(default_factory=lambda: MEANINGS)


def reproduction_of(study: Study) -> Reproduction:
    known = (study.manifest.get("facts") or {}).get("command") or study.began.get("command")
    command = str(known or "")
    bundle = study.folder.resolve() / "final" / "bundle"
    target = (study.result or {}).get("model_dir")
    if target and written_by(Path(target)) not in (None, study.id):
        target = None  # another study's by now
    return Reproduction(
        _lead(study, command),
        tuple(command.split(" ")) if command else (),
        _facts(study),
        str(target or bundle) if target or bundle.exists() else "",
        _changed(study),
    )


def _changed(study: Study) -> bool:
    """Does the command tell the limits of the beginning alone? A job's bundle has a command with the last ones."""
    return not study.fit and study.view.limits_changed


def _lead(study: Study, command: str) -> str:
    settings = study.fit.get("settings") or {}
    at_once = study.view.at_once or (settings.get("workers") or 1) > 1
    if not study.fit:
        told = "The log holds every proposal and every result."
        if at_once:
            return f"{told} {BY_CHANCE}"
        if _changed(study):
            alone = ", so the command below repeats its beginning alone" if command else ""
            return f"{told} Its limits changed later{alone}."
        return (
            f"{told} With one worker, the same seed and settings propose the same {study.tried_things} again, as long "
            "as trials score the same and no limit of time has a part."
        )
    measured = f"was measured {times(study.test_reads)}" if study.test_reads else "is not measured yet"
    text = f"The test split {measured}. Networks were compared on the validation split only."
    if settings.get("seconds"):
        text += (
            " The budget was time by the clock, so another run may try more or fewer networks and end with another one."
        )
    elif at_once:
        text += f" {BY_CHANCE}"
    elif study.view.asked_to_stop:
        text += " A person asked it to finish early, so another run may try more networks."
    elif study.view.job.extensions:
        text += " Its limits changed later, so a run that has the last ones from the start may try other networks."
    elif command:
        text += (
            " The budget was a number of trials, so the same command repeats the same search, as long as trials score "
            "the same."
        )
    return text


def _facts(study: Study) -> tuple[tuple[str, str], ...]:
    settings = study.fit.get("settings") or {}
    versions = study.manifest.get("versions") or {}
    parts = [(name, _part(study, kind)) for kind, name in PARTS]
    told = [
        ("study", study.id),
        ("seed", str(study.began.get("seed"))),
        *parts,
        ("goal", "" if study.fit else _goal(study.history.problem)),
        ("data", str(settings.get("data") or "")),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("the log", str(study.folder.resolve() / "events.sqlite")),
    ]
    return tuple((name, value) for name, value in told if value)


def _part(study: Study, kind: str) -> str:
    """A part of the study. Of a job, the strategy is what the command takes, and the race around it is told."""
    spec = study.began.get(kind)
    asked = (study.fit.get("settings") or {}).get("strategy") if kind == "strategy" else None
    if not asked:
        return _spec(spec, plain=bool(study.fit))
    raced = isinstance(spec, Mapping) and spec.get("type") == "race" and asked != "race"
    return strategy_in_words(f"race(inner={asked})" if raced else str(asked))


def _spec(spec: Any, *, plain: bool) -> str:
    """What a spec names, with its settings unless ``plain``."""
    if not isinstance(spec, Mapping) or "type" not in spec:
        return ""
    return str(spec["type"]) if plain or not spec.get("args") else spec_in_words(spec)


def _goal(problem: Problem) -> str:
    goals = [
        f"{metric_name(objective.metric)}, {'higher' if objective.maximize else 'lower'} is better"
        for objective in problem.objectives
    ]
    limits = [
        f"{metric_name(limit.metric)} {sign} {number(bound)}"
        for limit in problem.constraints
        for sign, bound in (("≤", limit.upper), ("≥", limit.lower))
        if bound is not None
    ]
    return "; ".join([*goals, *limits])


SECTION = Section("reproduce", "Use it, repeat it", reproduction_of)
