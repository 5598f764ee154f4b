"""Any Optuna sampler as a strategy.

Source: Akiba et al. 2019, "Optuna: A Next-generation Hyperparameter Optimization Framework" (KDD, arXiv 1907.10902);
its default sampler is TPE (Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", NeurIPS).

Every ask tells the whole history to a new in-memory study and gives it a new sampler, whose seed comes from ``rng``. So
there is nothing to resume. Trials that finished at full fidelity are told with their losses (to be minimised) and how
far they break constraints. Failed trials are told as failed. Pending ones are told as running, so that samplers which
know of running trials keep their distance. Other fidelities are left out.

Options become the indexes of a categorical parameter, and a ``Range`` a number. Optuna wants one parameter to have the
same options for ever. So a hash of the options is part of its name. Optuna does not know the sampling weights of the
space. A suggestion that was proposed before is thrown away. After several of them a random architecture takes its
place.
"""

from __future__ import annotations

import hashlib
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.architecture import Scalar
from archsmith.core.errors import DeadEnd, MissingExtraError, UsageError
from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.space import Answer, Options, Range, allowed
from archsmith.core.trial import Proposal, Trial
from archsmith.strategies.unseen import propose_unseen

TRIES = 20  # suggestions before a random architecture is taken
UNFIT = {
    "BruteForceSampler": "it ends studies itself, and only inside Optuna's own loop (RandomSampler leaves nothing out "
    "either)",
    "CmaEsSampler": "it keeps its state as a pickle in the trials",
    "GridSampler": "it needs the whole grid beforehand, and options here may depend on answers",
    "PartialFixedSampler": "it wraps another sampler",
    "QMCSampler": "it counts its points beside the trials",
}
# Genetic samplers keep a trial's generation under a name that ends in this. They can tell all else from the trials.
GENERATION = "Sampler:generation"


@checked
@dataclass(frozen=True)
class OptunaStrategy:
    """Asks an Optuna sampler.

    ``sampler``: the name of a class in ``optuna.samplers``, such as TPESampler, GPSampler, NSGAIISampler,
        NSGAIIISampler or RandomSampler. Those that cannot be used say so.
    ``args``: its arguments, except for the seed.
    """

    sampler: str = "TPESampler"
    args: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.sampler in UNFIT:
            raise UsageError(
                f"Optuna's {self.sampler} cannot be used here: {UNFIT[self.sampler]}.",
                "Take TPESampler, GPSampler or NSGAIISampler.",
            )
        if "seed" in self.args:
            raise UsageError("The seed of an Optuna sampler comes from the study.", "Leave seed out of args.")

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        optuna = _optuna()
        proposals: list[Proposal] = []
        taken: set[str] = set()
        with _silence(optuna):
            study = self._study(optuna, history, rng)
            while len(proposals) < n:
                proposal = self._suggested(optuna, study, history, taken)
                if proposal is None:
                    proposal = propose_unseen(history, rng, taken)
                if proposal is None:
                    break
                taken.add(proposal.architecture.key)
                proposals.append(proposal)
        return proposals

    def _study(self, optuna: Any, history: History, rng: np.random.Generator) -> Any:
        """A new study that knows the whole history."""
        sampler = self._sampler(optuna, int(rng.integers(2**31)))
        study = optuna.create_study(directions=["minimize"] * len(history.problem.objectives), sampler=sampler)
        study.add_trials(_finished(optuna, history))
        full = history.problem.fidelity.maximum
        running = [trial for trial in history.pending.values() if trial.fidelity == full]
        study.add_trials(_as_optuna_trial(optuna, trial, history) for trial in running)
        return study

    def _sampler(self, optuna: Any, seed: int) -> Any:
        known: dict[str, Any] = {
            name: cls
            for name, cls in vars(optuna.samplers).items()
            if inspect.isclass(cls) and issubclass(cls, optuna.samplers.BaseSampler)
        }
        if self.sampler not in known or inspect.isabstract(known[self.sampler]):
            usable = ", ".join(name for name, cls in known.items() if name not in UNFIT and not inspect.isabstract(cls))
            raise UsageError(f"Optuna has no sampler {self.sampler!r}.", f"It has {usable}.")
        try:
            return known[self.sampler](**self.args, seed=seed)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"Optuna's {self.sampler} does not take these arguments: {error}.", "Look at strategy.args."
            ) from error
        except ImportError as error:
            package = (error.name or "").partition(".")[0] or "?"
            raise UsageError(
                f"Optuna's {self.sampler} needs the package {package!r}, which is not installed.",
                f"pip install {package}",
            ) from error

    def _suggested(self, optuna: Any, study: Any, history: History, taken: set[str]) -> Proposal | None:
        """An unseen suggestion of the sampler; None when it only repeats itself or runs into dead ends."""
        for _ in range(TRIES):
            trial = study.ask()
            try:
                architecture = history.space.trace(_suggestions(trial)).architecture
            except DeadEnd:
                architecture = None
            if architecture is not None and not history.seen(architecture) and architecture.key not in taken:
                generation = {
                    name: value
                    for name, value in study.get_trials(deepcopy=False)[-1].system_attrs.items()
                    if name.endswith(GENERATION)
                }
                return Proposal(architecture, notes={"operator": "suggest", **generation})
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return None


