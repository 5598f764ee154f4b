"""A search space is a small program that asks questions.

``decide(choose)`` calls ``choose(path, options, weights=None)`` and gets one of the options back. Options may depend on
earlier answers. The same path asked again gets the same answer; it comes with the same options. The program may
recurse.

Everything else follows from that one method, once for all spaces: sampling, validation, mutation, crossover,
neighbours, and enumeration where the space is finite. Mutation and crossover replay the program with changed answers,
and ask again for what became invalid.

The idea of a space as a program with named choices is that of PyGlove (Peng et al. 2020, arXiv 2101.08809) and of the
grammars of Schrodi et al. 2023. Ours answers with plain data and needs no symbolic objects.
"""

from __future__ import annotations

import contextlib
import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np

from archsmith.core.architecture import Architecture, Scalar, same
from archsmith.core.errors import TRACEBACK, ArchsmithError, DeadEnd, InvalidArchitectureError, UsageError, told
from archsmith.core.fields import checked, fitting, named, said
from archsmith.core.seeds import generator
from archsmith.core.size import Pick, Size, estimate
from archsmith.core.sketch import Sketch

KINDS = {bool, int, float, str, type(None)}  # of options
MOST_QUESTIONS = 100_000  # of one program; the largest of ours ask some thousands
MAX_TRIES = 1000  # draws before a space is called a dead end as a whole
SMALL = 20_000  # points that are counted where a size is asked for, if that takes
MOST_ASKED = 200_000  # questions or fewer: a second, or two on the slowest of our spaces


@checked
@dataclass(frozen=True)
class Range:
    """Options that are numbers between two bounds, both included. Whole numbers when both bounds are ints.

    ``low``, ``high``: the bounds.
    ``log``: whether draws are spread over magnitudes; then ``low`` is above 0.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.high or (self.log and self.low <= 0):
            raise UsageError(
                f"Range({self.low}, {self.high}, log={self.log}) is empty or has a logarithm of a number that is not "
                "positive."
            )

    @property
    def integer(self) -> bool:
        return type(self.low) is int and type(self.high) is int

    def __contains__(self, answer: object) -> bool:
        return type(answer) is (int if self.integer else float) and self.low <= answer <= self.high

    def at(self, unit: float) -> Scalar:
        """The option at position ``unit`` in [0, 1]."""
        if self.integer:
            low, high = (math.log(self.low), math.log(self.high + 1)) if self.log else (self.low, self.high + 1)
            value = low + unit * (high - low)
            return min(int(self.high), max(int(self.low), int(math.exp(value) if self.log else math.floor(value))))
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        value = low + unit * (high - low)
        return float(min(self.high, max(self.low, math.exp(value) if self.log else value)))

    def unit(self, answer: Scalar) -> float:
        """Where ``answer`` lies between the bounds, in [0, 1]."""
        if not isinstance(answer, int | float) or self.low == self.high:
            return 0.0
        low, high, value = (
            (math.log(self.low), math.log(self.high), math.log(answer))
            if self.log
            else (self.low, self.high, float(answer))
        )
        return (value - low) / (high - low)


Options = Sequence[Scalar] | Range


@dataclass(frozen=True, slots=True)
class Decision:
    """One named question with the options that it had and the answer that it got.

    ``path``: its name.
    ``weights``: the sampling weights of the options; None: all alike.
    """

    path: str
    options: Options
    answer: Scalar
    weights: tuple[float, ...] | None = None


class Choose(Protocol):
    """What a space's program calls: ``choose(path, options, weights=None)`` returns one of ``options``.

    ``path``: the name of the question. Asked again, it gets the same answer.
    ``options``: numbers, texts, True, False or None, one or more; or a ``Range``.
    ``weights``: one for each option, 0 or more: how often it is drawn at random, in samples and mutations. None: all
        alike. They forbid nothing: an option of weight 0 is valid, and is enumerated.
    """

    def __call__(self, path: str, options: Options, weights: Sequence[float] | None = None) -> Scalar: ...


Answer = Callable[[str, Options, Sequence[float] | None], Scalar]


class Trace:
    """A ``Choose`` that takes each answer from ``answer(path, options, weights)`` once.

    It remembers the decisions in order. Raises UsageError for a path that is asked again with other options.

    ``n_repeats``: how often a known path was asked again.
    ``repeated``: the path of the last question, where that was a known one; else None.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.decisions: dict[str, Decision] = {}
        self.n_repeats = 0
        self.repeated: str | None = None

    def __call__(self, path: str, options: Options, weights: Sequence[float] | None = None) -> Scalar:
        known = self.decisions.get(path)
        if known is not None:
            self._repeat(known, options)
            return known.answer
        self.repeated = None
        if type(path) is not str or not path or not isinstance(options, tuple | list | range | Range):
            _refuse_question(path, options)
        if not isinstance(options, Range) and not options:
            raise DeadEnd(f"Decision {path!r} has no options.")
        if len(self.decisions) >= MOST_QUESTIONS:
            raise RecursionError
        if not isinstance(options, Range):
            try:
                all_differ = len({*options}) == len(options)
            except TypeError:  # what cannot be hashed is no option
                _check_options(path, options)
                raise
            if not all_differ:
                _refuse_twins(path, options)
        if weights is not None:
            _check_weights(path, options, weights)
        answer = self._answer(path, options, weights)
        self.decisions[path] = Decision(path, options, answer, None if weights is None else tuple(weights))
        return answer

    def _repeat(self, known: Decision, options: Options) -> None:
        """Is it the same question? Else its answer may be none of the options."""
        if not _alike(options, known.options):
            raise UsageError(
                f"The decision {known.path!r} is asked a second time with other options: {_listed(options)}, and "
                f"before {_listed(known.options)}.",
                "Give each question a path of its own, or ask both with the same options.",
            )
        self.repeated = known.path
        self.n_repeats += 1
        if self.n_repeats > MOST_QUESTIONS:
            raise RecursionError

    @property
    def architecture(self) -> Architecture:
        return Architecture((path, decision.answer) for path, decision in self.decisions.items())


