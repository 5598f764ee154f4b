"""The first lines of a report: how good the result is, in one sentence, and the facts that belong to it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archsmith.analysis.report.kind import words_of
from archsmith.analysis.report.sharing import judged_by_sharing
from archsmith.analysis.study import Predictions, Study
from archsmith.analysis.wording import (
    NB,
    amount,
    duration,
    listing,
    metric_name,
    network_name,
    quoted,
    rounded,
    score,
    sentence_case,
    share,
    short,
)
from archsmith.core import metrics
from archsmith.core.budget import SECONDS
from archsmith.core.failures import nothing_found, without_answer
from archsmith.core.targets import worse_than_the_mean
from archsmith.core.wording import decimals, left_out, measure, number, reason_in_words, times

Told = tuple[str, str]  # the headline, and what else must be said at once


@dataclass(frozen=True)
class Summary:
    """The first thing on the page.

    title: what the study is about
    headline: the result
    detail: how far to believe it
    facts: (name, value)
    warning: something that must not be overlooked; empty without it
    """

    title: str
    headline: str
    detail: str
    facts: tuple[tuple[str, str], ...]
    warning: str = ""


def summary_of(study: Study) -> Summary:
    headline, detail = _told(study)
    detail = f"{detail} {left_out(map(str, study.checks.get('notes') or ()))}".strip()
    return Summary(str(study.checks.get("name") or study.id), headline, detail, _facts(study), _warning(study))


def _told(study: Study) -> Told:
    headline, detail = _found(study)
    if study.result is not None and not study.view.ended:
        state = "is still running" if study.running else "was cut off"
        detail = f"This is the result of an earlier budget: the job got more, and {state}. {detail}"
    return headline, detail


def _found(study: Study) -> Told:
    row = study.exported
    if study.test is not None and row is not None:
        return _errors(study, study.test) if study.test.outputs.ndim == 1 else _rate(study, study.test)
    if row is not None and row.get("test") is not None:
        return _from_log(study, float(row["test"]))
    return _unfinished(study) if study.fit and study.result is None else _searched(study)


# A finished study


def _rate(study: Study, test: Predictions) -> Told:
    """Of a classification."""
    predicted, labels = test.outputs.argmax(axis=1), test.labels.astype(np.int64)
    headline, detail = _share_told(study, float((predicted == labels).mean()), len(labels))
    if study.metric == "balanced_accuracy":
        balanced = share(metrics.balanced_accuracy(predicted, labels), len(labels))
        detail += f" If every class counts alike, however rare it is, the rate is {balanced} (balanced accuracy)."
    counts = np.bincount(labels, minlength=1)
    common = int(counts.argmax())
    name = study.classes[common] if common < len(study.classes) else f"class {common}"
    always = share(counts[common] / counts.sum())
    return headline, f"{detail} Always predicting {quoted(name)} would be right on {always}."


def _share_told(study: Study, value: float, n: int) -> Told:
    apart, words = study.apart(n), words_of(study)
    low, high = metrics.wilson(value, apart)
    headline = f"Right on {share(value, n)} of {words.amount(n, 'test')}"
    interval = f"between {share(low, n)} and {share(high, n)} (95{NB}% interval)"
    once = f" {apart:,} of them are different; the interval counts copies once." if apart < n else ""
    return headline, f"For {words.many} like these the true rate lies {interval}.{once}"


def _from_log(study: Study, value: float) -> Told:
    """Where the predictions were not kept."""
    n = int((study.fit.get("speed") or {}).get("n_test") or 0)
    if study.metric == "accuracy" and n:
        return _share_told(study, value, n)
    headline = f"{sentence_case(metric_name(study.metric))} on the test split: {score(study.metric, value, n)}"
    return headline, f"Measured on {words_of(study).amount(n, 'test')}."


def _errors(study: Study, test: Predictions) -> Told:
    """Of a regression."""
    truth, predicted = test.labels.astype(np.float64), test.outputs.astype(np.float64)
    off, baseline = metrics.mae(predicted, truth), float(np.abs(truth - truth.mean()).mean())
    tested = words_of(study).amount(len(truth), "test")
    r2 = metrics.r2(predicted, truth)
    detail = (
        f"Always predicting the mean would be off by {short(baseline)}. "
        f"R² is {r2:.{decimals(r2, 3)}f}: 1 is perfect, 0 is what the mean achieves."
    )
    detail = " ".join([detail, *worse_than_the_mean(r2)])
    return f"Off by {short(off)} on average on {tested}", detail


# A study without a test score


def _unfinished(study: Study) -> Told:
    headline = f"Not finished: the job {'is still running' if study.running else 'was cut off'}"
    best = study.best
    if best is None:
        return headline, f"{_without_trial(study)}{_measured(study)}"
    value = score(study.metric, best.metrics.get(study.history.problem.objectives[0].metric))
    trials = amount(len(study.history.finished), "trial")
    detail = f"The incumbent, the best of {trials} so far, scores {value} on the validation split."
    if judged_by_sharing(study):
        detail += " Trials are scored with shared weights, which only rank networks."
    return headline, f"{detail}{_measured(study) or ' There is no test score yet.'}"


def _without_trial(study: Study) -> str:
    """What there is of a job before any trial has a score: its baselines may have one."""
    if study.history.finished:
        return _without_score(study)
    if all(row.get("valid") is None for row in study.rows):
        return "No network has a score yet."
    return "No trial has ended." if study.history.trials else "No trial has begun."


def _measured(study: Study) -> str:
    """Of a job that was cut off between its measuring and its result."""
    return " The test split was measured; the test score is told once the job has ended." if study.test_reads else ""


def _searched(study: Study) -> Told:
    best = study.best
    if best is None:
        scored = any(trial.losses is not None for trial in study.history.finished)
        return "No trial is within the limits" if scored else "No network has a score yet", _without_score(study)
    objectives = study.history.problem.objectives
    metric = objectives[0].metric
    trials = amount(len(study.history.finished), "trial")
    detail = "This study was a search alone, without a final training and a test behind it."
    if not study.record.repeatable and sum(trial.ok for trial in study.history.finished) > 1:
        detail += " The best of many scores looks better than it is, since chance helped to pick it."
    if judged_by_sharing(study):
        detail += (
            " These scores come from shared weights, which only rank networks. Trained networks will score differently."
        )
    if study.view.front:
        names = listing([metric_name(each.metric) for each in objectives])
        return f"{len(study.view.front):,} of {trials} are on the front of {names}", detail
    fidelity = study.history.problem.fidelity
    if not study.view.pooled and fidelity.minimum < fidelity.maximum:
        trials += f", at {measure(best.fidelity, fidelity.name)} of {number(fidelity.maximum)}"
    return f"Best {metric_name(metric)} of {trials}: {score(metric, best.metrics[metric])}", detail


def _without_score(study: Study) -> str:
    if study.history.trials:
        return nothing_found(study.history)
    if study.preparing and study.history.prepared is None:
        state = "is still being prepared" if study.running else "was cut off while it was being prepared"
        return f"The evaluator {state}. No trial has begun."
    return "No trial has begun."


# Facts


def _facts(study: Study) -> tuple[tuple[str, str], ...]:
    row = study.exported or {}
    shown = study.view.representative
    measured = row or (shown.metrics if shown else {})
    whose = f"trial {shown.id}" if study.view.front and shown else "the best trial"
    params, macs = measured.get("params"), measured.get("macs")
    stop = study.search_reason
    tried, ended = study.n_networks, bool(study.fit and stop)
    weights = _weights(study, params) if params else ""
    size = f"{rounded(params)} parameters{weights}" if params else ""
    facts = [
        ("exported", _exported(row)),
        ("size" if row else f"size of {whose}", size),
        ("work", f"{rounded(macs)} multiplications for one {words_of(study).one}" if macs else ""),
        (f"{study.tried_things} tried", _tried(study) if tried or not ended else ""),
        ("time", _time(study)),
        ("the search ended because", reason_in_words(stop) if stop and tried else ""),
        ("what failed", study.view.error or ""),
        ("search", "" if tried or not ended else _no_search(str(stop))),
        ("machine", _device(study.fit.get("device"))),
        ("begun", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(study.started))),
        ("study", study.id),
    ]
    return tuple((name, value) for name, value in facts if value)


def _weights(study: Study, params: float) -> str:
    """What the weights take: of the exported network as its file says, of a trial four bytes a parameter."""
    if study.exported is None:
        return f", {_megabytes(4 * params)} of weights"
    file = study.folder / "final" / "bundle" / "weights.safetensors"
    return f", {_megabytes(file.stat().st_size)} of weights" if file.is_file() else ""


def _tried(study: Study) -> str:
    """``46 in 60 trials, 9 failed, 10 outside the limits``: after the number of networks all are counts of trials."""
    finished = study.history.finished
    badly = without_answer(finished)
    told = f"{study.n_networks:,}"
    told += f" in {amount(len(finished), 'trial')}" if badly or len(finished) > study.n_networks else ""
    return ", ".join([told, *badly])


def _no_search(stop: str) -> str:
    return "none, the time was too short" if stop == SECONDS else f"none, because {reason_in_words(stop)}"


def _exported(row: Mapping[str, object]) -> str:
    if not row:
        return ""
    trial = f" (trial {row['trial']})" if row.get("trial") is not None else ""
    return network_name(str(row["name"])) + trial


def _time(study: Study) -> str:
    budget = (study.fit.get("settings") or {}).get("seconds")
    told = duration(study.spent, exact=True) + (" (simulated)" if study.simulated else "")
    told += f" of {duration(budget, exact=True)}" if budget else ""
    # the report of a job is written before its end, which is what the terminal tells
    return f"{told}, until this report was written" if study.view.ended and not study.view.complete else told


def _device(device: object) -> str:
    if isinstance(device, Mapping):
        return str(device.get("sentence") or device)
    return str(device) if device else ""


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.3g} MB" if size >= 1e5 else f"{size / 1e3:.3g} kB"


def _warning(study: Study) -> str:
    words = words_of(study)
    leaks = (study.checks.get("leaks") or {}).get("test") or 0
    told = []
    if leaks:
        # rows that are alike in what is learnt may differ in columns that are not used; copies may be answered wrong
        proviso = "as far as the columns that are used tell, " if study.checks.get("ignored") else ""
        told.append(
            f"{words.amount(leaks, 'test')} {'is' if leaks == 1 else 'are'} in the training or validation split too, "
            f"{proviso}so the test score may be better than it will be in use."
        )
    if study.test_reads > 1:
        told.append(
            f"The test split was measured {times(study.test_reads)}, because the study went on after that. "
            "No network was ever chosen by it."
        )
    return " ".join(told)
