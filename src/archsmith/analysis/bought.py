"""What the search bought: the networks that were trained in full, side by side, and the sentence that they add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archsmith.analysis.study import Study
from archsmith.analysis.wording import (
    amount,
    beyond_chance,
    duration,
    is_share,
    metric_name,
    network_name,
    number,
    points,
    rounded,
    score,
    share,
    wilson,
)


@dataclass(frozen=True)
class Honest:
    """One network trained in full, scores as text."""

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
class Bought:
    """What the search bought: the honest rows and the sentence that they add up to."""

    lead: str
    metric: str
    rows: tuple[Honest, ...]


_WHAT = {
    "linear": "straight from pixels to answer, no hidden layers: what any network must beat",
    "fixed": "a small residual network that a person designed",
    "searched": "the best network that the search found",
}


def bought_of(study: Study) -> Bought | None:
    rows = study.rows
    if not rows:
        return None
    n = n_test(study)
    return Bought(
        _bought_lead(study, rows, n), metric_name(study.metric), tuple(_honest(study, row, n) for row in rows)
    )


def n_test(study: Study) -> int:
    if study.test is not None:
        return len(study.test.labels)
    return (
        len(study.splits.test) if study.splits is not None else int((study.fit.get("speed") or {}).get("n_test") or 0)
    )


def _honest(study: Study, row: Mapping[str, Any], n: int) -> Honest:
    test = row.get("test")
    interval = ""
    if test is not None and study.metric == "accuracy" and n:
        low, high = wilson(float(test), n)
        interval = f"{share(low, n)} – {share(high, n)}"
    trial = f" (trial {row['trial']})" if row.get("trial") is not None else ""
    return Honest(
        network_name(str(row["name"])) + trial,
        _WHAT.get(str(row["name"]), ""),
        score(study.metric, row.get("valid"), n),
        score(study.metric, test, n),
        interval,
        rounded(row["params"]) if row.get("params") else "–",
        rounded(row["macs"]) if row.get("macs") else "–",
        duration(row["seconds"]) if row.get("seconds") else "–",
        f"{row['epochs']:.3g} epochs" if row.get("epochs") else "",
        bool(row.get("exported")),
        str(row.get("error") or ""),
    )


def _bought_lead(study: Study, rows: Sequence[Mapping[str, Any]], n: int) -> str:
    by_name = {str(row["name"]): row for row in rows}
    part = "test" if any(row.get("test") is not None for row in rows) else "valid"
    where = "test" if part == "test" else "validation"
    scores = {name: float(row[part]) for name, row in by_name.items() if row.get(part) is not None}
    text = ""
    if "searched" in scores and "fixed" in scores:
        text = _duel(study, by_name, scores, where, n)
    elif "searched" in by_name and by_name["searched"].get("error"):
        text = f"The searched network could not be trained in full ({by_name['searched']['error']}), so the hand-made one stands alone."
    elif "fixed" in by_name and by_name["fixed"].get("error"):
        text = f"The hand-made network could not be trained in full ({by_name['fixed']['error']}), so there is nothing to compare the search with."
    elif "fixed" in scores:
        too_short = not (study.fit.get("plan") or {}).get("searching", True)
        why = "The time was too short for a search, so there" if too_short else "There"
        text = f"{why} is no searched network to compare the hand-made one with."
    best = max(
        ("searched", "fixed"), key=lambda name: (bool(by_name.get(name, {}).get("exported")), scores.get(name, -np.inf))
    )
    if "linear" in scores and best in scores:
        gain = scores[best] - scores["linear"]
        text += f" A linear model alone reaches {score(study.metric, scores['linear'], n)}"
        if gain > 0:
            text += f": the {network_name(best)} is {_ahead(study, gain)}."
        else:
            text += ": these data do not need a network at all."
    return text.strip() or "No network has been trained in full yet."


def _ahead(study: Study, gain: float) -> str:
    """``0.5 points better`` for shares, ``better by 0.02 (R²)`` for other scores; the sign says which word."""
    word = "better" if gain > 0 else "worse"
    return (
        f"{points(gain)} {word}"
        if is_share(study.metric)
        else f"{word} by {number(float(f'{abs(gain):.3g}'))} ({metric_name(study.metric)})"
    )


def _duel(study: Study, rows: Mapping[str, Mapping[str, Any]], scores: Mapping[str, float], where: str, n: int) -> str:
    """The searched network against the hand-made one."""
    gain = scores["searched"] - scores["fixed"]
    unsure = (
        where == "test"
        and study.metric == "accuracy"
        and n
        and not beyond_chance(scores["searched"], scores["fixed"], n)
    )
    chance = f" A gap this small may be chance on {amount(n, 'test picture')}." if unsure else ""
    if rows["fixed"].get("exported"):
        text = "The search found no network that beats the hand-made one on the validation pictures, so the hand-made one was exported."
        if where != "test" or gain == 0:
            return text
        return (
            f"{text} On the test pictures the searched one is {_ahead(study, gain)}; the choice must not look at these."
        )
    if gain > 0:
        text = f"The search found a network that is {_ahead(study, gain)} on the {where} pictures than the hand-made one.{chance}"
    elif gain == 0:
        text = f"On the {where} pictures the searched network scores exactly as the hand-made one: the search bought no better score here."
    else:
        text = (
            "The searched network was better on the validation pictures and was therefore chosen, "
            f"but on the {where} pictures it is {_ahead(study, gain)} than the hand-made one.{chance}"
        )
    a, b = rows["searched"].get("params"), rows["fixed"].get("params")
    if a and b and not 0.8 < a / b < 1.25:
        text += (
            f" It has {a / b:.2g} times as many parameters."
            if a > b
            else f" It is smaller: {share(1 - a / b)} fewer parameters."
        )
    return text
