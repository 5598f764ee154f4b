"""The whole report as facts: a fold of one study into plain data and sentences, which the page then only sets."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from archsmith.analysis.answers import Answers, answers_of
from archsmith.analysis.beliefs import Beliefs, beliefs_of
from archsmith.analysis.bought import Bought, bought_of
from archsmith.analysis.material import Material, material_of
from archsmith.analysis.preparing import Preparing, judged_by_sharing, preparing_of
from archsmith.analysis.searching import Searching, searching_of
from archsmith.analysis.study import Study
from archsmith.analysis.wording import (
    NB,
    PHASES,
    REASONS,
    amount,
    duration,
    metric_name,
    network_name,
    number,
    quoted,
    rounded,
    score,
    share,
    wilson,
)
from archsmith.core import metrics
from archsmith.core.problem import Problem
from archsmith.version import VERSION

KINDS = (("space", "search space"), ("strategy", "strategy"), ("evaluator", "evaluator"))


@dataclass(frozen=True)
class Answer:
    """The first thing on the page. ``facts``: (name, value) pairs; ``warning``: something that must not be overlooked."""

    title: str
    headline: str
    detail: str
    facts: tuple[tuple[str, str], ...]
    warning: str = ""


@dataclass(frozen=True)
class Spent:
    """``rows``: (phase, seconds spent, seconds forecast or None)."""

    lead: str
    rows: tuple[tuple[str, float, float | None], ...]


@dataclass(frozen=True)
class Reproduce:
    lead: str
    command: str | None
    facts: tuple[tuple[str, str], ...]
    bundle: str | None
    numeric: bool


@dataclass(frozen=True)
class Report:
    """Everything that the page shows. A part is None where the study has nothing to say about it; ``missing`` says what
    could not be read.
    """

    study: Study
    answer: Answer
    material: Material | None
    bought: Bought | None
    answers: Answers | None
    preparing: Preparing | None
    searching: Searching
    beliefs: Beliefs
    spent: Spent | None
    reproduce: Reproduce
    missing: tuple[str, ...]


def tell(study: Study) -> Report:
    return Report(
        study,
        _answer(study),
        material_of(study),
        bought_of(study),
        answers_of(study),
        preparing_of(study),
        searching_of(study),
        beliefs_of(study),
        _spent(study),
        _reproduce(study),
        tuple(study.missing),
    )


# The answer first


def _answer(study: Study) -> Answer:
    title = str(study.checks.get("name") or study.id)
    row = study.exported
    if study.test is not None and row is not None:
        headline, detail = _numbers(study) if study.test.numeric else _classes(study)
    elif row is not None and row.get("test") is not None:
        headline, detail = _scored(study, float(row["test"]))
    elif study.fit and study.result is None:
        headline, detail = _unfinished(study)
    else:
        headline, detail = _searched(study)
    return Answer(title, headline, detail, _facts(study), _warning(study))


def _classes(study: Study) -> tuple[str, str]:
    assert study.test is not None
    right = study.test.outputs.argmax(axis=1) == study.test.labels
    headline, detail = _scored_share(float(right.mean()), len(right))
    if study.metric == "balanced_accuracy":
        balanced = metrics.balanced_accuracy(study.test.outputs.argmax(axis=1), study.test.labels.astype(np.int64))
        detail += f" Where every class counts alike, however rare it is, the rate is {share(balanced, len(right))} (balanced accuracy)."
    counts = np.bincount(study.test.labels.astype(np.int64), minlength=1)
    common = int(counts.argmax())
    name = study.classes[common] if common < len(study.classes) else f"class {common}"
    detail += f" Always answering {quoted(name)} would be right on {share(counts[common] / counts.sum())}."
    return headline, detail


def _scored_share(value: float, n: int) -> tuple[str, str]:
    low, high = wilson(value, n)
    return (
        f"Right on {share(value, n)} of {amount(n, 'test picture')}",
        f"For pictures like these the true rate lies between {share(low, n)} and {share(high, n)} (95{NB}% interval).",
    )


def _scored(study: Study, value: float) -> tuple[str, str]:
    """From the log alone."""
    n = int((study.fit.get("speed") or {}).get("n_test") or 0)
    if study.metric == "accuracy" and n:
        return _scored_share(value, n)
    return (
        f"{metric_name(study.metric).capitalize()} on the test pictures: {score(study.metric, value, n)}",
        f"Measured on {amount(n, 'test picture')}.",
    )


def _numbers(study: Study) -> tuple[str, str]:
    assert study.test is not None
    truth, guesses = study.test.labels.astype(np.float64), study.test.outputs.astype(np.float64)
    off, baseline = metrics.mae(guesses, truth), float(np.abs(truth - truth.mean()).mean())
    headline = f"Off by {number(float(f'{off:.3g}'))} on average on {amount(len(truth), 'test picture')}"
    detail = (
        f"Always answering the mean would be off by {number(float(f'{baseline:.3g}'))}. "
        f"R² is {metrics.r2(guesses, truth):.3f}: 1 is perfect, 0 is what always answering the mean achieves."
    )
    return headline, detail


def _unfinished(study: Study) -> tuple[str, str]:
    state = "is still running" if study.running else "was cut off"
    best = study.best
    headline = f"Not finished: the job {state}"
    if best is None:
        return headline, "No network has a score yet."
    value = score(study.metric, best.metrics.get(study.history.problem.objectives[0].metric))
    return (
        headline,
        f"The best of {amount(len(study.history.finished), 'trial')} so far scores {value} on the validation pictures"
        f"{' with shared weights, which only rank networks' if judged_by_sharing(study) else ''}; no test score "
        "exists yet.",
    )


def _searched(study: Study) -> tuple[str, str]:
    best = study.best
    if best is None:
        return "No network has a score yet", _without_score(study)
    metric = study.history.problem.objectives[0].metric
    return (
        f"Best {metric_name(metric)} of {amount(len(study.history.finished), 'trial')}: "
        f"{score(metric, best.metrics[metric])}",
        "This study was a search alone: no network was trained in full and there is no test score. The best of many "
        "scores looks better than it is, "
        "since chance helped to pick it."
        + (
            " These scores come from shared weights, which only rank networks: they are not the scores of trained ones."
            if judged_by_sharing(study)
            else ""
        ),
    )


def _without_score(study: Study) -> str:
    if study.history.trials:
        return "Every trial so far failed or is still running."
    if study.preparing and study.history.prepared is None:
        return f"The evaluator {'is still preparing' if study.running else 'was cut off while it prepared'}; no trial has begun."
    return "No trial has begun."


def _facts(study: Study) -> tuple[tuple[str, str], ...]:
    row = study.exported
    result = study.result or {}
    params = (row or {}).get("params") or (study.best.metrics.get("params") if study.best else None)
    macs = (row or {}).get("macs") or (study.best.metrics.get("macs") if study.best else None)
    budget = (study.fit.get("settings") or {}).get("seconds")
    seconds = result.get("seconds") or study.seconds
    stop = study.reason or result.get("stop_reason")
    failed = f", {study.n_failed:,} failed" if study.n_failed else ""
    device = study.fit.get("device")
    facts = [
        (
            "exported",
            network_name(str(row["name"])) + (f" (trial {row['trial']})" if row.get("trial") is not None else "")
            if row
            else None,
        ),
        (
            "size" if row else "size of the best trial",
            f"{rounded(params)} parameters, {_megabytes(4 * params)} of weights" if params else None,
        ),
        ("work", f"{rounded(macs)} multiply-adds a picture" if macs else None),
        ("networks tried", f"{len(study.history.finished):,}{failed}"),
        (
            "time",
            duration(seconds)
            + (" (simulated)" if study.simulated else "")
            + (f" of {duration(budget)}" if budget else ""),
        ),
        ("the search ended because", REASONS.get(str(stop), str(stop)) if stop else None),
        (
            "computed on",
            str(device.get("sentence") or device) if isinstance(device, Mapping) else str(device) if device else None,
        ),
        ("begun", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(study.started))),
        ("study", study.id),
    ]
    return tuple((name, value) for name, value in facts if value)


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.3g} MB" if size >= 1e5 else f"{size / 1e3:.3g} kB"


def _warning(study: Study) -> str:
    leaks = (study.checks.get("leaks") or {}).get("test") or 0
    reads = (
        [
            f"{leaks:,} test pictures are in the training or validation part too, so the test score is better than it "
            "will be in use."
        ]
        if leaks
        else []
    )
    if study.test_reads > 1:
        reads.append(
            f"The test pictures were read {study.test_reads} times, since the study was extended; selection never saw "
            "them."
        )
    return " ".join(reads)


# Time


def _spent(study: Study) -> Spent | None:
    rows = tuple(
        (PHASES.get(phase.name, phase.name), phase.seconds, phase.forecast_seconds) for phase in study.phases.values()
    )
    shown = tuple(row for row in rows if row[1] >= 0.05 or row[2])
    if not shown:
        return None
    budget = (study.fit.get("settings") or {}).get("seconds")
    total = float((study.result or {}).get("seconds") or study.seconds)
    done = study.result is not None
    text = f"The job {'took' if done else 'has taken'} {duration(total)}"
    if budget:
        left = budget - total
        text += (
            f" of the {duration(budget)} that it was given"
            + (f", {duration(-left)} too long" if left < -0.5 else "")
            + "."
        )
    else:
        text += "; it had no limit on time."
    name, most, _ = max(shown, key=lambda row: row[1])
    text += f" Most of it went into {name} ({duration(most)})."
    off = [(abs(spent - forecast), name, spent, forecast) for name, spent, forecast in shown if forecast]
    if off and done:
        _, name, spent, forecast = max(off)
        if abs(spent - forecast) > 0.2 * forecast and abs(spent - forecast) > 2:
            text += (
                f" The forecast was furthest off for {name}: {duration(forecast)} expected, {duration(spent)} spent."
            )
        else:
            text += " All phases took about as long as forecast."
    expected = (study.fit.get("plan") or {}).get("forecast_trials")
    if expected and budget and done:
        text += f" About {amount(round(expected), 'trial')} were forecast, {len(study.history.finished):,} were made."
    return Spent(text, shown)


# Again, and in use


def _reproduce(study: Study) -> Reproduce:
    facts = study.manifest.get("facts") or {}
    settings = study.fit.get("settings") or {}
    known = facts.get("command") or study.began.get("command")
    command = str(known) if known else _command(study, settings)
    versions = study.manifest.get("versions") or {}
    told = [
        ("study", study.id),
        ("seed", str(study.began.get("seed"))),
        *((name, _spec(study.began.get(kind), plain=bool(study.fit))) for kind, name in KINDS),
        ("goal", None if study.fit else _goal(study.history.problem)),
        ("data folder", str(settings["data"]) if settings.get("data") else None),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items()) or f"archsmith {VERSION}"),
        ("the log", str(study.folder.resolve() / "events.sqlite")),
    ]
    if study.fit:
        times = {0: "never", 1: "once", 2: "twice"}.get(study.test_reads, f"{study.test_reads} times")
        lead = f"The test pictures were read {times}, and nothing was chosen by them: networks were compared on the validation pictures only."
        if settings.get("seconds"):
            lead += " The budget was wall-clock time, so another run may try more or fewer networks and end with a different one."
        elif command:
            lead += " The budget was a number of trials, so the same command repeats the same search."
    else:
        lead = (
            "The log holds every proposal and every result; the same seed and settings propose the same networks again."
        )
    bundle = study.folder.resolve() / "final" / "bundle"
    target = (study.result or {}).get("model_dir")
    return Reproduce(
        lead,
        command,
        tuple((name, value) for name, value in told if value),
        str(target or bundle) if target or bundle.exists() else None,
        not study.classes,
    )


def _spec(spec: Any, *, plain: bool) -> str | None:
    """What a spec names, with its settings unless ``plain``."""
    if not isinstance(spec, Mapping) or "type" not in spec:
        return None
    args = {} if plain else spec.get("args") or {}
    told = ", ".join(
        f"{name} = {value if isinstance(value, str) else json.dumps(value)}" for name, value in args.items()
    )
    return f"{spec['type']}{f' ({told})' if told else ''}"


def _goal(problem: Problem) -> str:
    goals = [
        f"{metric_name(objective.metric)}, {'more' if objective.maximize else 'less'} is better"
        for objective in problem.objectives
    ]
    limits = [
        f"{metric_name(limit.metric)} {sign} {number(bound)}"
        for limit in problem.constraints
        for sign, bound in (("≤", limit.upper), ("≥", limit.lower))
        if bound is not None
    ]
    return "; ".join([*goals, *limits])


def _command(study: Study, settings: Mapping[str, Any]) -> str | None:
    """As far as the log tells; in-memory data have no name on a command line."""
    if not settings.get("data"):
        return None
    words = [f"archsmith fit {settings['data']}"]
    words += [f"--time {settings['seconds']:g}s"] if settings.get("seconds") else []
    words += [f"--trials {settings['trials']}"] if settings.get("trials") else []
    words += [f"--{name} {settings[name]}" for name in ("space", "strategy") if settings.get(name)]
    words += [f"--weights {settings['weights']}"] if settings.get("weights", "auto") != "auto" else []
    return " ".join([*words, f"--seed {study.began.get('seed', 0)}"])
