"""Score against size: is a smaller network nearly as good?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsmith.analysis.axes import axis
from archsmith.analysis.charts import Dots, Layer, Line, Size, Word, both, plot
from archsmith.analysis.report import figures
from archsmith.analysis.report.section import Section
from archsmith.analysis.report.trial_dots import (
    LETTERS,
    Dot,
    dots_of,
    explained,
    floor_of,
    highest,
    radius_of,
    thinned,
    tip_of,
    values_of,
)
from archsmith.analysis.statistics import rank_correlation
from archsmith.analysis.study import Study
from archsmith.analysis.wording import (
    epochs,
    is_share,
    metric_name,
    network_name,
    number,
    points,
    rounded,
    score,
)

# Shares this close count as the same when a smaller network is looked for, in percent a hundred times as much; of other
# scores, this part of their range.
CLOSE = 0.01
TENDENCY = 0.4  # a rank correlation of size and score beyond which the search had a tendency
SMALLER = 1.5  # times fewer parameters that are worth a sentence

Front = tuple[tuple[float, float, int], ...]


@dataclass(frozen=True)
class Sizes:
    """Score against size.

    lead: what size had to do with the score
    dots: the trials that are drawn, all at the highest fidelity
    front: (parameters, score, trial) of the trials that are better than every smaller one, smallest first
    trained: (letter, name, parameters, score, what was done to it) of the networks behind the search
    n_left_out: trials that are not drawn
    floor: the score below which dots are drawn at the edge
    n_below: how many of them there are
    best: the trial with a ring, in words
    """

    lead: str
    dots: tuple[Dot, ...]
    front: Front
    trained: tuple[tuple[str, str, float, float, str], ...]
    n_left_out: int
    floor: float
    n_below: int
    best: str

    @property
    def began(self) -> bool:
        """Is the trial that the search began with among them?"""
        return any(dot.first for dot in self.dots)

    @property
    def named(self) -> str:
        """What the letters stand for."""
        return explained((letter, network_name(name)) for letter, name, *_ in self.trained)


def sizes_of(study: Study) -> Sizes | None:
    """None with fewer than two different sizes, and where the front of the objectives shows the same."""
    sized = [dot for dot in dots_of(study) if dot.full and dot.value is not None and dot.params]
    objectives = study.history.problem.objectives
    if len({dot.params for dot in sized}) < 2 or "params" in {each.metric for each in objectives}:
        return None
    front = _front(sized, 1.0 if study.maximize else -1.0)
    some, left_out = thinned(sized, {trial for _, _, trial in front})
    trained = tuple(
        (LETTERS[i : i + 1], str(row["name"]), float(row["params"]), float(row["valid"]), _how(row))
        for i, row in enumerate(study.rows)
        if row.get("valid") is not None and row.get("params") and row["name"] != "linear"
    )
    lead = f"{_tendency(sized, study.maximize)} {_smaller(study, sized, front)}".strip()
    floor, n_below = floor_of(study, values_of(sized), [value for *_, value, _ in trained])
    return Sizes(lead, some, front, trained, left_out, floor, n_below, _called(study))


def _called(study: Study) -> str:
    """The best trial; of several objectives each has its own."""
    return f"trial with the best {metric_name(study.metric)}" if study.view.front else "best trial"


def _how(row: Mapping[str, Any]) -> str:
    """How far it was trained."""
    if not row.get("epochs"):
        return "fitted"
    return f"after {epochs(float(row['epochs']))}{', then stopped' if row.get('stopped') else ''}"


def _front(sized: Sequence[Dot], sign: float) -> Front:
    front: list[tuple[float, float, int]] = []
    for dot in sorted(sized, key=lambda dot: (dot.params or 0.0, -sign * (dot.value or 0.0))):
        if not front or sign * (dot.value or 0.0) > sign * front[-1][1]:
            front.append((dot.params or 0.0, dot.value or 0.0, dot.trial))
    return tuple(front)


def _tendency(sized: Sequence[Dot], maximize: bool) -> str:
    values = [(dot.value or 0.0) if maximize else -(dot.value or 0.0) for dot in sized]
    together = rank_correlation([dot.params or 0.0 for dot in sized], values)
    if together is None:
        return ""
    if abs(together) <= TENDENCY:
        return "In this search, size alone says little about the score."
    return f"{'Larger' if together > 0 else 'Smaller'} networks tended to score better in this search."


def _smaller(study: Study, sized: Sequence[Dot], front: Front) -> str:
    """Did a much smaller trial come close to the best one?"""
    params, value, trial = _best(study, sized, front)
    values = values_of(sized)
    share = is_share(study.metric) and max(values) <= 1
    tolerance = CLOSE if share else 100 * CLOSE if is_share(study.metric) else CLOSE * (max(values) - min(values))
    small, close, which = next(entry for entry in front if abs(entry[1] - value) <= tolerance)
    if params < SMALLER * small:
        return f"The {_called(study)} has {rounded(params)} parameters. No much smaller trial came close."
    near = f"only {points(close - value)} behind it" if share else f"only at {number(close)} against {number(value)}"
    near = "scores the same" if close == value else f"is {near}"
    fewer = number(float(f"{params / small:.2g}"))
    return (
        f"Trial {which} has {rounded(small)} parameters. "
        f"That is {fewer} times fewer than the {_called(study)} (trial {trial}), and it {near}."
    )


def _best(study: Study, sized: Sequence[Dot], front: Front) -> tuple[float, float, int]:
    """The best trial of the study, if its size is known. The front may end with a smaller one that scores the same."""
    best = next((dot for dot in sized if study.best is not None and dot.trial == study.best.id), None)
    return front[-1] if best is None else (best.params or 0.0, best.value or 0.0, best.trial)


def drawings(study: Study, facts: Sizes) -> dict[str, str]:
    """Scores against parameters, with the front."""
    metric = study.metric
    values = [value for value in values_of(facts.dots) if value >= facts.floor]
    trained = [value for *_, value, _ in facts.trained]
    y = figures.score_axis([*trained, *values], metric, figures.score_label(metric, bool(study.fit)))
    params = [dot.params for dot in facts.dots if dot.params] + [params for _, _, params, _, _ in facts.trained]
    x = axis("parameters (log scale)", params, log=True, margin=0.08)
    best, most = -1 if study.best is None else study.best.id, highest(study.view, metric)

    def draw(size: Size) -> str:
        wide = size.name == "wide"
        tips = [tip_of(dot, metric, most) if wide else "" for dot in facts.dots]
        dots = [(dot, (dot.params or 0.0, dot.value or 0.0, tip)) for dot, tip in zip(facts.dots, tips, strict=True)]
        inside = [(dot, at) for dot, at in dots if at[1] >= y.low]
        layers: list[Layer] = [
            Line([(params, value) for params, value, _ in facts.front], "c2", steps=True),
            Dots([at for _, at in inside], "c1", "circle", radius_of(len(dots))),
            Dots([at for _, at in dots if at[1] < y.low], "c1", "down", 4.0),
            Dots([at for dot, at in inside if dot.trial == best], "c2", "ring", 6.5),
            Dots([at for dot, at in inside if dot.first], "c3", "ring", 6.5),
        ]
        for letter, name, params, value, how in facts.trained:
            colour = "c3" if name == "fixed" else "c2"
            tip = f"{network_name(name)}, {how}: {score(metric, value)}"
            layers.append(Dots([(params, value, tip)], colour, "diamond", 6.0))
            layers.append(Word(params, value, letter, colour))
        return plot(size, x, y, layers, f"{metric_name(metric)} against the number of parameters")

    return {"sizes": both(draw)}


SECTION = Section("sizes", "Score against size", sizes_of, drawings)