def _refuse_question(path: object, options: object) -> None:
    """Raises UsageError where a question has no name, or its options are none."""
    if not isinstance(path, str) or not path:
        raise UsageError(
            f"The path of a decision {said(path)}.", 'Its name comes first, as a text: choose("depth", (1, 2, 3)).'
        )
    if isinstance(options, str | bytes) or not isinstance(options, Sequence):
        raise UsageError(
            f"The options of the decision {path!r} {said(options)}.",
            "Give them in a tuple of plain numbers or texts, or as a Range: (1, 2, 3) or Range(1, 8).",
        )


def _check_options(path: str, options: Options) -> None:
    """Raises UsageError where an option is none: no architecture could hold it. Only where options are counted: the
    answers of an architecture are looked at anyway.
    """
    for option in () if isinstance(options, Range | range) else options:
        if type(option) not in KINDS or (isinstance(option, float) and not math.isfinite(option)):
            raise UsageError(
                f"The decision {path!r} has the option {option!r}, which is {_kind(option)}.",
                "Options are bool, int, finite float, str or None; of pairs and the like, name each by a text.",
            )


def _kind(option: object) -> str:
    return "not a finite number" if isinstance(option, float) else named(option)


def _refuse_twins(path: str, options: Sequence[Scalar]) -> None:
    """Raises UsageError where an option is given twice; 1, 1.0 and True are three."""
    for i, option in enumerate(options):
        if any(same(option, other) for other in options[:i]):
            raise UsageError(
                f"The decision {path!r} has the option {option!r} twice.",
                "Give it once; weights=(…) say how often each is drawn.",
            )


def _check_weights(path: str, options: Options, weights: Sequence[float]) -> None:
    """Raises UsageError for weights that do not fit the options."""
    if isinstance(options, Range):
        raise UsageError(f"The decision {path!r} has weights for a Range.", "Leave them out, or give options.")
    if len(weights) != len(options):
        raise UsageError(
            f"The decision {path!r} has {len(weights)} weights for {len(options)} options.", "Give one for each option."
        )
    if not all(weight >= 0 for weight in weights) or not 0 < math.fsum(weights) < math.inf:
        raise UsageError(
            f"The decision {path!r} has the weights {tuple(weights)}.", "Each is 0 or more, and one is above 0."
        )


