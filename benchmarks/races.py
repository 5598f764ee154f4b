"""Races replayed on recorded learning curves: which rule picks what, and what it costs.

    python benchmarks/races.py [curves.jsonl] [--prior FILE] [--picture FILE --set cifar]

The curves are those of ``benchmarks/curves.py``: for each set, the scores of every seed network at a constant rate, its
score at the end of all work, and what baselines come to. A rule sees scores of short trainings only and pays for them.
What it picks is then credited with the error at the end, made worse for the work that the losers took (a power law
through the score at a quarter of the work and the end). It prints the error of each rule on each set, less that of the
best network with all of the work (regret, in points), and the share of the work that went to losers. A race is shown
with one slope for all families (plain), with slopes of families, with their levels too, and with levels that depend on
what the baselines came to (baselines); what it knows was fitted without the set. ``--prior`` writes what is known from
all curves as JSON, as it ships; ``--picture`` draws the curves of one set.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import record

CURVES = Path(__file__).parent / "results" / "curves.jsonl"
REPEATS = 30.0  # see archsmith.strategies.forecast.fresh; pictures are changed a little each time
EARLY = 4  # scores of a curve from which the spread of slopes is taken: the end is far from them, as in a race
STEEPEST = 1.0  # a curve that falls to no error at all says no more than this
LIKE = 2  # so many sets count what is common to all families, beside those that a family was seen on
FAR = 0.6  # larger differences between logarithms of errors count as this one: both say that a family has no chance
KIN_SD = 0.15  # how far other members of a family end from the first one, in logarithms


@dataclass(frozen=True)
class Curve:
    """Of one network on one set: (work, error) at a constant rate, and the error at the end of all work."""

    seed: str
    family: str
    points: tuple[tuple[float, float], ...]
    end: float
    total: float
    rows: int
    cost: float

    @property
    def fresh_points(self) -> list[tuple[float, float]]:
        """As ``archsmith.strategies.forecast.fresh`` counts work; the end of all work is the last point."""
        return [(self.fresh(work), error) for work, error in (*self.points[:6], (self.total, self.end))]

    def fresh(self, work: float) -> float:
        from archsmith.strategies.forecast import fresh

        return fresh(work, work / self.cost, REPEATS)

    def error(self, work: float) -> float:
        """Between points: a straight line in logarithms."""
        points = self.points
        if work <= points[0][0]:
            return points[0][1]
        for (a, x), (b, y) in pairwise(points):
            if work <= b:
                share = math.log(work / a) / math.log(b / a)
                return math.exp((1 - share) * math.log(x) + share * math.log(y))
        return points[-1][1]

    def final(self, work: float) -> float:
        """The error after an annealed end at ``work``: a power law through the score at a quarter of all work and the
        end.
        """
        slope = max(0.0, math.log(self.error(0.25 * self.total) / self.end) / math.log(4))
        return self.end * (self.total / work) ** slope


Pick = tuple[str, float]  # who wins, and the work that the losers took
Rule = Callable[[Mapping[str, Curve]], Pick]


def no_search(curves: Mapping[str, Curve]) -> Pick:
    return "fixed", 0.0


def top(share: float) -> Rule:
    """Everybody trains for ``share`` of the work; the best score wins."""

    def rule(curves: Mapping[str, Curve]) -> Pick:
        work = share * next(iter(curves.values())).total
        best = min(curves, key=lambda name: curves[name].error(work))
        return best, work * (len(curves) - 1)

    return rule


def halving(share: float) -> Rule:
    """Everybody trains for ``share``, the better half for twice as long, and so on; raw scores decide."""

    def rule(curves: Mapping[str, Curve]) -> Pick:
        work, left, lost = share * next(iter(curves.values())).total, list(curves), 0.0
        while len(left) > 1:
            left.sort(key=lambda name: curves[name].error(work))
            keep = max(1, len(left) // 2)
            lost += work * (len(left) - keep)
            left, work = left[:keep], 2 * work
        return left[0], lost

    return rule


def race(share: float, prior: Mapping[str, Any]) -> Rule:
    """The strategy that ships. ``prior``: as ``archsmith.strategies.forecast.Prior`` takes it."""

    def rule(curves: Mapping[str, Curve]) -> Pick:
        import numpy as np

        from archsmith.core.history import History
        from archsmith.core.problem import Fidelity, Problem
        from archsmith.core.records import Finished, Opened, Proposed, ProposedTrial
        from archsmith.core.space import Space
        from archsmith.core.trial import Outcome
        from archsmith.strategies.forecast import Prior
        from archsmith.strategies.race import Race

        names = tuple(curves)

        class Names(Space):
            def decide(self, choose):  # type: ignore[no-untyped-def]
                choose("seed", names)
                choose("family", tuple({curve.family: None for curve in curves.values()}))

        class Nobody:
            def ask(self, history, n, rng):  # type: ignore[no-untyped-def]
                return []

        total, rows = next(iter(curves.values())).total, next(iter(curves.values())).rows
        problem = Problem(Names(), fidelity=Fidelity("work", share * total, total))
        history = History(problem)
        history.take(Opened(work=total))
        seeds = tuple({"seed": name, "family": curves[name].family} for name in names)
        known = Prior(**prior)
        strategy = Race(seeds, 1 if known.levels else len(seeds), rows=rows, inner=Nobody(), prior=known)
        rng = np.random.default_rng(0)
        while found := strategy.ask(history, 1, rng):
            (proposal,) = found
            row = ProposedTrial(len(history), proposal.architecture, proposal.fidelity, proposal.parents, {})
            history.take(Proposed((row,)))
            curve, work = curves[str(proposal.architecture["seed"])], float(proposal.fidelity or 0.0)
            outcome = Outcome.success({"accuracy": 1 - curve.error(work)}, notes={"epochs": work / curve.cost})
            history.take(Finished(len(history) - 1, outcome))
        best = strategy.incumbent(history)
        assert best is not None
        winner = str(best.architecture["seed"])
        work: dict[str, float] = {}
        for trial in history.finished:
            work[str(trial.architecture["seed"])] = trial.fidelity
        return winner, sum(value for name, value in work.items() if name != winner)

    return rule


@dataclass(frozen=True)
class Recorded:
    """Of one set: curves by the name of the seed, and how natural its pictures are (``picture_prior.natural``)."""

    curves: Mapping[str, Curve]
    natural: float | None


def prior_of(sets: Mapping[str, Recorded]) -> dict[str, Any]:
    """A prior of curves, as ``archsmith.automl.modalities.picture_prior`` reads it. A slope is that from a score to the
    end; those of a family are shrunk to the mean of all, as if two more sets had that.
    """
    by_family: dict[str, list[float]] = {}
    for found in sets.values():
        for curve in found.curves.values():
            *points, (total, end) = curve.fresh_points
            slopes = [min(STEEPEST, math.log(x / end) / math.log(total / w)) for w, x in points[:5]]
            by_family.setdefault(curve.family, []).append(statistics.mean(slopes))
    every = statistics.mean(slope for slopes in by_family.values() for slope in slopes)
    families = {name: (sum(slopes) + LIKE * every) / (len(slopes) + LIKE) for name, slopes in by_family.items()}
    errors, bends = [], []
    for found in sets.values():
        for curve in found.curves.values():
            *points, (total, end) = curve.fresh_points
            errors += [math.log(x / end) / math.log(total / w) - families[curve.family] for w, x in points[:EARLY]]
            for (a, x), (b, y) in pairwise(points):
                bends.append(math.log(x / y) / math.log(b / a) - math.log(y / end) / math.log(total / b))
    return {
        "slope": round(every, 4),
        "slope_sd": round(spread_of(errors), 4),
        "common": round(common_of(sets, families), 4),
        "bend_sd": round(spread_of(bends), 4),
        "end_sd": 0.05,
        "repeats": REPEATS,
        "families": {name: round(slope, 4) for name, slope in sorted(families.items())},
        "levels": levels_of(sets, with_natural=True),
        "unknown": levels_of(sets, with_natural=False),
    }


def common_of(sets: Mapping[str, Recorded], families: Mapping[str, float]) -> float:
    """The share of the variance of slopes that curves of one set have in common (analysis of variance)."""
    groups = []
    for found in sets.values():
        group = []
        for curve in found.curves.values():
            *points, (total, end) = curve.fresh_points
            slopes = [min(STEEPEST, math.log(x / end) / math.log(total / w)) for w, x in points[:EARLY]]
            group.append(statistics.mean(slopes) - families[curve.family])
        groups.append(group)
    n = sum(map(len, groups))
    within = sum((value - statistics.mean(group)) ** 2 for group in groups for value in group) / (n - len(groups))
    between = statistics.pvariance([statistics.mean(group) for group in groups])
    between = max(0.0, between - within * statistics.mean(1 / len(group) for group in groups))
    return between / (between + within)


def spread_of(values: Sequence[float]) -> float:
    """The standard deviation of normal values with as large a median; a few curves that fall to no error at all do not
    count for more than others.
    """
    return 1.4826 * statistics.median(map(abs, values))


def levels_of(sets: Mapping[str, Recorded], *, with_natural: bool) -> dict[str, list[float]]:
    """By family: mean, its change with how natural pictures are, and standard deviation of the logarithm of its error
    at the end, less that of the hand-made network. A line is shrunk to that of all families, as if two more sets lay on
    that one. Without ``with_natural``: mean and deviation only.
    """
    import numpy as np

    rows: dict[str, list[tuple[float, float]]] = {}
    for found in sets.values():
        fixed = found.curves.get("fixed")
        if fixed is None or found.natural is None:
            continue
        best: dict[str, float] = {}
        for name, curve in found.curves.items():
            if name != "fixed":
                difference = max(-FAR, min(FAR, math.log(curve.end / fixed.end)))
                best[curve.family] = min(best.get(curve.family, math.inf), difference)
        for family, difference in best.items():
            rows.setdefault(family, []).append((found.natural if with_natural else 0.0, difference))

    def line(points: list[tuple[float, float]], towards: Any, like: float) -> Any:
        x = np.array([[1.0, natural] for natural, _ in points])
        y = np.array([difference for _, difference in points])
        weight = like * np.diag([1.0, 0.5])
        return np.linalg.solve(x.T @ x + weight, x.T @ y + weight @ towards)

    together = [point for points in rows.values() for point in points]
    if not together:
        return {}
    common = line(together, np.zeros(2), LIKE)
    spread = statistics.mean((y - common[0] - common[1] * x) ** 2 for x, y in together)
    found_levels = {}
    for family, points in sorted(rows.items()):
        mean, slope = line(points, common, LIKE)
        left = []  # errors of lines that have not seen the set
        for i, (x, y) in enumerate(points):
            others = points[:i] + points[i + 1 :]
            a, b = line(others, common, LIKE) if others else common
            left.append((y - a - b * x) ** 2)
        deviation = math.sqrt((sum(left) + LIKE * spread) / (len(left) + LIKE))
        numbers = [mean, slope, deviation] if with_natural else [mean, deviation]
        found_levels[family] = [round(float(number), 4) for number in numbers]
    kin = [0.0, 0.0, KIN_SD] if with_natural else [0.0, KIN_SD]
    return {**found_levels, "stages": found_levels.get("stages", kin)}


def at(prior: Mapping[str, Any], natural: float | None, *, levels: bool = True) -> dict[str, Any]:
    """What is known of a set whose pictures are ``natural``."""
    known = {name: value for name, value in prior.items() if name not in ("levels", "unknown")}
    if not levels:
        return known
    if natural is None:
        return known | {"levels": {name: (mean, sd) for name, (mean, sd) in prior["unknown"].items()}}
    return known | {
        "levels": {name: (mean + slope * natural, sd) for name, (mean, slope, sd) in prior["levels"].items()}
    }


def draw(curves: Mapping[str, Curve], title: str) -> str:
    """Errors over the work, both in logarithms, as SVG."""
    from archsmith.analysis.axes import axis
    from archsmith.analysis.charts import NARROW, Ends, Line, plot
    from archsmith.analysis.comparison.curves import by_itself

    x = axis("work, share of the whole", [1 / 64, 1.0], log=True)
    y = axis(
        "error, %",
        [100 * error for curve in curves.values() for _, error in (*curve.points, (1.0, curve.end))],
        log=True,
    )
    drawn: list[Any] = []
    ends = []
    for i, curve in enumerate(curves.values()):
        points = [(work / curve.total, 100 * error) for work, error in (*curve.points[:6], (curve.total, curve.end))]
        drawn.append(Line(points, f"s{i % 8}"))
        ends.append((points[-1][1], curve.family, f"s{i % 8}"))
    return by_itself(plot(NARROW, x, y, [*drawn, Ends(ends)], title))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("curves", nargs="?", type=Path, default=CURVES)
    parser.add_argument("--prior", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--set", default="cifar")
    options = parser.parse_args()
    path = options.curves
    if not path.exists():
        print(f"Skipped: {path} is not there. Run benchmarks/curves.py first.")
        return 0
    sets = read(path)
    prior = prior_of(sets)
    print(json.dumps(prior))
    if options.prior is not None:
        options.prior.write_text(json.dumps(prior, indent=2) + "\n", encoding="utf-8")
    if options.picture is not None:
        drawn = draw(sets[options.set].curves, f"learning curves on {options.set}")
        options.picture.write_text(drawn, encoding="utf-8")
    # Sets of the same data, such as "cifar" and "cifar 8k", are left out together.
    others = {name: {other: sets[other] for other in sets if other.split()[0] != name.split()[0]} for name in sets}
    left_out = {name: prior_of(rest) for name, rest in others.items()} if len(sets) > 1 else {}
    print(f"{'rule':<24}" + "".join(f"{name[:12]:>13}" for name in sets) + f"{'mean':>8} {'losers':>7}")
    print(f"{'natural':<24}" + "".join(f"{found.natural or math.nan:13.2f}" for found in sets.values()))

    def show(title: str, rule: Callable[[str], Rule]) -> None:
        print(f"{title:<24}" + judged(rule, sets), flush=True)

    show("no search", lambda name: no_search)
    for parts in (64, 32, 16):
        show(f"top, 1/{parts}", lambda name, parts=parts: top(1 / parts))
        show(f"halving, 1/{parts}", lambda name, parts=parts: halving(1 / parts))
        show(f"race, plain, 1/{parts}", lambda name, parts=parts: race(1 / parts, {}))
        if left_out:
            for title, of in (
                ("slopes", lambda name: at(left_out[name], None, levels=False)),
                ("levels", lambda name: at(left_out[name], None)),
                ("baselines", lambda name: at(left_out[name], sets[name].natural)),
            ):
                show(f"race, {title}, 1/{parts}", lambda name, parts=parts, of=of: race(1 / parts, of(name)))
    return 0


def read(path: Path) -> dict[str, Recorded]:
    """The sets by name, from the lines of ``benchmarks/curves.py``."""
    from archsmith.automl.modalities.picture_prior import natural

    curves: dict[str, dict[str, Curve]] = {}
    errors: dict[str, dict[str, float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "error_rate" in row:
            errors.setdefault(row["set"], {})[row["seed"]] = row["error_rate"]
        if "points" not in row:
            continue
        metric = next(name for name in row["points"][0] if name != "work")
        n = row["valid"]
        points = [(p["work"], ((1 - p[metric]) * n + 0.5) / (n + 1)) for p in row["points"]]  # as a race counts errors
        end, total = points[-1][1], row["work"]
        curve = Curve(row["seed"], row["family"], tuple(points[:-1]), end, total, row["valid"], row["cost"])
        curves.setdefault(row["set"], {})[row["seed"]] = curve
    return {name: Recorded(found, natural(errors.get(name, {}))) for name, found in curves.items()}


def judged(rule: Callable[[str], Rule], sets: Mapping[str, Recorded]) -> str:
    """``rule``: by the name of the set, since a prior must not know it."""
    regrets, shares, cells = [], [], []
    for name, found in sets.items():
        curves = found.curves
        winner, lost = rule(name)(curves)
        total = curves[winner].total
        best = min(curve.end for curve in curves.values())
        regret = 100 * (curves[winner].final(max(0.05 * total, total - lost)) - best)
        regrets.append(regret)
        shares.append(lost / total)
        cells.append(f"{regret:13.1f}")
    return "".join(cells) + f"{statistics.mean(regrets):8.2f} {100 * statistics.mean(shares):6.1f}%"


if __name__ == "__main__":
    sys.exit(record.run(main))
