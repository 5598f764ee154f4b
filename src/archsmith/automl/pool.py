"""The pool of a job after its search: which trainings are brought to their end, and what else there is to choose from.

A trial is a training that can go on. The one that the race ends with goes on from its checkpoint. Time that it cannot
use goes to those that the race put behind it. What was trained besides stays in the choice: the fixed network as the
race left it, what the study had come to with less time, what it chose then, and the best trial where a final training
lost to it.
"""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsmith.automl import chosen, opening, scoring
from archsmith.automl.final_training import Begun, Candidate, Final
from archsmith.automl.modality import ModelBaseline, NetworkBaseline
from archsmith.automl.opening import FIXED, Job
from archsmith.automl.phases import Phases
from archsmith.automl.plan import SEARCHED_COST, VERIFYING_PASSES
from archsmith.automl.speed import example_seconds
from archsmith.core.protocols import incumbent
from archsmith.core.seeds import derive
from archsmith.core.task import Task
from archsmith.core.trial import Trial
from archsmith.core.wording import clock
from archsmith.evaluators.inheritance import CHECKPOINT
from archsmith.runtime.job_view import TRAIN
from archsmith.runtime.search import Search
from archsmith.strategies.race import Race
from archsmith.training.recipe import decided

SEARCHED = "searched"
RUNNER_UP = "runner_up"  # what gets the time that the winner of the race could not use
EARLIER, EARLIER_FIXED = "earlier", "earlier_fixed"  # what a training had come to with an earlier budget
TUNED = "tuned"  # what a baseline brought along, trained on
MOST_COMPARING, MOST_ENDING = 0.05, 0.2  # shares of the budget that the end of a large network may take
MEASURED = 256  # validation examples that a forward pass is measured on
TUNING = 0.75  # of the error of frozen features is left when all weights are trained on (0.6 to 0.8 on stamps)
ONE_OF_TWO = 0.5  # of the time that is left is the most that the first of two final trainings may take
FEW = 2000  # training examples; with fewer, and without a search, weights from other data are the better beginning


