"""How the points of a space grow, level by level. Searches that begin small, such as PNAS, walk along these levels.

A space that grows in a way of its own says so with a method ``growth()``. It returns a ``Growth``, or None where its
settings leave none. Every other space grows by its decisions, in the order in which they are asked (``Prefixes``). Law:
what a growth offers at any level is a point of the space.

Points on the way are rows of small whole numbers, *tokens*. A level of PNAS has 589,824 expansions, and nobody builds
that many objects to score them.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import DeadEnd
from archsmith.core.seeds import generator
from archsmith.core.space import Answer, Options, Range, Space, draw

Tokens = npt.NDArray[np.int16]
Places = npt.NDArray[np.intp]

ABSENT = -1  # fills up rows that are shorter than others


class Alphabet(NamedTuple):
    """What rows of tokens are written in: all that a surrogate knows of a space.

    A slot is a place with a meaning of its own, such as the left input of a block.

    ``vocabularies``: how many tokens each of them has.
    ``slots``: the vocabulary of every slot, as an index into ``vocabularies``.
    ``layout``: the slot of each token of a row; it begins again where a row is longer.
    """

    vocabularies: tuple[int, ...]
    slots: tuple[int, ...]
    layout: tuple[int, ...]


class Grown(NamedTuple):
    """A point of the space with its row of tokens, ``(w,)``."""

    architecture: Architecture
    tokens: Tokens


START = Grown(Architecture(), np.empty(0, np.int16))  # what the first level grows from


@dataclass(frozen=True)
class Expansions:
    """The n points of one level.

    ``tokens``: ``(n, w)``, one row a point.
    ``parents``: ``(n,)``, the index of what each grew from.
    ``architecture``: gives the architecture of the i-th of them.
    """

    tokens: Tokens
    parents: Places
    architecture: Callable[[int], Architecture]

    def __len__(self) -> int:
        return len(self.parents)

    @classmethod
    def none(cls) -> Expansions:
        return cls(np.empty((0, 0), np.int16), np.empty(0, np.intp), lambda i: START.architecture)


class Growth(Protocol):
    """The levels of a space, counted from 1."""

    @property
    def alphabet(self) -> Alphabet:
        """What the tokens of all levels are written in."""
        ...

    @property
    def n_levels(self) -> int:
        """How many levels there are; a guess where the points differ in length."""
        ...

    def expand(self, level: int, parents: Sequence[Grown], wanted: int, rng: np.random.Generator) -> Expansions:
        """The points of ``level`` that grow from ``parents``, which are points of the level before.

        The first level grows from START. There are none above the last level. ``wanted``: how many of them will be
        evaluated. Where every point must be built by itself, a few dozen for each of these are enough.
        """
        ...


def growth_of(space: Space) -> Growth:
    """The growth that ``space`` has of its own, or the one by its decisions."""
    own = getattr(space, "growth", None)
    found: Growth | None = own() if callable(own) else None
    return found if found is not None else Prefixes(space)


LEVELS = 5  # as many as PNAS has
SAMPLES = 32  # random points that tell how many decisions there are
BINS = 8  # how many numbers a Range offers
OFFERED = 10  # points that a level offers for each that is wanted
FEWEST = 50  # points that a level offers at least
TRIES = 10  # completions of answers; the first takes first options and may run into a dead end
VOCABULARY = 256  # tokens for pairs of path and answer; two pairs may fall on one token


@dataclass(frozen=True)
class Prefixes:
    """The growth that every space has: at every level a few more of the decisions are free.

    The other decisions take first options, or the middle of a Range. The decisions are cut into at most LEVELS groups
    of equal size, in the order in which they are asked. Where a level would offer more than ``wanted`` * OFFERED
    points, so many are drawn.
    """

    space: Space

    alphabet = Alphabet((VOCABULARY,), (0,), (0,))

    @cached_property
    def _n_decisions(self) -> int:
        rng = generator(0, "growth")
        return max(len(self.space.sample(rng)) for _ in range(SAMPLES))

    @property
    def _group(self) -> int:
        return max(1, -(-self._n_decisions // LEVELS))

    @property
    def n_levels(self) -> int:
        return max(1, -(-self._n_decisions // self._group))

    def expand(self, level: int, parents: Sequence[Grown], wanted: int, rng: np.random.Generator) -> Expansions:
        fixed = (level - 1) * self._group
        growing = [(at, tuple(parent.architecture.values())[:fixed]) for at, parent in enumerate(parents)]
        growing = [(at, prefix) for at, prefix in growing if level == 1 or len(parents[at].architecture) > fixed]
        most = max(FEWEST, OFFERED * wanted)
        for _ in range(self._group):
            longer = [(at, extended) for at, prefix in growing for extended in self._extended(prefix)]
            if len(longer) > most:
                longer = [longer[i] for i in np.sort(rng.choice(len(longer), most, replace=False)).tolist()]
            growing = longer
        found = [(at, prefix, self._completed(prefix, rng)) for at, prefix in growing]
        points = [(at, len(prefix), architecture) for at, prefix, architecture in found if architecture is not None]
        if not points:
            return Expansions.none()
        tokens = np.full((len(points), fixed + self._group), ABSENT, np.int16)
        for row, (_, n_free, architecture) in zip(tokens, points, strict=True):
            row[:n_free] = [_token(path, repr(answer)) for path, answer in islice(architecture.items(), n_free)]
        return Expansions(tokens, np.array([at for at, _, _ in points], np.intp), lambda i: points[i][2])

    def _extended(self, prefix: tuple[Scalar, ...]) -> list[tuple[Scalar, ...]]:
        """``prefix`` with every answer to the question after it.

        Itself when it answers all questions, nothing when it leads into a dead end.
        """
        try:
            self.space.trace(_following(prefix, _asked))
        except _Asked as question:
            options = question.options
            listed = (
                dict.fromkeys(options.at((i + 0.5) / BINS) for i in range(BINS))
                if isinstance(options, Range)
                else options
            )
            return [(*prefix, option) for option in listed]
        except DeadEnd:
            return []
        return [prefix]

    def _completed(self, prefix: tuple[Scalar, ...], rng: np.random.Generator) -> Architecture | None:
        """``prefix`` with first options for the rest, or with random answers where these run into a dead end."""
        for attempt in range(TRIES):
            with contextlib.suppress(DeadEnd):
                rest = _plain if attempt == 0 else lambda path, options, weights: draw(options, weights, rng)
                return self.space.trace(_following(prefix, rest)).architecture
        return None


def _following(prefix: tuple[Scalar, ...], rest: Answer) -> Answer:
    """The answers in ``prefix`` one after the other, then those of ``rest``."""
    answers = iter(prefix)

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        for known in answers:
            return known
        return rest(path, options, weights)

    return answer


class _Asked(BaseException):
    """Ends a program at the question after a prefix, and carries its options. No space's own ``except`` catches it."""

    def __init__(self, options: Options) -> None:
        self.options = options


def _asked(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
    raise _Asked(options)


def _plain(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
    return options.at(0.5) if isinstance(options, Range) else options[0]


@lru_cache(maxsize=100_000)
def _token(path: str, answer: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{path}={answer}".encode(), digest_size=4).digest(), "big") % VOCABULARY