def _alike(a: Options, b: Options) -> bool:
    """Are these the same options, in value, type and order?"""
    if a is b:
        return True
    if isinstance(a, Range) or isinstance(b, Range):
        return isinstance(a, Range) and isinstance(b, Range) and repr(a) == repr(b)  # Range(1, 2) has other types
    return len(a) == len(b) and all(map(same, a, b))


def allowed(answer: Scalar, options: Options) -> bool:
    """Is ``answer`` one of ``options``, in value and type?"""
    if isinstance(options, Range):
        return answer in options
    kind = type(answer)
    for option in options:  # a plain loop: every replay of every architecture comes through here
        if option == answer and type(option) is kind:
            return True
    return False


def replaying(architecture: Mapping[str, Scalar]) -> Answer:
    """Answers from ``architecture``. They raise InvalidArchitectureError where one is missing or not allowed."""

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        if path not in architecture:
            raise InvalidArchitectureError(f"The decision {path!r} is missing.", f"It takes {_listed(options)}.")
        if not allowed(architecture[path], options):
            raise InvalidArchitectureError(
                f"The decision {path!r} cannot be {architecture[path]!r}.", f"It takes {_listed(options)}."
            )
        return architecture[path]

    return answer


def draw(options: Options, weights: Sequence[float] | None, rng: np.random.Generator) -> Scalar:
    """One option at random."""
    if isinstance(options, Range):
        return options.at(rng.random())
    if weights is None:
        return options[int(rng.random() * len(options))]
    point = rng.random() * math.fsum(weights)
    for option, weight in zip(options, weights, strict=True):
        point -= weight
        if point < 0 and weight > 0:
            return option
    return max(zip(options, weights, strict=True), key=lambda pair: pair[1])[0]


