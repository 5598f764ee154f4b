"""The networks that were trained in full, side by side with the baselines: models that need no search.

The baselines are a linear model, a small network that a person designed (the *hand-made network*), and whatever else
the kind of data brings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsmith.analysis.report.kind import Words, words_of
from archsmith.analysis.report.section import Section
from archsmith.analysis.statistics import Gap
from archsmith.analysis.study import Study
from archsmith.analysis.wording import (
    duration,
    epochs,
    is_share,
    metric_name,
    network_name,
    points,
    rounded,
    score,
    sentence_case,
    share,
    short,
    the_network,
)
from archsmith.core import metrics
from archsmith.core.budget import SECONDS, SETTLED
from archsmith.core.failures import nothing_found
from archsmith.core.wording import CUT, HARDLY_TRAINED, OF_EQUALS, TIED, about_network, hardly, passed_over
from archsmith.runtime.job_view import TRAIN

Row = Mapping[str, Any]
ALIKE = 0.8, 1.25  # ratios of parameters between which two networks count as equally large
OURS = ("searched", "fixed")  # what the search is judged by; all others are baselines
NO_NEED = ": these data do not need a network at all"
LITTLE = ", so this comparison says little"
CONCLUSIONS = (NO_NEED, LITTLE)  # told once
BUT = " But "
ENDED = ("searched", "fixed", "runner_up", "tuned")  # what is trained after the search
SHORT = 10.0  # epochs below which a training that the clock cut is told
CUT_SHARE = 0.9  # of the time that it was given is what a training took that the clock cut
AS_GOOD = 0.01  # share of the examples, but one at least, by which a baseline that is as good may be worse
TRAINED_ON = ("tuned", "runner_up", "unfinished", "earlier", "earlier_fixed")  # they came of more than a baseline


@dataclass(frozen=True)
class Trained:
    """One network trained in full; numbers as text.

    name, what: its name, and what it is
    valid, test, interval: its score on the validation and the test split, and the 95 % interval of the latter
    params, macs: its size and its work for one example
    seconds, epochs: how long it was trained
    exported: is it the one in the bundle?
    error: why its training failed; empty when it did not
    """

    name: str
    what: str
    valid: str
    test: str
    interval: str
    params: str
    macs: str
    seconds: str
    epochs: str
    exported: bool
    error: str


@dataclass(frozen=True)
class Baselines:
    """The networks trained in full, and the sentence that they add up to.

    some_too_slow: was one of them too slow to be tested and exported in the time?
    some_by_chance: is one of them a trial that is not clearly better?
    """

    lead: str
    metric: str
    rows: tuple[Trained, ...]
    some_too_slow: bool = False
    some_by_chance: bool = False


def baselines_of(study: Study) -> Baselines | None:
    """None while no network has been trained in full."""
    rows = study.rows
    if not rows:
        return None
    n = n_test(study)
    trained = tuple(_trained(study, row, n) for row in rows)
    slow = any(row.get("enough_seconds") for row in rows)
    chance = any(row.get("by_chance") for row in rows)
    return Baselines(_lead(study, rows, n), metric_name(study.metric), trained, slow, chance)


def n_test(study: Study) -> int:
    """How many test examples were measured, as far as it is known."""
    if study.test is not None:
        return len(study.test.labels)
    if study.splits is not None:
        return len(study.splits.test)
    return int((study.fit.get("speed") or {}).get("n_test") or 0)


def _what(study: Study, name: str) -> str:
    """What a network or a baseline is, or as its phase says, which has its name."""
    if name == "linear":
        return f"the simplest one: from {words_of(study).inputs} straight to the prediction"
    phase = study.phases.get(name)
    return about_network(name) or (phase.detail if phase is not None else "")


def _trained(study: Study, row: Row, n: int) -> Trained:
    test = row.get("test")
    interval = ""
    if test is not None and study.metric == "accuracy" and n:
        low, high = metrics.wilson(float(test), study.apart(n))
        interval = f"{share(low, n)} – {share(high, n)}"
    earlier = str(row["name"]).startswith("earlier")  # what its training went on from is gone
    trial = f" (trial {row['trial']})" if row.get("trial") is not None and not earlier else ""
    return Trained(
        network_name(str(row["name"])) + trial,
        _what(study, str(row["name"])),
        score(study.metric, row.get("valid"), n),
        score(study.metric, test, n),
        interval,
        rounded(row["params"]) if row.get("params") else "–",
        rounded(row["macs"]) if row.get("macs") else "–",
        duration(row["seconds"]) if row.get("seconds") else "–",
        _epochs(row),
        bool(row.get("exported")),
        str(row.get("error") or ""),
    )


def _epochs(row: Row) -> str:
    if not row.get("epochs"):
        return CUT if row.get("cut") else ""
    told = [epochs(row["epochs"]), *([HARDLY_TRAINED] if hardly(row) else [])]
    return ", ".join([*told, *(["then stopped"] if row.get("stopped") else [])])


# The sentence


def _lead(study: Study, rows: Sequence[Row], n: int) -> str:
    if study.fit and study.result is None:
        return _so_far(study, rows, n)
    by_name = {str(row["name"]): row for row in rows}
    split = "test" if any(row.get("test") is not None for row in rows) else "valid"
    scores = {name: float(row[split]) for name, row in by_name.items() if row.get(split) is not None}
    text = _about_search(study, by_name, scores, "test" if split == "test" else "validation", n)
    exported = next((name for name, row in by_name.items() if row.get("exported")), "")
    if _tied(by_name, exported) and OF_EQUALS not in text:
        text += f" {TIED}"
    best = _best(by_name, scores)
    for name in scores:
        if name != best and best in scores and not {name, best} <= {*OURS}:
            text += _once(_against(study, by_name, name, scores[name], best, scores[best], n), text)
    text += "".join(_cut(study, by_name, name) for name in OURS if name in scores and len(scores) > 1)
    better = passed_over(rows, lambda value: score(study.metric, value, n))
    return f"{better} {text}".strip()


def _so_far(study: Study, rows: Sequence[Row], n: int) -> str:
    """Of a job without a result: nothing is concluded. It may have been cut off behind its choice."""
    scored = [row for row in rows if row.get("valid") is not None]
    if not any(str(row["name"]).partition(".")[0] in ENDED for row in scored):
        tried = any(trial.ok for trial in study.history.finished)
        rest = (
            "Networks of the search have had only a part of their training."
            if tried
            else "No network of the search has come to its end yet."
        )
        return f"So far only baselines are done. {rest}"
    best = max(scored, key=lambda row: (1.0 if study.maximize else -1.0) * float(row["valid"]))
    value, name = score(study.metric, best["valid"], n), the_network(str(best["name"]))
    if study.view.chosen is not None:  # not always the best: that may have been too slow to be exported in time
        later = "" if study.view.writer else "when the study goes on, "
        of = sentence_case(the_network(study.view.chosen))
        return f"{of} is chosen; {later}its bundle and report are written next."
    return f"Nothing is chosen yet. Of what was trained {name} is best on the validation split: {value}."


def _once(sentence: str, before: str) -> str:
    """``sentence`` without its conclusion where ``before`` has drawn it already, and without a reason that it gave."""
    for conclusion in CONCLUSIONS:
        if conclusion in before:
            sentence = sentence.replace(conclusion, "")
    said, but, reason = sentence.rpartition(BUT)
    return said if but and f"{BUT}{reason.rstrip('.')}" in before else sentence


def _best(rows: Mapping[str, Row], scores: Mapping[str, float]) -> str:
    """The exported network, or the better one; the others are compared with it."""
    names = dict.fromkeys([*OURS, *rows])
    return max(
        names,
        key=lambda name: (bool(rows.get(name, {}).get("exported")), name in OURS, scores.get(name, float("-inf"))),
    )


def _against(study: Study, rows: Mapping[str, Row], name: str, baseline: float, best: str, value: float, n: int) -> str:
    """What another network reaches."""
    for little in (name, best):
        if hardly(rows[little]):
            reached = score(study.metric, baseline, n)
            whose = "it" if little == name else the_network(best)
            return (
                f" {sentence_case(the_network(name))} reaches {reached}.{BUT}{whose} was {HARDLY_TRAINED} "
                f"({epochs(rows[little]['epochs'])}){LITTLE}."
            )
    gap, reached = _gap(study, rows[name], rows[best], n), score(study.metric, baseline, n)
    small = gap is not None and not gap.clear
    tested = words_of(study).amount(n, "test")
    if best not in OURS or name.partition(".")[0] in TRAINED_ON:
        ahead = "as good" if baseline == value else _ahead(study, baseline, value, n)
        chance = f": no clear difference on {tested}" if small and baseline != value else ""
        return f" {sentence_case(the_network(name))} reaches {reached}, which is {ahead}{chance}."
    who = f"A {network_name(name)}" if name in ("linear", "pretrained") else sentence_case(network_name(name))
    text = f" {who} alone reaches {reached}"
    cut = _cut(study, rows, best)  # then it is not known what it could reach
    if name != "pretrained" and value <= baseline and not cut and _not_worse(study, rows[name], rows[best], gap, n):
        return f"{text}{NO_NEED}."
    if value == baseline:
        return f"{text}, which is as good."
    if small:
        return f"{text}. On {tested} that is no clear difference."
    if value > baseline:
        return f"{text}: the {network_name(best)} is {_ahead(study, value, baseline, n)}."
    if name == "pretrained" and gap is not None:
        return f"{text}: what it has learnt from other pictures is worth more here."
    return f"{text}, which is {_ahead(study, baseline, value, n)}."


def _gap(study: Study, row: Row, exported: Row, n: int) -> Gap | None:
    """How far the exported network is ahead on the test split: on the same examples, or else by the intervals. None
    where nothing is known of chance.
    """
    pair = row.get("gap")
    if pair is not None and exported.get("exported"):
        copies = n / study.apart(n) if n else 1.0
        return Gap(float(pair[0]), math.sqrt(copies) * float(pair[1]))
    if study.metric == "accuracy" and n and row.get("test") is not None and exported.get("test") is not None:
        return Gap.of_shares(float(exported["test"]), float(row["test"]), study.apart(n))
    return None


def _not_worse(study: Study, row: Row, exported: Row, gap: Gap | None, n: int) -> bool:
    """Is a baseline that has no lower test score surely as good, as far as the test split can tell? And does the
    validation split not say otherwise?
    """
    own, other = exported.get("valid"), row.get("valid")
    if gap is None or own is None or other is None:
        return False
    sizes = study.fit.get("speed") or {}
    n_valid = len(study.splits.valid) if study.splits is not None else int(sizes.get("n_valid") or 0)
    worse = other < own
    if worse and study.metric == "accuracy" and n_valid:
        worse = Gap.of_shares(own, other, n_valid).clear
    margin = max(AS_GOOD, 1 / max(1, n)) if study.metric == "accuracy" else 0.0
    return not worse and gap.most <= margin


def _cut(study: Study, rows: Mapping[str, Row], name: str) -> str:
    """That the clock cut the training of one of ours short. Only its latest phase says so: before more time came, and
    in a process that was killed, a training had another end.
    """
    n = float(rows[name].get("epochs") or 0.0)
    phase = next((each for each in reversed(study.view.phases.all) if each.name == f"{TRAIN}{name}"), None)
    if phase is None or not phase.seconds or not phase.forecast_seconds or hardly(rows[name]) or not 0 < n < SHORT:
        return ""
    if phase.seconds < CUT_SHARE * phase.forecast_seconds or rows[name].get("stopped"):
        return ""
    return f" The time ended the training of {the_network(name)} after {epochs(n)}; it may not have come to its best."


def _about_search(study: Study, rows: Mapping[str, Row], scores: Mapping[str, float], where: str, n: int) -> str:
    exported = next((name for name, row in rows.items() if row.get("exported")), OURS[0])
    if exported not in OURS:
        others = "Of the others " if passed_over(rows.values()) else ""
        where_best = f"{others}on the validation split" if others else "On the validation split"
        equal = _tied(rows, exported)
        said = f"no other is better than {the_network(exported)}" if equal else f"{the_network(exported)} is best"
        of_equals = OF_EQUALS if equal else ""
        text = f"{where_best} {said}, so it was exported{of_equals}."
        if exported.partition(".")[0] not in TRAINED_ON:
            text += _without_search(study, rows)
        if exported not in scores:
            return text
        return f"{text} On the {where} split it reaches {score(study.metric, scores[exported], n)}."
    if "fixed" in scores and rows["fixed"].get("stopped"):
        return _given_up(study, rows, scores, exported)
    if "searched" in scores and "fixed" in scores:
        return _duel(study, rows, scores, where, n)
    for name, rest in (
        ("searched", "It is left out of the comparison."),
        ("fixed", "There is nothing to compare the search with."),
    ):
        error = str(rows.get(name, {}).get("error") or "").rstrip(".")
        if error:
            return f"The {network_name(name)} could not be trained in full ({error}). {rest}"
    if "fixed" in scores:
        plan = study.fit.get("plan") or {}
        if study.history.finished and not any(trial.ok for trial in study.history.finished):
            return f"The search found nothing. {nothing_found(study.history)}"
        if study.history.finished and study.view.job.stopped_by == SETTLED:
            return "The search ended with the hand-made network: training it on was worth more than other candidates."
        why = "" if plan.get("searching", True) else "The time was too short for a search. "
        why = "No network of this space can be trained. " if plan.get("failure") else why
        return f"{why}There is no searched network to compare."
    return ""


def _tied(rows: Mapping[str, Row], exported: str) -> bool:
    """Has another row the validation score of the exported one?"""
    own = rows.get(exported, {}).get("valid")
    return own is not None and any(row.get("valid") == own for name, row in rows.items() if name != exported)


def _without_search(study: Study, rows: Mapping[str, Row]) -> str:
    """What it says of a search that a baseline was exported."""
    if study.history.finished:
        clearly = "that is clearly " if any(row.get("by_chance") for row in rows.values()) else ""
        return f" The search found nothing {clearly}better."
    if study.view.job.stopped_by == SECONDS:
        return " There was no time for a search, so this says nothing about whether one would help."
    return " No trial of a search came to its end."


def _given_up(study: Study, rows: Mapping[str, Row], scores: Mapping[str, float], exported: str) -> str:
    """The hand-made network is as the search left it."""
    learnt = epochs(rows["fixed"].get("epochs") or 0.0)
    if exported == "fixed":
        the = "Of the others the" if passed_over(rows.values()) else "The"
        return (
            f"{the} hand-made network was best on the validation split after {learnt}, and no training after that "
            "was better. So it was exported as it was."
        )
    return (
        f"The search gave the time to {the_network(exported)}. The hand-made network was not trained to its end: it "
        f"reached {score(study.metric, scores['fixed'])} after {learnt}."
    )


def _ahead(study: Study, value: float, other: float, n: int) -> str:
    """What ``value`` is beside ``other``: ``0.5 points better`` for shares, ``better by 0.02 (R²)`` for others."""
    word, gain = "better" if value > other else "worse", value - other
    return (
        f"{points(gain, n)} {word}"
        if is_share(study.metric)
        else f"{word} by {short(abs(gain))} ({metric_name(study.metric)})"
    )


def _why_chosen(rows: Mapping[str, Row]) -> str:
    """Why the searched network and not the hand-made one, which did better on another split."""
    if rows["searched"].get("valid") == rows["fixed"].get("valid"):
        return f"Both scored the same on the validation split{OF_EQUALS}."
    return "The searched network was better on the validation split, so it was chosen."


def _duel(study: Study, rows: Mapping[str, Row], scores: Mapping[str, float], where: str, n: int) -> str:
    """The searched network against the hand-made one."""
    searched, fixed = scores["searched"], scores["fixed"]
    gain = searched - fixed
    if little := next((name for name in OURS if hardly(rows[name])), None):
        own, other = (score(study.metric, value, n) for value in (searched, fixed))
        return (
            f"On the {where} split the searched network reaches {own}, the hand-made one {other}. But "
            f"{the_network(little)} was {HARDLY_TRAINED} ({epochs(rows[little]['epochs'])}){LITTLE}."
        )
    ours = ("fixed", "searched") if rows["fixed"].get("exported") else ("searched", "fixed")
    gap = _gap(study, rows[ours[1]], rows[ours[0]], n) if where == "test" else None
    small, ahead = gap is not None and not gap.clear, _ahead(study, searched, fixed, n)
    chance = f" A gap this small may be chance on {words_of(study).amount(n, 'test')}." if small else ""
    if rows["fixed"].get("exported"):
        beats = "clearly beats" if passed_over(rows.values()) else "beats"
        text = f"On the validation split no searched network {beats} the hand-made one, so that one was exported."
        if where != "test" or gain == 0:
            return text
        return f"{text} On the test split the searched one is {ahead}; the choice must not look at that.{chance}"
    if gain > 0:
        text = f"The search found a network that is {ahead} on the {where} split than the hand-made one.{chance}"
    elif gain == 0:
        text = f"On the {where} split the searched network and the hand-made one score the same."
    else:
        text = f"{_why_chosen(rows)} On the {where} split it is {ahead} than the hand-made one.{chance}"
    return text + _size(rows["searched"].get("params"), rows["fixed"].get("params"))


def _size(own: float | None, other: float | None) -> str:
    """How large the searched network is beside the hand-made one."""
    if not own or not other or ALIKE[0] < own / other < ALIKE[1]:
        return ""
    if own > other:
        return f" It has {own / other:.2g} times as many parameters."
    return f" It is smaller: {share(1 - own / other)} fewer parameters."


def terms(facts: Baselines, words: Words) -> tuple[tuple[str, str], ...]:
    explained = "A model that needs no search. A search is worth its time only if its network beats the baselines."
    made = "A small network that a person designed, always the same one."
    return (("baseline", explained), ("hand-made network", made))


SECTION = Section("baselines", "Compared with baselines", baselines_of, terms=terms)
