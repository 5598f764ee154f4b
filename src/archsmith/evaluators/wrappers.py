"""Evaluators around others. Wrappers nest.

``Cached`` remembers outcomes, ``Repeated`` takes the mean of several, ``Noisy`` adds noise, and ``Cascade`` lets a
cheap evaluator decide what an expensive one is asked.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import EvaluationError, Stopped, UsageError, told
from archsmith.core.fields import checked
from archsmith.core.files import write_text
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context, Evaluator, measured, repeatable, uses_fidelity
from archsmith.core.seeds import derive, generator
from archsmith.core.space import Space
from archsmith.core.trial import Outcome, Status
from archsmith.evaluators.means import mean


@checked
@dataclass(frozen=True)
class Cached:
    """Gives the outcome of an equal architecture that was evaluated before at the same fidelity.

    Such an outcome carries the note ``cached``. It charges simulated seconds again, as benchmarks do, and real seconds
    as they pass. Failures are tried again. The memory is this object's own and ends with its process. So a resumed
    study begins with an empty one.

    ``evaluator``: the one that is asked.
    ``space``: says what is equal by its ``identity``; isomorphic networks are. None: the space of the problem that is
        prepared. Where nothing was prepared, as in worker processes, equal decisions count.
    """

    evaluator: Evaluator
    space: Space | None = None
    _known: dict[tuple[str, float], Outcome] = field(default_factory=dict, init=False, repr=False, compare=False)
    _spaces: list[Space] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.evaluator.metrics)

    @property
    def simulated(self) -> bool:
        return bool(self.evaluator.simulated)

    @property
    def uses_fidelity(self) -> bool:
        return uses_fidelity(self.evaluator)

    @property
    def repeatable(self) -> bool:
        return repeatable(self.evaluator)

    @property
    def measured(self) -> tuple[str, ...]:
        return measured(self.evaluator)

    @property
    def problem(self) -> Any:
        """That of the inner evaluator; None where it brings none."""
        return getattr(self.evaluator, "problem", None)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        self._spaces[:] = [problem.space]
        return prepared(self.evaluator, problem, context)

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        context.check()
        spaces = [self.space] if self.space is not None else self._spaces
        key = (spaces[0].identity(architecture) if spaces else architecture.key, fidelity)
        if key in self._known:
            known = self._known[key]
            return replace(known, notes={**known.notes, "cached": True})
        outcome = as_outcome(self.evaluator.evaluate(architecture, fidelity, context), self.evaluator)
        if outcome.ok:
            self._known[key] = outcome
        return outcome


@checked
@dataclass(frozen=True)
class Repeated:
    """Evaluates several times with different seeds.

    Each metric is the mean; its sample standard deviation stands beside it as ``<metric>_sd``. One failure fails the
    trial. Seconds add up. Reports of single runs are not passed on.

    ``evaluator``: the one that is asked.
    ``n``: how many times, 2 or more.
    """

    evaluator: Evaluator
    n: int = 3

    def __post_init__(self) -> None:
        if self.n < 2:
            raise UsageError(f"Repeated has n={self.n}.", "Give 2 or more.")

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*self.evaluator.metrics, *(f"{name}_sd" for name in self.evaluator.metrics))

    @property
    def simulated(self) -> bool:
        return bool(self.evaluator.simulated)

    @property
    def uses_fidelity(self) -> bool:
        return uses_fidelity(self.evaluator)

    @property
    def repeatable(self) -> bool:
        return repeatable(self.evaluator)

    @property
    def measured(self) -> tuple[str, ...]:
        return tuple(f"{name}{end}" for end in ("", "_sd") for name in measured(self.evaluator))

    @property
    def problem(self) -> Any:
        """That of the inner evaluator; None where it brings none."""
        return getattr(self.evaluator, "problem", None)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        return prepared(self.evaluator, problem, context)

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        outcomes: list[Outcome] = []
        for i in range(self.n):
            context.check()
            inner = replace(
                context,
                seed=derive(context.seed, "repeat", i),
                workspace=context.part(f"repeat{i}"),
                report=lambda step, metrics: None,
            )
            outcome = as_outcome(self.evaluator.evaluate(architecture, fidelity, inner), self.evaluator)
            if not outcome.ok:
                return replace(outcome, seconds=outcome.seconds + sum(earlier.seconds for earlier in outcomes))
            outcomes.append(outcome)
        values = {name: [outcome.metrics[name] for outcome in outcomes] for name in self.evaluator.metrics}
        means = {name: float(mean(each)) for name, each in values.items()}
        spreads = {f"{name}_sd": statistics.stdev(each) for name, each in values.items()}
        return Outcome.success({**means, **spreads}, sum(outcome.seconds for outcome in outcomes), {"repeats": self.n})


@checked
@dataclass(frozen=True)
class Noisy:
    """Adds normal noise to one metric, drawn by the trial's seed. Reports stay as they are.

    ``evaluator``: the one that is asked.
    ``sd``: standard deviation of the noise, 0 or more, in units of the metric.
    ``metric``: its name; None: the first.
    """

    evaluator: Evaluator
    sd: float = 0.01
    metric: str | None = None

    def __post_init__(self) -> None:
        if not self.sd >= 0:
            raise UsageError(f"Noisy has sd={self.sd}.", "Give 0 or more.")
        if self.metric is not None and self.metric not in self.evaluator.metrics:
            raise UsageError(
                f"Noisy has metric={self.metric!r}.",
                f"{type(self.evaluator).__name__} reports {', '.join(self.evaluator.metrics)}.",
            )

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.evaluator.metrics)

    @property
    def simulated(self) -> bool:
        return bool(self.evaluator.simulated)

    @property
    def uses_fidelity(self) -> bool:
        return uses_fidelity(self.evaluator)

    @property
    def repeatable(self) -> bool:
        return not self.sd and repeatable(self.evaluator)

    @property
    def measured(self) -> tuple[str, ...]:
        return measured(self.evaluator)

    @property
    def problem(self) -> Any:
        """That of the inner evaluator; None where it brings none."""
        return getattr(self.evaluator, "problem", None)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        return prepared(self.evaluator, problem, context)

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        outcome = as_outcome(self.evaluator.evaluate(architecture, fidelity, context), self.evaluator)
        if not outcome.ok:
            return outcome
        name = self.metric or self.metrics[0]
        shift = float(generator(context.seed, "noise").normal(0.0, self.sd))
        return replace(outcome, metrics={**outcome.metrics, name: outcome.metrics[name] + shift})


@checked
@dataclass(frozen=True)
class Cascade:
    """Evaluates with an expensive evaluator only what a cheap one finds good enough.

    Any other trial ends as failed, of the kind ``screened``. Good enough is what scores like the best share ``keep`` of
    random architectures. The prepare phase scores these at the problem's lowest fidelity. It keeps their scores in the
    study's folder as they come. So an interrupted phase goes on, and worker processes find them.

    A screened trial is a failure because it has no score. A made-up one would mislead whoever learns from scores, the
    leaderboard and the report. Strategies rank failures last, and populations leave them out. What passes scores as it
    would without the cascade. Notes carry the first score (``first_<metric>``), and an architecture is always judged
    alike. Seconds of both add up, unless the second evaluator is simulated; then its seconds count alone.

    ``first``: the cheap evaluator.
    ``second``: the expensive one.
    ``metric``: of ``first``, by which it judges; None: its first one.
    ``keep``: the share of random architectures that would pass, between 0 and 1.
    ``n_sample``: how many random architectures are scored, 2 or more. With 100 the share that passes is within 10
        points of ``keep``.
    ``maximize``: whether more of ``metric`` is better.
    """

    first: Evaluator
    second: Evaluator
    metric: str | None = None
    keep: float = 0.5
    n_sample: int = 100
    maximize: bool = True
    _known: list[Calibration] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.keep < 1:
            raise UsageError(f"Cascade has keep={self.keep}.", "Give a share between 0 and 1.")
        if self.n_sample < 2:
            raise UsageError(f"Cascade has n_sample={self.n_sample}.", "Give 2 or more.")
        if self.metric is not None and self.metric not in self.first.metrics:
            raise UsageError(
                f"Cascade has metric={self.metric!r}.",
                f"{type(self.first).__name__} reports {', '.join(self.first.metrics)}.",
            )

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(self.second.metrics)

    @property
    def simulated(self) -> bool:
        return bool(self.second.simulated)

    @property
    def uses_fidelity(self) -> bool:
        return uses_fidelity(self.second)

    @property
    def repeatable(self) -> bool:
        return repeatable(self.second)  # the first one always says the same of an architecture

    @property
    def measured(self) -> tuple[str, ...]:
        return measured(self.second)

    @property
    def problem(self) -> Any:
        """That of the second evaluator; None where it brings none."""
        return getattr(self.second, "problem", None)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        """Score the random architectures that are missing. Raises UsageError when ``first`` can score none of them."""
        notes = {**prepared(self.first, problem, context), **prepared(self.second, problem, context)}
        file = None if context.workspace is None else context.workspace / self._file_name
        empty = Calibration(_spec_text(problem.space), derive(context.seed, "cascade"), problem.fidelity.minimum)
        known = None if file is None else Calibration.read(file)
        calibration = known if known is not None and replace(known, scores=()) == empty else empty
        if not any(score is not None for score in calibration.scores):
            calibration = empty  # all failed, perhaps by what was mended since
        rng = generator(empty.seed, "sample")
        sample = [problem.space.sample(rng) for _ in range(self.n_sample)]
        why = ""
        for architecture in sample[len(calibration.scores) :]:
            context.check()
            score = None
            try:
                score = self._sampled(architecture, calibration, context)
            except Stopped:
                raise
            except Exception as error:  # anybody's code; in a trial it would fail that one alone
                if isinstance(error, EvaluationError) and error.kind == "timeout":
                    raise
                why = f" ({told(error)})"
            calibration = replace(calibration, scores=(*calibration.scores, score))
            if file is not None:
                calibration.write(file)
        self._known[:] = [calibration]
        limit = self._limit(calibration, why)
        unscored = sum(score is None for score in calibration.scores)
        return {
            **notes,
            "screened_at": self._worth(limit) if math.isfinite(limit) else None,
            "sampled": self.n_sample,
            "sampled_failed": unscored,
        }

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        context.check()
        calibration = self._calibration(context.prepared)
        looked = self._look(architecture, calibration, context)
        seconds = 0.0 if self.simulated else looked.seconds
        if not looked.ok:
            return replace(looked, seconds=seconds)
        name, limit = self._metric, self._limit(calibration)
        score = looked.metrics[name]
        notes: dict[str, Scalar] = {f"first_{name}": score}
        if self._worth(score) < limit:
            sentence = (
                f"Screened: {name} is {score:.6g}, and the best {self.keep:.0%} of random architectures reach "
                f"{self._worth(limit):.6g}."
            )
            return Outcome(Status.FAILED, {}, seconds, sentence, "screened", notes)
        outcome = as_outcome(self.second.evaluate(architecture, fidelity, context), self.second)
        return replace(outcome, seconds=outcome.seconds + seconds, notes={**outcome.notes, **notes})

    @property
    def _metric(self) -> str:
        return self.metric or str(self.first.metrics[0])

    @property
    def _file_name(self) -> str:
        """Every cascade that scores other samples has a name of its own, so that cascades nest."""
        facts = json.dumps([_spec_text(self.first), self._metric, self.n_sample])
        return f"cascade-{hashlib.blake2b(facts.encode(), digest_size=6).hexdigest()}.json"

    def _worth(self, score: float) -> float:
        """A score turned so that more is better; and back."""
        return score if self.maximize else -score

    def _limit(self, calibration: Calibration, why: str = "") -> float:
        """The least worth that passes: the last among the best ``keep`` of the sample. Failures are its worst. Raises
        UsageError where there is nothing else; ``why``: for what reason, in brackets.
        """
        scored = sorted((self._worth(score) for score in calibration.scores if score is not None), reverse=True)
        if not scored:
            raise UsageError(
                f"{type(self.first).__name__} failed on each of {self.n_sample} random architectures{why}.",
                "Does it fit the space?",
            )
        n_kept = max(1, round(self.keep * len(calibration.scores)))
        return scored[n_kept - 1] if n_kept <= len(scored) else -math.inf

    def _look(self, architecture: Architecture, calibration: Calibration, context: Context) -> Outcome:
        """The outcome of ``first``. Its seed is of the architecture and not of the trial, so that it is always the
        same.
        """
        inner = replace(
            context,
            seed=derive(calibration.seed, architecture.key),
            workspace=context.part("first"),
            parents=(),
            report=lambda step, metrics: None,
        )
        return as_outcome(self.first.evaluate(architecture, calibration.fidelity, inner), self.first)

    def _sampled(self, architecture: Architecture, calibration: Calibration, context: Context) -> float | None:
        """One score of the sample; None where ``first`` says that it failed. Raises whatever ``first`` raises."""
        # without a folder: nobody goes on from these
        looked = self._look(architecture, calibration, replace(context, workspace=None, prepared=context.workspace))
        return looked.metrics[self._metric] if looked.ok else None

    def _calibration(self, folder: Path | None) -> Calibration:
        """What ``prepare`` found, from this object or from the ``folder`` where it left that."""
        if not self._known:
            found = None if folder is None else Calibration.read(folder / self._file_name)
            if found is None or len(found.scores) < self.n_sample:
                hint = "A search prepares it; worker processes find that only in a study with a folder (SqliteStore)."
                raise EvaluationError("This cascade was not prepared, so it does not know what to screen.", hint)
            self._known.append(found)
        return self._known[0]


@dataclass(frozen=True)
class Calibration:
    """The scores of a cascade's random architectures.

    ``space``: the text of its spec.
    ``seed``: by which they were drawn and scored.
    ``fidelity``: at which they were scored.
    ``scores``: None for failures.
    """

    space: str
    seed: int
    fidelity: float
    scores: tuple[float | None, ...] = ()

    @classmethod
    def read(cls, file: Path) -> Calibration | None:
        """What the file holds; None where there is no sound file."""
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            return cls(data["space"], data["seed"], data["fidelity"], tuple(data["scores"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, file: Path) -> None:
        """Write the file, whole or not at all."""
        data = {"space": self.space, "seed": self.seed, "fidelity": self.fidelity, "scores": self.scores}
        write_text(file, json.dumps(data))


def _spec_text(thing: Any) -> str:
    """Its spec as text, or its repr where it has none."""
    try:
        return json.dumps(catalog.to_spec(thing), sort_keys=True)
    except UsageError:
        return repr(thing)


def prepared(evaluator: Any, problem: Problem, context: Context) -> Mapping[str, Any]:
    """Run the prepare phase of a wrapped evaluator, if it has one."""
    prepare = getattr(evaluator, "prepare", None)
    return dict(prepare(problem, context) or {}) if prepare is not None else {}


def as_outcome(result: Outcome | Mapping[str, float] | float, evaluator: Evaluator) -> Outcome:
    """What a wrapped evaluator returned, as an Outcome. Raises EvaluationError (``nan``)."""
    if isinstance(result, Outcome):
        return result
    return Outcome.success(result if isinstance(result, Mapping) else {evaluator.metrics[0]: float(result)})