@dataclass
class Pool:
    """What a job has trained, and can train on.

    ``search``: whose trials are the trainings.
    ``phases``: of the job.
    ``folder``: where final trainings are kept.
    """

    job: Job
    search: Search
    phases: Phases
    folder: Path

    def __post_init__(self) -> None:
        job = self.job
        self.space = job.space
        self.workshop = job.workshop
        self.fixed = opening.fixed_candidate(job.settings, job.modality, job.splits, job.probed)
        self.slow_end = 0.0  # seconds that a large network needs behind its training, more than the plan reserves
        self._brought: Candidate | None = None  # weights from other data, to be trained on
        self._expected = math.inf  # its error
        self._tuned_end = 0.0  # seconds that it needs behind its training
        self._competitive = False  # is it expected to be better than the other baselines?
        self.needs = dict[str, float]()  # seconds after which a final training has had all epochs, by name
        # Rows whose networks are too slow to be tested and exported within the budget, and budgets that would do.
        self.untested = dict[str, float]()
        self.by_chance = set[str]()  # rows that are better than what was trained to the end, but not clearly

    def may_be_exported(self, final: Final) -> bool:
        return final.network is not None and final.name not in self.untested and final.name not in self.by_chance

    @property
    def task(self) -> Task:
        return self.job.splits.task

    def look_at(self, models: Sequence[NetworkBaseline | ModelBaseline], baselines: Sequence[Final]) -> float | None:
        """Before the race: is there a baseline whose network came with weights from other data, and could it be trained
        on with all of them? Returns the error that it is then expected to reach. ``baselines``: what came of
        ``models``.
        """
        job, metric = self.job, self.task.metric
        for model, final in zip(models, baselines, strict=True):
            carrying_on = getattr(model, "carrying_on", None)
            if carrying_on is None or final.candidate is None or not job.plan.pooled:
                continue
            budget = job.plan.budget_seconds or math.inf
            each = 0.0 if job.plan.final_end is None else self._seconds_of_an_example(final)
            own = each * len(job.splits.test)
            if own > MOST_COMPARING * budget:
                enough = self.untested[final.name] = own / MOST_COMPARING
                self.phases.say(
                    f"The {final.name} network is too slow to be tested and exported in this time, so it is only "
                    f"compared on the validation split. A budget of {clock(enough)} would do."
                )
                own = 0.0
            self.slow_end = own
            end = own + each * (len(job.splits.test) + 2 * len(job.splits.valid) + 2 * job.plan.n_verified)
            if end <= MOST_ENDING * budget or TUNED in self._begun_before:
                self._tuned_end = end
                self._brought = dataclasses.replace(
                    final.candidate,
                    name=TUNED,
                    recipe=dataclasses.replace(carrying_on(), balance=job.splits.balanced),
                    augmentation=job.augmentation,
                    round=self.phases.round,
                    start=final.network,
                    trained=True,
                )
                self._expected = TUNING * (1 - final.score.metrics[metric])
                self._competitive = all(
                    self._expected < 1 - other.score.metrics[metric] for other in baselines if other is not final
                )
                return self._expected
        return None

    def race_seconds(self) -> tuple[float, float] | None:
        """How long trials may take in all, on the machine as it was when the study began, and how long as long as a
        network with weights from other data is expected to be ahead of them: that one may be worth training on, too.
        None without a time budget.
        """
        plan = self.job.plan
        if plan.search_end is None or plan.final_end is None:
            return None
        spent = math.fsum(trial.outcome.seconds for trial in self.search.history.finished if trial.outcome is not None)
        sooner = max(plan.search_end / 2, 2 * plan.search_end - plan.final_end)
        ends = plan.search_end, sooner if self._competitive else plan.search_end
        # Work is counted in what it took when the study began; on a machine that is faster now there is time for more.
        faster = max(1.0, (plan.unit_seconds or 0.0) / max(1e-6, self.job.speed.epoch_seconds))
        most, least = (faster * (spent + (self.phases.left(end) or 0.0)) for end in ends)
        return most, least

    def finalists(self) -> list[Candidate]:
        """What is trained to the end: the network with weights from other data, where it is expected to end ahead of
        the race; else what the race ends with, and the fixed network if the race could not try it. Both, where the one
        of the race has had all epochs soon. What an opening with the same budget began is brought to its end.
        """
        found = self._incumbent()
        ours = found or self._begun(self.fixed)
        if self._brought is not None:
            needed = self._seconds_to_end(ours)
            names = self._begun_before or self._with_tuned(ours.name, needed)
            if TUNED in names:
                self.slow_end = self._tuned_end
                if len(names) == 1:
                    return [self._brought]
                self.needs[ours.name] = needed
                return [ours, self._brought]
        if found is None:
            return [self._begun(self.fixed)]
        if not self.job.plan.pooled or self._fixed_trial() is None:
            return [self._begun(self.fixed), found]
        return [found]

    @property
    def _begun_before(self) -> Collection[str]:
        """Names of what an earlier opening with the same budget began to train to the end; empty without one."""
        return self.phases.results.get("ready", {}).get("trials") or ()

    def _with_tuned(self, ours: str, needed: float) -> Collection[str]:
        """Names of what is trained to the end: what was brought along, also behind the network ``ours``, which has had
        all epochs after ``needed`` seconds; empty where what was brought along is not.
        """
        left = self.phases.left(self.phases.final_end())
        if self._tempting and left is not None and needed <= ONE_OF_TWO * (left - self._tuned_end):
            return (ours, TUNED)
        return (TUNED,) if self._expected < self._foreseen() else ()

    @property
    def _tempting(self) -> bool:
        """Is what was brought along expected to be better than all baselines, and than every trial so far?"""
        metric = self.task.metric
        trials = [1 - trial.metrics[metric] for trial in self.search.history.finished if trial.ok]
        return self._competitive and self._expected < min(trials, default=math.inf)

    def runner_up(self, tried: Collection[int | None], n_before: int) -> Candidate | None:
        """Whom the race puts behind those trials that were ``tried``; None without one. ``n_before``: how many runners
        up there were before.
        """
        race, history = self.search.strategy, self.search.history
        for trial in race.ranking(history) if isinstance(race, Race) else ():
            candidate = self._candidate(trial)
            kept = candidate.begun is None or candidate.begun.checkpoint is None or candidate.begun.checkpoint.exists()
            if candidate.trial in tried or not kept:  # what was deleted to spare the disk would begin anew
                continue
            if candidate.name == FIXED:
                return candidate
            return dataclasses.replace(candidate, name=f"{RUNNER_UP}.{n_before}" if n_before else RUNNER_UP)
        return None

    def slower_end(self, candidates: Sequence[Candidate]) -> float:
        """Seconds by which the end takes longer than the plan reserved, where the slowest of ``candidates`` is slower
        than was expected: it is tested, calibrated and looked at, and what is exported of it is verified.
        """
        plan, speed, splits = self.job.plan, self.job.speed, self.job.splits
        large = SEARCHED_COST * speed.cost * max(1, self.fixed.macs)
        slow = [each for each in candidates if each is not self._brought and each.macs > large]
        if plan.final_end is None or not slow:
            return 0.0
        slowest = max(example_seconds(each, self.workshop) for each in slow)
        each = max(0.0, slowest - speed.searched_cost * speed.example_seconds)
        return each * (len(splits.test) + 2 * len(splits.valid) + VERIFYING_PASSES * plan.n_verified)

    def seconds_to_test(self, candidate: Candidate) -> float:
        """About what it takes until the test split was seen by ``candidate``."""
        cost = 1.0
        if candidate.trial is not None:
            found = self.search.history.trials[candidate.trial].outcome_notes.get("cost")
            cost = self.job.speed.cost * float(found or 1.0)
        return cost * self.job.speed.example_seconds * len(self.job.splits.test)

    def _foreseen(self) -> float:
        """The error that the race is forecast to end with. Where nothing was tried, few examples speak for weights from
        other data, unless another baseline is ahead of them, and many for a network of one's own.
        """
        race = self.search.strategy
        foreseen = race.foreseen(self.search.history) if isinstance(race, Race) else None
        if foreseen is not None:
            return foreseen
        return math.inf if self._competitive and len(self.job.splits.train) < FEW else 0.0

    def _seconds_to_end(self, candidate: Candidate) -> float:
        """About what it takes until ``candidate`` was trained for all epochs that a training may take."""
        job, done = self.job, 0.0 if candidate.begun is None else candidate.begun.epochs
        each = job.speed.steps_per_epoch * job.speed.step_seconds
        if done and candidate.trial is not None:
            root = self.search.history.trials[candidate.trial]
            trials = self.search.history.of(root.architecture)
            each = sum(trial.outcome.seconds for trial in trials if trial.outcome is not None) / done
        return each * max(0.0, job.plan.final_epochs - done)

    def _seconds_of_an_example(self, final: Final) -> float:
        """Of a forward pass."""
        some = self.job.splits.valid.take(np.arange(min(MEASURED, len(self.job.splits.valid))))
        began = time.perf_counter()
        final.outputs(some)
        return (time.perf_counter() - began) / len(some)

    def _incumbent(self) -> Candidate | None:
        """The network that the search ends with; without a pool the best one that is not the fixed one. None when no
        trial ended well.
        """
        history, pooled = self.search.history, self.job.plan.pooled
        believed = incumbent(self.search.strategy, history)
        for trial in [*([believed] if believed is not None else []), *history.ranking()]:
            candidate = self._candidate(trial)
            if pooled or not self._is_fixed(candidate):
                return candidate
        return None

    def _candidate(self, trial: Trial) -> Candidate:
        """The network of a trial, with its training, which can go on."""
        recipe, augmentation = decided(self.job.recipe, self.job.augmentation, trial.architecture.recipe)
        if "batch_size" in trial.outcome_notes:
            recipe = dataclasses.replace(recipe, batch_size=int(trial.outcome_notes["batch_size"] or 0))
        graph = self.space.graph(trial.architecture)
        root = self._root(trial)
        found = Candidate(SEARCHED, graph, recipe, trial.architecture, self.space, augmentation, root)
        if self._is_fixed(found):
            found = dataclasses.replace(found, name=FIXED)
        if not self.job.plan.pooled:
            return self._begun(found)
        begun = Begun(
            derive(derive(self.job.settings.seed, "trial", root), "training"),
            self.search.store.folder / "trials" / str(trial.id) / CHECKPOINT,  # type: ignore[operator]
            float(trial.outcome_notes["epochs"] or 0.0),
            trial.id,
        )
        return dataclasses.replace(found, begun=begun, round=self.phases.round)

    def _root(self, trial: Trial) -> int:
        """The trial that the training of ``trial`` began with: the first one of its network, or the latest one up to it
        that began anew because nothing was left to go on from.
        """
        line = [each for each in self.search.history.of(trial.architecture) if each.id <= trial.id]
        return next((each.id for each in reversed(line) if each.outcome_notes.get("parent_lost")), line[0].id)

    def _begun(self, candidate: Candidate) -> Candidate:
        """The candidate with a training of which no step was taken yet."""
        seed = derive(self.job.settings.seed, "final", candidate.name) % 2**31
        return dataclasses.replace(candidate, begun=Begun(seed), round=self.phases.round)

    def _is_fixed(self, candidate: Candidate) -> bool:
        """Is this the fixed network with the recipe that the fixed network is trained with?"""
        assert self.fixed.space is not None
        ours = self.space.identity(candidate.architecture.structure)
        same_network = ours == self.fixed.space.identity(self.fixed.architecture)
        return same_network and (candidate.recipe, candidate.augmentation) == (
            self.fixed.recipe,
            self.fixed.augmentation,
        )

    def _fixed_trial(self) -> Trial | None:
        """The latest trial of the fixed network."""
        trials = [trial for trial in self.search.history.finished if trial.ok]
        return next((trial for trial in reversed(trials) if self._candidate(trial).name == FIXED), None)

    def others(self, trained: list[Final]) -> list[Final]:
        """What was trained besides: what an earlier opening trained with the same budget, the fixed network as the race
        left it, what final trainings of less time had come to, and the best trial where it is better than what was
        trained to the end. Where that may be chance, since the best of many scores on few examples is a lucky one, it
        is not to be chosen.
        """
        if not self.job.plan.pooled:
            return []
        known = {final.candidate.file for final in trained if final.candidate is not None}
        before, found = list[tuple[Trial | None, Path]](), list[Final | None]()
        for file in sorted(self.folder.glob("*.safetensors")):
            said = re.fullmatch(rf"(?:trial(\d+)|{FIXED})(?:\.(\d+))?", file.stem)
            if said is None or file.stem in known:
                continue
            root = None if said[1] is None else self.search.history.trials[int(said[1])]
            if int(said[2] or 0) < self.phases.round:
                before.append((root, file))
            else:
                found.append(self._resumed(root, file, [*trained, *found]))
        ended = [*trained, *(final for final in found if final is not None)]
        fixed = self._fixed_trial()
        if fixed is not None and all(final.name != FIXED for final in ended):
            found.append(self._restored(fixed, FIXED))
        for root, file in before:
            fixed_one = root is None or self._candidate(root).name == FIXED
            found.append(self._restored(root, _unused(EARLIER_FIXED if fixed_one else EARLIER, found), file))
        found.append(self._unfinished([final for final in ended if not final.stopped]))
        return [final for final in found if final is not None]

    def chosen_before(self, others: Sequence[Final]) -> Final | None:
        """What this study chose before it went on, where it is better than all of ``others`` that may be exported: so
        more time never gives a worse network.
        """
        before = chosen.chosen_before(self.folder, self.phases.round)
        if before is None:
            return None
        if before.trial is not None:
            candidate = self._candidate(self.search.history.trials[before.trial])
        else:
            candidate = self._begun(self.fixed) if before.fixed else before.candidate(EARLIER)
        name = _unused(EARLIER_FIXED if candidate.name == FIXED else EARLIER, others)
        final = dataclasses.replace(
            self.workshop.scored(dataclasses.replace(candidate, name=name), before.network),
            **{field: before.facts[field] for field in ("seconds", "epochs", "cut")},
            fell=before.facts.get("fell", True),  # which earlier versions did not write down
        )
        metric = self.task.metric
        most = max((each.score.metrics[metric] for each in others if self.may_be_exported(each)), default=-math.inf)
        return final if final.score.metrics[metric] > most else None

    def _resumed(self, root: Trial | None, file: Path, others: Sequence[Final | None]) -> Final | None:
        """What an earlier opening trained with the same budget, under the name that it had then. ``file``: its
        checkpoint. ``root``: the first trial of its network; None: the fixed network without one.
        """
        trials = [] if root is None else self.search.history.of(root.architecture)
        ids: set[int | None] = {trial.id for trial in trials} or {None}
        for phase, result in self.phases.results.items():
            if not phase.startswith(TRAIN) or result.get("trial") not in ids or "epochs" not in result:
                continue
            name = phase.removeprefix(TRAIN)
            if not trials and name != FIXED:
                continue
            trial = next((trial for trial in trials if trial.id == result.get("trial")), root)
            return self._restored(trial, _unused(name, others), file)
        final = self._restored(root, _unused(RUNNER_UP, others), file)
        return None if final is None else dataclasses.replace(final, stopped=True)

    def _unfinished(self, trained: list[Final]) -> Final | None:
        """The best trial as the race left it, where it is better than all that was trained to the end."""
        scored = [trial for trial in self.search.history.finished if trial.ok]
        best = min(scored, key=lambda trial: trial.loss, default=None)
        ended = scoring.chosen_of(trained, self.task)
        if best is None or best.metrics[self.task.metric] <= ended.score.metrics[self.task.metric]:
            return None
        final = self._restored(best, "unfinished")
        if final is None or final.score.metrics[self.task.metric] <= ended.score.metrics[self.task.metric]:
            return None
        if not self.workshop.clearly_better(final, ended):
            self.by_chance.add(final.name)
        return final

    def _restored(self, trial: Trial | None, name: str, file: Path | None = None) -> Final | None:
        """What a checkpoint holds, that of ``trial`` or another ``file`` of its network; None where it was deleted or
        is of another training. The fixed network may have no trial.
        """
        found = self._begun(self.fixed) if trial is None else self._candidate(trial)
        candidate, stopped = dataclasses.replace(found, name=name), file is None
        if file is None and candidate.begun is not None:
            file = candidate.begun.checkpoint
        if file is None or not file.exists():
            return None
        final = self.workshop.restored(candidate, file)
        return None if final is None else dataclasses.replace(final, stopped=stopped)


def _unused(name: str, others: Sequence[Final | None]) -> str:
    """``name``, or with the first number behind it that none of ``others`` has: what has one name has one row, and one
    test score.
    """
    kind, taken = name.partition(".")[0], {final.name for final in others if final is not None}
    return next(each for each in (name, kind, *(f"{kind}.{n}" for n in range(1, len(taken) + 2))) if each not in taken)
