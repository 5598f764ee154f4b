"""What is known beforehand of how networks for pictures learn: slopes of learning curves by family, and how families
end beside the hand-made network.

Which family suits pictures depends on what they are of. Two baselines of seconds tell much of it: where features that
were learnt from photographs tell the pictures apart far better than a linear layer on the pixels does, they are of that
kind, and convolutions suit them. All figures were fitted to recorded curves (``benchmarks/curves.py``,
``benchmarks/races.py``).

How far ahead a wide network ends depends on the time, too. It sees few pictures in the time in which a narrow one sees
many, and learns more from each: with little time it ends behind (``benchmarks/widths.py``). With much time it ends
ahead on photographs, and the less like them pictures are, the less so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from archsmith.strategies.forecast import Prior

FILE = Path(__file__).with_name("picture_curves.json")
FURTHEST = 1.5  # more than this is not believed to tell more
# How many pictures the reference saw in the recorded curves, counted each time; and up to how many times more, or
# fewer, something is concluded from that.
RECORDED, FURTHEST_TIMES = 16 * 12_000, 16.0
PHOTOGRAPHS = 0.64  # how natural those of CIFAR-10 are
LEAST = 1e-3  # errors below it count as it


def natural(errors: Mapping[str, float]) -> float | None:
    """By how much features from photographs beat a linear layer on the pixels: the logarithm of the ratio of their
    errors, -1.5 to 1.5. ``errors`` by the name of the baseline; None where one of them is missing.
    """
    if "linear" not in errors or "pretrained" not in errors:
        return None
    linear, pretrained = (max(LEAST, errors[name]) for name in ("linear", "pretrained"))
    return max(-FURTHEST, min(FURTHEST, math.log(linear / pretrained)))


def prior(errors: Mapping[str, float], seen: float | None = None) -> Prior:
    """For pictures on which the baselines had these ``errors``.

    ``seen``: how many pictures, counted each time, the reference would see in all the time there is; None: unknown.
    """
    known = json.loads(FILE.read_text(encoding="utf-8"))
    levels, unknown, longer = known.pop("levels", {}), known.pop("unknown", {}), known.pop("longer", {})
    at = natural(errors)
    if at is None:
        found = {name: (mean, sd) for name, (mean, sd) in unknown.items()}
    else:
        found = {name: (mean + slope * at, sd) for name, (mean, slope, sd) in levels.items()}
    if seen is not None:
        share, far = like_photographs(at), further(seen)
        for name, (any_rise, ahead, rise) in longer.items():
            mean, sd = found[name]
            found[name] = mean + any_rise * far + share * (ahead + rise * far), sd
    return Prior(**known, levels=found)


def like_photographs(natural: float | None) -> float:
    """From 0 to 1; 0 where it is not known."""
    return 0.0 if natural is None else max(0.0, min(1.0, natural / PHOTOGRAPHS))


def further(seen: float) -> float:
    """How many times as many pictures would be seen as in the recorded curves, as a logarithm."""
    return math.log(min(FURTHEST_TIMES, max(1 / FURTHEST_TIMES, seen / RECORDED)))