@dataclass(frozen=True)
class Space(ABC):
    """The decisions of a search space: a frozen dataclass whose fields are its configuration.

    Law: a space asks the same questions at every scale. One whose options depend on shapes sets ``transferable`` to
    False. One that asks with True or False whether a layer reads an earlier one names the last part of these paths in
    ``skip_kind``, numbers as #: ENAS's controller holds the share of such skips near a target.
    """

    transferable: ClassVar[bool] = True
    skip_kind: ClassVar[str | None] = None

    @abstractmethod
    def decide(self, choose: Choose) -> None:
        """Ask every question of this space through ``choose``, laying nothing out."""

    @property
    def _program(self) -> str:
        """The method that asks the questions, as the class has written it."""
        return "decide"

    def identity(self, architecture: Architecture) -> str:
        """Equal for architectures that mean the same; the content key unless a subclass knows better."""
        return architecture.key

    def first(self) -> Architecture | None:
        """The architecture that a person would try first, if the space has one."""
        return None

    def sketch(self, architecture: Architecture) -> Sketch:
        """What a surrogate may know of ``architecture``.

        These are its answers, and where options are numbers, the place of the answer among them in [0, 1].
        """
        decisions = self.decisions(architecture)
        live = {decision.path: decision.answer for decision in decisions if not isinstance(decision.options, Range)}
        places = ((decision.path, _place(decision)) for decision in decisions)
        return Sketch(live, {f"place of {path}": place for path, place in places if place is not None})

    # What follows from decide()

    def trace(self, answer: Answer) -> Trace:
        """Run the program once with answers from ``answer``. Raises DeadEnd, and UsageError for a program that fails or
        never ends: it may be anybody's.
        """
        trace = Trace(answer)
        try:
            told_more: object = self.decide(trace)
        except ArchsmithError:
            raise
        except RecursionError as error:
            raise _endless(self, trace) from error
        except Exception as error:
            raise UsageError(
                f"{type(self).__name__}.{self._program} raised {told(error).rstrip('.')}. {_where(trace)}",
                TRACEBACK,
            ) from error
        if told_more is not None:
            raise UsageError(
                f"{type(self).__name__}.{self._program} returned {named(told_more)}.",
                "It asks through choose(path, options), and returns nothing.",
            )
        return trace

    def decisions(self, architecture: Mapping[str, Scalar]) -> tuple[Decision, ...]:
        """The questions behind ``architecture``, in order.

        Raises InvalidArchitectureError with the first path that does not fit.
        """
        _check_point(architecture)
        try:
            decisions = self.trace(replaying(architecture)).decisions
        except DeadEnd as error:
            raise InvalidArchitectureError(f"This architecture runs into a dead end: {error}") from error
        unknown = [path for path in architecture if path not in decisions]
        if unknown:
            raise InvalidArchitectureError(
                f"The decision {unknown[0]!r} is unknown to {type(self).__name__} here.", "Leave it out."
            )
        return tuple(decisions.values())

    def validate(self, architecture: Mapping[str, Scalar]) -> None:
        """Raises InvalidArchitectureError unless ``architecture`` is a point of this space."""
        self.decisions(architecture)

    def __contains__(self, architecture: object) -> bool:
        if not isinstance(architecture, Mapping):
            return False
        try:
            self.validate(architecture)
        except InvalidArchitectureError:
            return False
        return True

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random point: every question answered by its weights."""
        _check_generator(rng)
        return self._retry(lambda path, options, weights: draw(options, weights, rng))

    def complete(self, answers: Mapping[str, Scalar], rng: np.random.Generator) -> Architecture:
        """A random point that keeps every one of ``answers`` that is still asked and allowed."""
        _check_generator(rng)
        _check_point(answers)

        def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
            if path in answers and allowed(answers[path], options):
                return answers[path]
            return draw(options, weights, rng)

        return self._retry(answer)

    def mutate(self, architecture: Architecture, rng: np.random.Generator, n_changes: int = 1) -> Architecture:
        """A child with ``n_changes`` randomly chosen answers changed, to options of a weight above 0. What became
        invalid is asked again.

        Returns the architecture itself only when nothing can be changed.
        """
        _check_generator(rng)
        if isinstance(n_changes, bool) or not isinstance(n_changes, numbers.Integral) or n_changes < 1:
            raise UsageError(f"n_changes cannot be {n_changes!r}.", "Give a whole number, 1 or more.")
        architecture = _point(architecture)
        for _ in range(MAX_TRIES):
            decisions = [decision for decision in self.decisions(architecture) if changeable(decision)]
            if not decisions:
                return architecture
            chosen = rng.choice(len(decisions), size=min(n_changes, len(decisions)), replace=False)
            changes = {decisions[i].path: _other(decisions[i], rng) for i in chosen}
            try:
                child = self.complete(architecture.replace(changes), rng)
            except DeadEnd:
                continue
            if child != architecture:
                return child
        return architecture

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A child that takes each answer from one parent or the other with equal chance (uniform crossover)."""
        _check_generator(rng)
        _check_point(a)
        _check_point(b)
        paths = [*a, *(path for path in b if path not in a)]
        answers = {}
        for path, from_a in zip(paths, rng.random(len(paths)) < 0.5, strict=True):
            first, second = (a, b) if from_a else (b, a)
            answers[path] = first[path] if path in first else second[path]
        return self.complete(answers, rng)

    def neighbours(self, architecture: Architecture, rng: np.random.Generator | None = None) -> Iterator[Architecture]:
        """Every architecture that differs in one answer.

        Dependent answers that became invalid are completed with ``rng``, or with first options without it. A ``Range``
        gives one step up and one down, each a tenth of its width.
        """
        if rng is not None:
            _check_generator(rng)
        architecture = _point(architecture)
        for decision in self.decisions(architecture):
            for option in _alternatives(decision):
                try:
                    yield self._completed(architecture.replace({decision.path: option}), rng)
                except DeadEnd:
                    continue

    def enumerate(self) -> Iterator[Architecture]:
        """All points in a fixed order. Raises UsageError when a decision is a ``Range`` of real numbers.

        May not end on a recursive space.
        """
        for trace, _ in self._runs():
            if trace is not None:
                yield trace.architecture

    def known_size(self) -> int | None:
        """How many points there are, where that follows from the fields; None unless a subclass knows it."""
        return None

    def size(self, n_walks: int = 1000, seed: int = 0) -> Size:
        """How many points there are, at once: exactly where that is known or little is to be counted, else estimated
        from ``n_walks`` random walks, 4 or more. ``seed`` is theirs. See ``Size`` for the error of an estimate.

        Raises UsageError for a program that fails or never ends.
        """
        fitting(Space.size, {"n_walks": n_walks, "seed": seed})
        known = self.known_size()
        if known is not None:
            return Size(known)
        n_ended = 0

        def walk(pick: Pick) -> bool:
            nonlocal n_ended
            with contextlib.suppress(DeadEnd):
                self.trace(_picking(pick))
                n_ended += 1
                return True
            return False

        try:
            found = estimate(walk, max(4, n_walks), generator(seed, "size"))
            return found if found.number > SMALL else self._small_size(found)
        except RealNumberError as error:
            return Size(math.inf, reason=error.message)
        except EndlessError:
            if n_ended:
                return Size(math.inf, reason="Some answers lead to ever more questions.")
            raise

    def _small_size(self, found: Size) -> Size:
        """The exact size where ``found`` by walks is small, unless the walks missed nearly everything."""
        count = n_asked = 0
        for trace, n_questions in self._runs():
            count += trace is not None
            n_asked += n_questions
            if n_asked > MOST_ASKED:
                break
        else:
            return Size(count)
        if found.number and found.high >= count:
            return found
        return replace(found, number=count, relative_error=math.inf)

    def count(self, limit: int | None = None, on_progress: Callable[[int], object] | None = None) -> int | None:
        """How many points there are, counted one by one. None when there are more than ``limit``, or real numbers among
        the answers.

        ``on_progress`` is called with the points so far after every thousand runs of the program. If it returns True,
        counting ends and the answer is None.
        """
        count = 0
        try:
            for n_runs, (trace, _) in enumerate(self._runs(), start=1):
                count += trace is not None
                if limit is not None and count > limit:
                    return None
                if on_progress is not None and n_runs % 1000 == 0 and on_progress(count) is True:
                    return None
        except (RealNumberError, EndlessError):
            return None
        return count

    def _runs(self) -> Iterator[tuple[Trace | None, int]]:
        """The program once for all answers that can be given, None for a dead end; and how many questions it asked."""
        prefix: list[int] | None = []
        while prefix is not None:
            widths: list[int] = []
            try:
                trace = self.trace(_counting(prefix, widths))
            except DeadEnd:
                trace = None
            yield trace, len(widths)
            prefix = _next(prefix, widths)

    def _retry(self, answer: Answer) -> Architecture:
        for _ in range(MAX_TRIES):
            try:
                return self.trace(answer).architecture
            except DeadEnd as error:
                last = error
        raise DeadEnd(f"{type(self).__name__} found no valid architecture in {MAX_TRIES} tries: {last}")

    def _completed(self, answers: Architecture, rng: np.random.Generator | None) -> Architecture:
        if rng is not None:
            return self.complete(answers, rng)

        def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
            if path in answers and allowed(answers[path], options):
                return answers[path]
            return options.at(0.5) if isinstance(options, Range) else options[0]

        return self.trace(answer).architecture