def _suggestions(trial: Any) -> Answer:
    """Answers out of an Optuna trial."""

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        name = parameter(path, options)
        if not isinstance(options, Range):
            return options[trial.suggest_categorical(name, range(len(options)))] if len(options) > 1 else options[0]
        if options.integer:
            return int(trial.suggest_int(name, options.low, options.high, log=options.log))
        return float(
            min(options.high, max(options.low, trial.suggest_float(name, options.low, options.high, log=options.log)))
        )

    return answer


def parameter(path: str, options: Options) -> str:
    """The name of the Optuna parameter behind the decision ``path`` where it has these options."""
    listed = options if isinstance(options, Range) else list(options)
    return f"{path} #{hashlib.blake2b(repr(listed).encode(), digest_size=4).hexdigest()}"


def _as_optuna_trial(optuna: Any, trial: Trial, history: History) -> Any:
    """An archsmith trial as an Optuna one."""
    distributions, params = {}, {}
    for decision in history.space.decisions(trial.architecture):
        options, name = decision.options, parameter(decision.path, decision.options)
        if isinstance(options, Range):
            kind = optuna.distributions.IntDistribution if options.integer else optuna.distributions.FloatDistribution
            distributions[name], params[name] = kind(options.low, options.high, log=options.log), decision.answer
        elif len(options) > 1:
            distributions[name] = optuna.distributions.CategoricalDistribution(range(len(options)))
            params[name] = next(i for i, option in enumerate(options) if allowed(decision.answer, (option,)))
    states = optuna.trial.TrialState
    done = trial.losses is not None
    return optuna.trial.create_trial(
        state=states.COMPLETE if done else states.RUNNING if trial.outcome is None else states.FAIL,
        values=trial.losses,
        params=params,
        distributions=distributions,
        system_attrs={name: value for name, value in trial.notes.items() if name.endswith(GENERATION)},
        constraints={str(i): each.violation(trial.metrics) for i, each in enumerate(history.problem.constraints)}
        if done
        else None,
    )


@dataclass
class _FinishedTrials:
    """Finished trials as Optuna's: a cache over ``history.finished``, of which ``n_read`` were read."""

    trials: list[Any] = field(default_factory=list)
    n_read: int = 0


_memory: WeakKeyDictionary[History, _FinishedTrials] = WeakKeyDictionary()


def _finished(optuna: Any, history: History) -> list[Any]:
    """Everything that finished at full fidelity, in that order."""
    memory = _memory.setdefault(history, _FinishedTrials())
    full = history.problem.fidelity.maximum
    memory.trials += [
        _as_optuna_trial(optuna, trial, history)
        for trial in history.finished[memory.n_read :]
        if trial.fidelity == full
    ]
    memory.n_read = len(history.finished)
    return memory.trials


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("optuna", "optuna", "The strategy 'optuna'") from error
    return optuna


@contextmanager
def _silence(optuna: Any) -> Iterator[None]:
    """No line for every study, and no warnings about what is experimental. Afterwards the person's own level comes
    back.
    """
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
