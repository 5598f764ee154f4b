"""How many architectures a space has: an exact number, or an estimate from random walks through its questions.

Source: Knuth 1975, "Estimating the Efficiency of Backtrack Programs" (Mathematics of Computation 29). Answer every
question at random, and divide 1 by the probability of all these answers: on average over walks this is the number of
architectures, whatever the probabilities are. A walk that runs into a dead end counts 0.

Differences: options are not equally likely. The first half of the walks finds out how much lies beneath each option,
and later walks choose it as often as that (importance sampling). Only the second half is measured, with probabilities
that no longer change: so its walks are independent, their mean is right on average, and its standard error is honest.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

import numpy as np

# Chosen on our own spaces and the toys: the least error at equal numbers of walks.
ROUND = 25  # walks between two updates of the probabilities
MEMORY = 0.8  # what a finding weighs after one more round
UNIFORM = 0.2  # share of the choices that go to all options alike, so that nothing is overlooked
MOST_LEARNED = 100  # options; questions with more of them are answered uniformly

NO_ERROR = 1e-9  # relative; below it nothing but rounding tells the walks apart
MOST_ERROR = 0.2  # relative; above it the mean says what the size is at least, and no more
CONFIDENCE = 0.95  # of the bounds
DEVIATIONS = 2.5  # standard errors on each side: 1.96 for a normal mean, more here, since sizes are skewed

Pick = Callable[[str, int], int]  # (path, number of options) to the place of the chosen one
Walk = Callable[[Pick], bool]  # runs the program of a space once; False where it ends in a dead end
Question = tuple[str, int]


@dataclass(frozen=True)
class Size:
    """How many architectures a space has. Several of them may lay out the same network.

    ``number``: how many; an estimate unless ``exact``. Infinite where no number would do.
    ``relative_error``: standard error of an estimate divided by ``number``; 0 where it is exact.
    ``n_walks``: random walks behind an estimate; 0 where it is exact.
    ``reason``: a sentence that says why ``number`` is infinite; empty where it is not.
    """

    number: float
    relative_error: float = 0.0
    n_walks: int = 0
    reason: str = ""

    @property
    def exact(self) -> bool:
        """Is ``number`` counted or computed, and not estimated?"""
        return not self.n_walks

    @property
    def rough(self) -> bool:
        """Do the walks differ so much that only ``low`` can be relied on?"""
        return self.relative_error > MOST_ERROR

    @property
    def unanimous(self) -> bool:
        """Do all walks of an estimate say the same? Then it is exact unless something rare was overlooked."""
        return not self.exact and self.relative_error < NO_ERROR

    @property
    def low(self) -> float:
        """The size is at least this, with a confidence of 95 %.

        Of a rough estimate it is a twentieth of the mean: a mean of numbers that are never negative, which is right on
        average, is 20 times too large in at most one of 20 cases (Markov's inequality).
        """
        if self.exact or not self.number:
            return self.number
        return _times(self.number, 1 - CONFIDENCE if self.rough else max(0.0, 1 - DEVIATIONS * self.relative_error))

    @property
    def high(self) -> float:
        """The size is at most this, with a confidence of 95 %; infinite for a rough estimate."""
        if self.exact:
            return self.number
        return math.inf if self.rough or not self.number else _times(self.number, 1 + DEVIATIONS * self.relative_error)

    def __str__(self) -> str:
        if self.number == math.inf:
            return f"infinitely many architectures. {self.reason.rstrip('.')}"
        if self.exact:
            return f"{_written(self.number, 4)} architecture{'s' * (self.number != 1)}, exactly"
        walks = f"{self.n_walks:,} random walks"
        if self.unanimous:
            return f"{_written(self.number)} architectures, as all {walks} say"
        if not self.number:
            return f"no architecture was found in {walks}"
        if self.rough:
            return f"more than {_written(self.low)} architectures (95 % sure), estimated from {walks} that differ a lot"
        between = f"{_written(self.low)} to {_written(self.high)} with 95 % confidence"
        return f"about {_written(self.number)} architectures ({between}), estimated from {walks}"


def estimate(walk: Walk, n_walks: int, rng: np.random.Generator) -> Size:
    """The number of architectures from ``n_walks`` walks, of which the second half is measured."""
    guide, n_learning = _Guide(rng), n_walks // 2
    for n in range(n_learning):
        if n % ROUND == 0:
            guide.update()
        guide.learn(guide.walk(walk))
    guide.update()
    logs = np.array([guide.walk(walk).size for _ in range(n_walks - n_learning)])
    top = float(logs.max())
    if top == -math.inf:
        return Size(0, math.inf, n_walks)
    sizes = np.exp(logs - top)  # the largest is 1: a size itself may be too large for a float
    mean, error = float(sizes.mean()), float(sizes.std(ddof=1)) / math.sqrt(len(sizes))
    return Size(_exp(math.log(mean) + top), error / mean, n_walks)


@dataclass(frozen=True)
class _Taken:
    """One walk: what it chose, each with its probability, and whether it reached an end that is no dead end."""

    choices: list[tuple[Question, int, float]]
    ended: bool

    @property
    def size(self) -> float:
        """Logarithm of what it says of the size."""
        return -math.fsum(math.log(chance) for _, _, chance in self.choices) if self.ended else -math.inf


class _Guide:
    """Chooses options as often as earlier walks found architectures beneath them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._found: dict[Question, list[_Found]] = {}  # for each option
        self._chances: dict[Question, list[float]] = {}  # of this round

    def walk(self, walk: Walk) -> _Taken:
        choices: list[tuple[Question, int, float]] = []

        def pick(path: str, n_options: int) -> int:
            if n_options == 1:
                return 0
            question, point = (path, n_options), float(self._rng.random())
            chances = self._chances.get(question) or self._chances_of(question)
            if chances is None:
                chosen, chance = int(point * n_options), 1 / n_options
            else:
                chosen = min(bisect_right(list(accumulate(chances)), point), n_options - 1)
                chance = chances[chosen]
            choices.append((question, chosen, chance))
            return chosen

        ended = walk(pick)
        return _Taken(choices, ended)

    def learn(self, taken: _Taken) -> None:
        """Add what the walk found beneath each option that it chose."""
        beneath = 0.0 if taken.ended else -math.inf
        for question, chosen, chance in reversed(taken.choices):
            if question[1] <= MOST_LEARNED:
                if question not in self._found:
                    self._found[question] = [_Found() for _ in range(question[1])]
                self._found[question][chosen].add(beneath)
            beneath -= math.log(chance)

    def update(self) -> None:
        """Begin a round: probabilities follow what was found so far, and older findings count less."""
        self._chances.clear()
        for options in self._found.values():
            for found in options:
                found.fade()

    def _chances_of(self, question: Question) -> list[float] | None:
        """None, for options that are equally likely, where nothing was found so far."""
        options = self._found.get(question, ())
        top = max((found.log_sum for found in options), default=-math.inf)
        if top == -math.inf:
            return None
        sums = [math.exp(found.log_sum - top) for found in options]
        tried = [total / found.n for total, found in zip(sums, options, strict=True) if found.n]
        middle = math.fsum(tried) / len(tried)
        # One more finding of the middle for each option: few findings say little, and none says that.
        means = [(total + middle) / (found.n + 1) for total, found in zip(sums, options, strict=True)]
        total = math.fsum(means)
        self._chances[question] = [(1 - UNIFORM) * mean / total + UNIFORM / len(means) for mean in means]
        return self._chances[question]


@dataclass(slots=True)
class _Found:
    """What was found beneath one option: how often it was chosen, and the logarithm of the sum of the sizes."""

    n: float = 0.0
    log_sum: float = -math.inf

    def add(self, log_size: float) -> None:
        self.n += 1
        low, high = sorted((self.log_sum, log_size))
        self.log_sum = high if low == -math.inf else high + math.log1p(math.exp(low - high))

    def fade(self) -> None:
        self.n *= MEMORY
        self.log_sum += math.log(MEMORY)


def _exp(log: float) -> float:
    """``e ** log``; a whole number where that is too large for a float."""
    return math.exp(log) if log < 700 else int(Decimal(log).exp())


def _times(number: float, factor: float) -> float:
    return number * factor if isinstance(number, float) else int(Decimal(number) * Decimal(factor))


def _written(number: float, digits: int = 2) -> str:
    """``15,625`` or ``8.2e+10``."""
    if number < 1e6 or (isinstance(number, int) and number < 10**15):
        return f"{round(number):,}"
    return f"{Decimal(number):.{digits - 1}e}"