def _check_generator(rng: object) -> None:
    if not isinstance(rng, np.random.Generator):
        raise UsageError(
            f"The random generator rng {said(rng)}.", "Give one of numpy's: numpy.random.default_rng(0), 0 is its seed."
        )


def _point(architecture: Mapping[str, Scalar]) -> Architecture:
    _check_point(architecture)
    return architecture if isinstance(architecture, Architecture) else Architecture(architecture)


def _check_point(architecture: object) -> None:
    if not isinstance(architecture, Mapping):
        raise UsageError(f"An architecture {said(architecture)}.", "Give one such as space.sample(rng).")


class EndlessError(UsageError):
    """A program goes on and on."""


class RealNumberError(UsageError):
    """The points of a space cannot be listed."""


def _endless(space: Space, trace: Trace) -> UsageError:
    program = f"{type(space).__name__}.{space._program}"
    if trace.repeated is not None:
        return EndlessError(
            f"{program} never ends: it asks {trace.repeated[:100]!r} again and again, and one path has one answer.",
            "Give each turn of the loop or recursion a path of its own, and bound their number.",
        )
    return EndlessError(
        f"{program} never ends: it had asked {len(trace.decisions):,} questions. {_where(trace)}",
        "Bound its recursion or its loop, for instance by a depth.",
    )


