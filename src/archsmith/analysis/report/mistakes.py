"""The worst mistakes on the test split: of classes those of which the network was surest, else those furthest off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.analysis.report.classification import classes_of, csv_link
from archsmith.analysis.report.kind import Words, words_of
from archsmith.analysis.report.section import Section
from archsmith.analysis.study import Predictions, Study
from archsmith.analysis.wording import NB, amount, from_data, share, short
from archsmith.core.wording import harmless

SHOWN = 24
MOST_IN_FILE = 10_000
ENOUGH = 100  # test examples, fewer than which are no ground for advice
MOSTLY = 0.5  # share of predictions that need no check, from which on checking the others is worth advice
SURE = 0.95  # a probability above which a wrong prediction deserves a second look


@dataclass(frozen=True)
class Mistake:
    """One wrong prediction.

    index: which example of the test split
    told: what is said of it, as (name, text)
    """

    index: int
    told: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Mistakes:
    """The worst mistakes, the worst one first."""

    lead: str
    worst: tuple[Mistake, ...]


def mistakes_of(study: Study, *, paged: bool = False) -> Mistakes | None:
    """None where there are no mistakes, or the predictions were not kept. ``paged``: are they shown page by page? Then
    the lead says nothing of how many stand below it.
    """
    test = study.test
    if test is None:
        return None
    return _numbers(study, test, paged) if test.outputs.ndim == 1 else _classes(study, test, paged)


def worst_first(test: Predictions) -> NDArray[np.int64]:
    """Where in ``test`` the mistakes are, the worst one first. Of a regression, no prediction is quite right."""
    if test.outputs.ndim == 1:
        return np.argsort(-np.abs(test.outputs.astype(np.float64) - test.labels), kind="stable")
    wrong = np.flatnonzero(test.outputs.argmax(axis=1) != test.labels)
    return wrong[np.argsort(-test.outputs[wrong].max(axis=1), kind="stable")]


def mistake_at(study: Study, test: Predictions, place: int) -> Mistake:
    """The prediction at ``place`` in ``test``, told as a mistake."""
    truth, output = test.labels[place], test.outputs[place]
    if test.outputs.ndim == 1:
        told: tuple[tuple[str, str], ...] = (
            ("It is", from_data(float(truth))),
            ("Predicted", from_data(float(output))),
            ("Off by", short(abs(float(output) - float(truth)))),
        )
    else:
        classes = classes_of(study, test)
        taken = f"{classes[int(output.argmax())]} ({share(float(output.max()))})"
        told = (("It is", classes[int(truth)]), ("Taken for", taken))
    return Mistake(int(test.index[place]), told)


def _classes(study: Study, test: Predictions, paged: bool) -> Mistakes | None:
    wrong = worst_first(test)
    if not len(wrong):
        return None
    sure, shown = test.outputs.max(axis=1), wrong[:SHOWN]
    text = "The mistakes of which the network was surest come first."
    if not paged:
        all_shown = len(wrong) == len(shown)
        text = "All its mistakes." if all_shown else f"The {len(shown)} mistakes of which the network was surest."
        text += " The surest one comes first."
    lead = _classes_lead(text, sure[wrong], sure, words_of(study))
    return Mistakes(lead, tuple(mistake_at(study, test, int(i)) for i in shown))


def _classes_lead(text: str, sure: NDArray[Any], all_sure: NDArray[Any], words: Words) -> str:
    """``text``: what it begins with. ``sure``: its probability for each mistake, ``(n_wrong,)``. ``all_sure``: for each
    test example, ``(n,)``.
    """
    n_wrong, n_sure = len(sure), int((sure > SURE).sum())
    if n_sure:
        whole = f"In {n_sure:,} of {amount(n_wrong, 'mistake')}" if n_wrong > 1 else "Here"
        text += f" {whole} it was more than 95{NB}% sure. Look at those first."
        return text + f" The label may be wrong, or the {words.one} is hard for people too."
    text += f" It was at most {share(float(sure.max()))} sure when it was wrong."
    surer = float((all_sure > sure.max()).mean())
    if len(all_sure) < ENOUGH or surer < MOSTLY:
        return text
    return (
        text + f" Of {share(surer)} of the test {words.many} it was surer; a person who checks the rest finds them all."
    )


def _numbers(study: Study, test: Predictions, paged: bool) -> Mistakes:
    errors = np.abs(test.outputs.astype(np.float64) - test.labels)
    order = worst_first(test)[:SHOWN]
    lead = (
        f"The predictions that are furthest off{' come first' if paged else ''}. "
        f"The worst one is off by {short(errors[order[0]])}, "
        f"half of all by {short(np.median(errors))} at most. Look for wrong labels among them first."
    )
    return Mistakes(lead, tuple(mistake_at(study, test, int(i)) for i in order))


def link(study: Study, names: Mapping[int, str], what: str) -> str:
    """The mistakes, the worst one first, as a link to a CSV file inside the page; of a regression, the predictions. Not
    more than ``MOST_IN_FILE``. Empty where the predictions were not kept.

    ``names``: of examples, by their index in the test split. ``what``: the heading above them.
    """
    test = study.test
    if test is None:
        return ""
    order, told = worst_first(test)[:MOST_IN_FILE], list[tuple[object, ...]]()
    if test.outputs.ndim == 1:
        heading: tuple[object, ...] = (what, "target", "predicted")
        told = [(f"{test.labels[i]:.7g}", f"{test.outputs[i]:.7g}") for i in order]
    else:
        classes, predicted = list(map(harmless, classes_of(study, test))), test.outputs.argmax(axis=1)
        labels, sure = test.labels.astype(np.int64), test.outputs.max(axis=1)
        heading = (what, "true class", "predicted class", "probability")
        told = [(classes[labels[i]], classes[predicted[i]], f"{sure[i]:.6g}") for i in order]
    rows = [(names.get(int(test.index[i]), ""), *each) for i, each in zip(order, told, strict=True)]
    return csv_link([heading, *rows])


def linked(study: Study) -> str:
    """What ``link`` holds, in words; empty where the predictions were not kept."""
    test = study.test
    if test is None:
        return ""
    what = "test predictions" if test.outputs.ndim == 1 else "mistakes"
    return f"The {MOST_IN_FILE:,} worst {what}" if len(worst_first(test)) > MOST_IN_FILE else f"All {what}"


SECTION = Section("mistakes", "The worst mistakes", mistakes_of)
