"""Races replayed on recorded learning curves: which rule picks what, and what it costs.

    python benchmarks/races.py [curves.jsonl] [--prior FILE] [--picture FILE --set cifar]

The curves are those of ``benchmarks/curves.py``: for each set, the scores of every seed network at a constant rate, and
its score at the end of all work. A rule sees scores of short trainings only and pays for them. What it picks is then
credited with the error at the end, made worse for the work that the losers took (a power law through the two last
scores). It prints the error of each rule on each set, less that of the best network with all of the work (regret, in
points), and the share of the work that went to losers. ``--prior`` writes the prior of all curves as JSON, as it ships;
``--picture`` draws the curves of one set.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import record

CURVES = Path(__file__).parent / "results" / "curves.jsonl"


@dataclass(frozen=True)
class Curve:
    """Of one network on one set: (work, error) at a constant rate, and the error at the end of all work."""

    seed: str
    family: str
    points: tuple[tuple[float, float], ...]
    end: float
    total: float
    rows: int

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
        """The error after an annealed end at ``work``."""
        (a, x), (b, y) = self.points[-2:]
        slope = max(0.0, math.log(x / y) / math.log(b / a))
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
    """The strategy that ships."""

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
        strategy = Race(seeds, len(seeds), rows=rows, inner=Nobody(), prior=Prior(**prior))
        rng = np.random.default_rng(0)
        while found := strategy.ask(history, 1, rng):
            (proposal,) = found
            row = ProposedTrial(len(history), proposal.architecture, proposal.fidelity, proposal.parents, {})
            history.take(Proposed((row,)))
            score = 1 - curves[str(proposal.architecture["seed"])].error(float(proposal.fidelity or 0.0))
            history.take(Finished(len(history) - 1, Outcome.success({"accuracy": score})))
        best = strategy.incumbent(history)
        assert best is not None
        winner = str(best.architecture["seed"])
        work: dict[str, float] = {}
        for trial in history.finished:
            work[str(trial.architecture["seed"])] = trial.fidelity
        return winner, sum(value for name, value in work.items() if name != winner)

    return rule


def prior_of(sets: Mapping[str, Mapping[str, Curve]]) -> dict[str, Any]:
    """A prior of curves, as ``archsmith.strategies.forecast.Prior`` takes it. A slope is that from a score to the end;
    those of a family are shrunk to the mean of all, as if two more sets had that.
    """
    by_family: dict[str, list[float]] = {}
    for curves in sets.values():
        for curve in curves.values():
            found = [math.log(x / curve.end) / math.log(curve.total / w) for w, x in curve.points[:5]]
            by_family.setdefault(curve.family, []).append(statistics.mean(found))
    every = statistics.mean(slope for slopes in by_family.values() for slope in slopes)
    families = {name: (sum(slopes) + 2 * every) / (len(slopes) + 2) for name, slopes in by_family.items()}
    errors, bends = [], []
    for curves in sets.values():
        for curve in curves.values():
            for (a, x), (b, y) in pairwise(curve.points[:6]):
                to_end = math.log(y / curve.end) / math.log(curve.total / b)
                bends.append(math.log(x / y) / math.log(b / a) - to_end)
                errors.append(to_end - families[curve.family])
    return {
        "slope": round(every, 4),
        "slope_sd": round(statistics.pstdev(errors), 4),
        "bend_sd": round(statistics.pstdev(bends), 4),
        "end_sd": 0.05,
        "families": {name: round(slope, 4) for name, slope in sorted(families.items())},
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
    sets: dict[str, dict[str, Curve]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "points" not in row:
            continue
        metric = next(name for name in row["points"][0] if name != "work")
        points = [(p["work"], max(1e-4, 1 - p[metric])) for p in row["points"]]
        curve = Curve(row["seed"], row["family"], tuple(points[:-1]), points[-1][1], row["work"], row["valid"])
        sets.setdefault(row["set"], {})[row["seed"]] = curve
    print(json.dumps(prior_of(sets)))
    if options.prior is not None:
        options.prior.write_text(json.dumps(prior_of(sets), indent=2) + "\n", encoding="utf-8")
    if options.picture is not None:
        options.picture.write_text(draw(sets[options.set], f"learning curves on {options.set}"), encoding="utf-8")
    # Sets of the same data, such as "cifar" and "cifar 8k", are left out together.
    others = {
        name: {other: curves for other, curves in sets.items() if other.split()[0] != name.split()[0]} for name in sets
    }
    left_out = {name: prior_of(rest) for name, rest in others.items()} if len(sets) > 1 else {}
    print(f"{'rule':<18}" + "".join(f"{name:>10}" for name in sets) + f"{'mean':>8} {'losers':>7}")

    def show(title: str, rule: Callable[[str], Rule]) -> None:
        print(f"{title:<18}" + judged(rule, sets), flush=True)

    show("no search", lambda name: no_search)
    for parts in (64, 32, 16):
        show(f"top, 1/{parts}", lambda name, parts=parts: top(1 / parts))
        show(f"halving, 1/{parts}", lambda name, parts=parts: halving(1 / parts))
        show(f"race, plain, 1/{parts}", lambda name, parts=parts: race(1 / parts, {}))
        if left_out:
            show(f"race, 1/{parts}", lambda name, parts=parts: race(1 / parts, left_out[name]))
    return 0


def judged(rule: Callable[[str], Rule], sets: Mapping[str, Mapping[str, Curve]]) -> str:
    """``rule``: by the name of the set, since a prior must not know it."""
    regrets, shares, cells = [], [], []
    for name, curves in sets.items():
        winner, lost = rule(name)(curves)
        total = curves[winner].total
        best = min(curve.end for curve in curves.values())
        regret = 100 * (curves[winner].final(max(0.05 * total, total - lost)) - best)
        regrets.append(regret)
        shares.append(lost / total)
        cells.append(f"{regret:10.1f}")
    return "".join(cells) + f"{statistics.mean(regrets):8.2f} {100 * statistics.mean(shares):6.1f}%"


if __name__ == "__main__":
    sys.exit(record.run(main))