def _where(trace: Trace) -> str:
    last = next(reversed(trace.decisions), None)
    return "It had asked nothing yet." if last is None else f"Its last question was {last[:100]!r}."


def _place(decision: Decision) -> float | None:
    """Where the answer lies among ordered options, in [0, 1].

    None where they have no order or there are fewer than three.
    """
    options = decision.options
    if isinstance(options, Range):
        return options.unit(decision.answer)
    if len(options) < 3 or not all(type(option) in (int, float) for option in options):
        return None
    below = sum(option < decision.answer for option in options)  # type: ignore[operator]
    return below / (len(options) - 1)


def changeable(decision: Decision) -> bool:
    """May a mutation answer otherwise: does another option have a weight above 0?"""
    options, weights = decision.options, decision.weights
    if isinstance(options, Range) or weights is None:
        return isinstance(options, Range) or len(options) > 1
    pairs = zip(options, weights, strict=True)
    return any(weight > 0 and not same(option, decision.answer) for option, weight in pairs)


def _other(decision: Decision, rng: np.random.Generator) -> Scalar:
    """A random option of a ``changeable`` decision that is not the current answer."""
    if isinstance(decision.options, Range):
        for _ in range(20):
            answer = decision.options.at(rng.random())
            if not same(answer, decision.answer):
                return answer
        return decision.answer
    weights = decision.weights or (1.0,) * len(decision.options)
    left = [
        (option, weight)
        for option, weight in zip(decision.options, weights, strict=True)
        if not same(option, decision.answer)
    ]
    return draw([option for option, _ in left], [weight for _, weight in left], rng)


def _alternatives(decision: Decision) -> list[Scalar]:
    options, answer = decision.options, decision.answer
    if not isinstance(options, Range):
        return [option for option in options if not same(option, answer)]
    here = options.unit(answer)
    down, up = options.at(max(0.0, here - 0.1)), options.at(min(1.0, here + 0.1))
    if type(answer) is int and isinstance(down, int) and isinstance(up, int):
        down, up = min(down, answer - 1), max(up, answer + 1)  # a tenth of a narrow range is less than one step
    return [step for step in (down, up) if step in options and not same(step, answer)]


def _counting(prefix: Sequence[int], widths: list[int]) -> Answer:
    """Answers with the options at the indexes in ``prefix``, then with first options.

    They write into ``widths`` how many options each question had.
    """

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        _check_options(path, options)
        index = prefix[len(widths)] if len(widths) < len(prefix) else 0
        widths.append(_width(path, options))
        return _option(options, index)

    return answer


def _picking(pick: Pick) -> Answer:
    """Answers with the option at the place that ``pick`` returns."""

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        _check_options(path, options)
        return _option(options, pick(path, _width(path, options)))

    return answer


def _next(prefix: Sequence[int], widths: Sequence[int]) -> list[int] | None:
    """Counts up by one, as an odometer whose digits have these widths; None after the last."""
    digits = [*prefix, *[0] * (len(widths) - len(prefix))][: len(widths)]
    while digits and digits[-1] + 1 >= widths[len(digits) - 1]:
        digits.pop()
    if not digits:
        return None
    digits[-1] += 1
    return digits


def _width(path: str, options: Options) -> int:
    """How many options there are. Not by a ``range``: one of more than 2⁶³ numbers has no length."""
    if not isinstance(options, Range):
        return len(options)
    if not options.integer:
        raise RealNumberError(f"The decision {path!r} is a real number.", "So the space cannot be enumerated.")
    return int(options.high) - int(options.low) + 1


def _option(options: Options, index: int) -> Scalar:
    return int(options.low) + index if isinstance(options, Range) else options[index]


def _listed(options: Options) -> str:
    if isinstance(options, Range):
        return f"{'an integer' if options.integer else 'a number'} from {options.low} to {options.high}"
    shown = ", ".join(repr(option) for option in list(options)[:12])
    if len(options) == 1:
        return shown
    return f"one of {shown}{', …' if len(options) > 12 else ''}"
