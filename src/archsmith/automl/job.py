"""The main job: data -> checks -> baselines -> race -> final training -> choice -> calibration -> one look at the test
split -> bundle -> report.

Every phase is an event in the study's log, and what it produced lies in the study's folder; so the job can be killed
anywhere and goes on with ``resume``: finished trials and finished epochs are not repeated. Selection looks at the
validation split only; the test split is read once, after the choice is made, and the log counts how often.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from archsmith.automl import opening, result, scoring
from archsmith.automl.chosen import keep
from archsmith.automl.command import command_of
from archsmith.automl.evaluation import evaluator_of, retention_of
from archsmith.automl.final_training import Candidate, Final
from archsmith.automl.fit_result import FitResult, Row
from archsmith.automl.modality import ModelBaseline, NetworkBaseline
from archsmith.automl.opening import FIXED, Job
from archsmith.automl.phases import Phases
from archsmith.automl.plan import INHERITED, LEAST_TRAINING, OWN, PATIENCE, SHARED
from archsmith.automl.pool import RUNNER_UP, Pool
from archsmith.automl.scoring import Predictions
from archsmith.automl.settings import FitSettings
from archsmith.automl.speed import fastest_threads, step_seconds
from archsmith.bundle import export as bundle
from archsmith.bundle import folder
from archsmith.bundle.manifest import REPORT
from archsmith.core import budget as reasons
from archsmith.core import launch
from archsmith.core.budget import Budget
from archsmith.core.errors import ArchsmithError, DeadEnd, EvaluationError, UsageError, told
from archsmith.core.events import Event
from archsmith.core.failures import most_frequent, nothing_found
from archsmith.core.files import write_text
from archsmith.core.job_records import Extended
from archsmith.core.problem import Fidelity, Objective, Problem
from archsmith.core.protocols import Executor
from archsmith.core.records import Closed
from archsmith.core.seeds import derive
from archsmith.core.wording import about_network
from archsmith.data.examples import Splits
from archsmith.runtime.processes import ProcessExecutor
from archsmith.runtime.search import Search, for_the_log
from archsmith.runtime.serial import SerialExecutor
from archsmith.training import threads

SLOWEST_TRIAL = 4.0  # a trial may take this many times its forecast, and never less than ten seconds
MOST_RUNNERS_UP = 3  # trainings that may follow those that the race chose
LEAST_LEFT, LEAST_SHARE_LEFT = 15.0, 0.1  # seconds, and share of the budget, that are worth one more training
SLACK = 1.2  # a final training that has all epochs soon may take so many times its forecast
BASELINE_SHARE = 0.03  # of the budget that fitting a baseline may take
LINEAR_SHARE, LONGEST_LINEAR = 0.015, 15.0  # the same for one that gradient descent trains, and its most seconds

Observer = Callable[[Event], None]


def fit(
    settings: FitSettings,
    observer: Observer | None = None,
    finish: Callable[[], bool] = lambda: False,
    on_study: Callable[[Path], None] = lambda folder: None,
) -> FitResult:
    """Run the job. ``observer(event)`` sees everything that is logged; ``finish()`` is asked often and, once true,
    makes the job end with the incumbent. ``on_study(folder)`` hears where the study lies before it has its first event.

    Raises UsageError or DataError before anything is written when the settings or the data cannot be used.
    """
    started = launch.begun()
    bundle.check_ready()
    job = opening.resume(settings, started) if settings.resume else None
    if job is None:
        job = opening.start(settings, started, observer or (lambda event: None))
    on_study(job.store.folder)
    most = threads.candidates()[0]
    with threads.limited(job.speed.n_threads):
        return _Run(job, observer, finish, most).run()


class _Run:
    """One opening of a job's study."""

    def __init__(self, job: Job, observer: Observer | None, finish: Callable[[], bool], all_threads: int) -> None:
        self.job = job
        self.all_threads = all_threads
        self.workshop = job.workshop
        self.task = job.splits.task
        self.folder = job.store.folder / "final"
        self.space = job.space
        self.search = self._opened(observer, finish)
        self.phases = Phases(job, self.search)
        self.pool = Pool(job, self.search, self.phases, self.folder)

    def _opened(self, observer: Observer | None, finish: Callable[[], bool]) -> Search:
        job, plan, settings = self.job, self.job.plan, self.job.settings
        executor: Executor = ProcessExecutor(settings.workers) if settings.workers > 1 else SerialExecutor()
        evaluator = evaluator_of(
            settings,
            plan,
            self.space,
            job.recipe,
            _changed(job),
            job.speed.steps_per_epoch,
            data=str(job.data_folder),
            device=job.device.name,
            memory_mb=job.memory_mb,
        )
        return Search(
            Problem(
                self.space,
                (Objective(self.task.metric),),
                fidelity=Fidelity("epochs", plan.proxy_epochs / 4, plan.proxy_epochs)
                if not plan.pooled
                else Fidelity("work", plan.proxy_epochs, plan.longest),
            ),
            opening.as_it_began(opening.race_of(settings, job.modality, self.space, plan), job.begun_with),
            evaluator,
            budget=Budget(plan.search_end, settings.trials, None if plan.pooled else PATIENCE, plan.total_work),
            seed=settings.seed,
            store=job.store,
            executor=executor,
            trial_seconds=max(10.0, SLOWEST_TRIAL * plan.trial_seconds)
            if plan.search_end and not plan.pooled
            else None,
            forecast_trials=plan.forecast_trials,
            retention=retention_of(settings, plan),
            observer=observer,
            finish=finish,
            info=_described(job),
        )

    # The story

    def run(self) -> FitResult:
        with self.search as search:
            try:
                try:
                    return self._run(search)
                except Exception:
                    search.finish()  # KeyboardInterrupt where an end at once was asked: libraries make errors of that
                    raise
            except KeyboardInterrupt:  # ended at once: that takes an earlier wish to finish back
                search.write(Closed(reasons.INTERRUPTED, self.phases.seconds))
                raise
            except Exception as error:
                with contextlib.suppress(ArchsmithError):  # it may be the log that cannot be written
                    search.write(Closed(reasons.FAILED, self.phases.seconds, for_the_log(error)))
                raise

    def _run(self, search: Search) -> FitResult:
        phases = self.phases
        phases.say(*self.job.lines())
        phases.start_clock()
        if self.job.finishing:
            search.request_stop()
        if self.job.extended:
            self._extend()
        models = self.job.modality.baselines(self.job.splits, self.job.settings)
        baselines = [self._baseline(model) for model in models]
        self._inform(models, baselines)
        reason = self._search()
        trained = self._train()
        everything, chosen = self._choose(baselines, trained)
        heat = self._calibrate(chosen)
        rows, predictions = self._test(everything, chosen, heat)
        difference = self._export(chosen, rows, predictions, heat)
        assert chosen.candidate is not None
        found = result.result_of(
            self.job,
            chosen.candidate,
            rows,
            search.history,
            metrics=result.measured(self.job.splits, predictions),
            reason=reason,
            seconds=phases.seconds,
            test_reads=phases.test_reads,
            difference=difference,
            temperature=heat,
            phases=phases.told(),
            # The bundle is written, so a pause that was asked for meanwhile comes too late: the end is a second away.
            asked_to_finish=search.asked_to_stop,
        )
        search.log("result", found.to_dict())
        found = self._copied(self._report(found))
        # again, with the report in its time: what is told here is what the study's clock says from now on
        found = dataclasses.replace(found, seconds=phases.seconds, phases=phases.told())
        search.log("result", found.to_dict())
        search.log("closed", {"reason": reason, "seconds": phases.seconds})
        return found

    def _extend(self) -> None:
        """The study was given more: write that down."""
        self.phases.forget_what_more_time_changes()
        job = self.job
        self.search.write(Extended(job.settings.to_dict(), job.plan.to_dict(), dataclasses.asdict(job.speed)))

    def _baseline(self, baseline: NetworkBaseline | ModelBaseline) -> Final:
        about = about_network(baseline.name) or baseline.what
        with self.phases.phase(baseline.name, about, exact=baseline.what) as done:
            final = self._fitted(baseline)
            self._remember(baseline.name, final)
            done.update(_scores(final))
        return final

    def _fitted(self, baseline: NetworkBaseline | ModelBaseline) -> Final:
        budget = self.job.plan.budget_seconds
        if not isinstance(baseline, NetworkBaseline):
            seconds = None if budget is None else max(1.0, BASELINE_SHARE * budget)
            seed = derive(self.job.settings.seed, "baseline", baseline.name) % 2**31
            return self.workshop.fit_model(baseline, seed, seconds=seconds, folder=self.folder)
        seconds = None if budget is None else min(LONGEST_LINEAR, max(1.0, LINEAR_SHARE * budget))
        epochs = max(1.0, baseline.steps / self.job.speed.steps_per_epoch)
        candidate = dataclasses.replace(Candidate.of(baseline), round=self.phases.round)
        return self._final(candidate, epochs=epochs, seconds=seconds, quiet=True)

    def _inform(self, models: Sequence[NetworkBaseline | ModelBaseline], baselines: Sequence[Final]) -> None:
        """What the baselines came to tells the race what to expect."""
        job = self.job
        brought = any(getattr(model, "carrying_on", None) is not None for model in models)
        plan = self.phases.phase("plan", "how long a network takes that has learnt from other data")
        with plan if brought else contextlib.nullcontext():
            rival = self.pool.look_at(models, baselines)
        errors = {final.name: 1 - final.score.metrics[self.task.metric] for final in baselines}
        seconds = self.pool.race_seconds()
        n_train = len(job.splits.train)
        race = opening.race_of(job.settings, job.modality, self.space, job.plan, errors, rival, seconds, n_train)
        self.search.strategy = self.search.as_begun(race)

    def _search(self) -> str:
        plan, before = self.job.plan, self.phases.results.get("search")
        if before is not None:
            return str(before["reason"])
        if not plan.searching and not len(self.search.history):
            reason = reasons.UNTRAINABLE if plan.failure else reasons.SECONDS
            self.phases.results["search"] = {"reason": reason, "n_trials": 0}
            return reason
        how = {OWN: "", INHERITED: ", weights inherited", SHARED: ", weights shared"}[plan.weights]
        settings = self.job.settings
        space = settings.space or self.job.modality.space
        exact = f"networks of the space {space}, proposed by {settings.strategy}{how}"
        what = "networks of many kinds are tried, and the most promising ones go on"
        if plan.weights == SHARED:
            what = "weights that all networks share are trained, and networks are scored with them"
        with self.phases.phase("search", what, self.phases.left(plan.search_end), exact=exact) as done:
            seconds = self.phases.until(plan.search_end)
            patience = self.search.budget.patience
            if patience is not None and self.phases.was_extended:
                patience += self._since_best()  # it shall go on, though it had converged
            self.search.budget = dataclasses.replace(self.search.budget, seconds=seconds, patience=patience)
            reason = self._searched()
            best = self.search.history.best()
            done.update(reason=reason, n_trials=len(self.search.history.finished), best=best.id if best else None)
        return reason

    def _searched(self) -> str:
        """Search, and say why it ended. What fails ends the search, not the job: trials, weights that cannot be shared,
        and a space or a strategy that fails behind the first trial.
        """
        history = self.search.history
        try:
            reason = self.search.run().reason
        except EvaluationError as error:  # trials keep theirs; this one is of what comes before them
            self.phases.say(f"There was no search, because no weights could be shared. {error}")
            return reasons.UNPREPARED
        except (UsageError, DeadEnd) as error:
            if not history.finished:
                raise
            self.phases.say(f"The search ended, because nothing more could be proposed. {for_the_log(error)}")
            return reasons.BROKEN
        if not history.finished and reason == reasons.SECONDS:
            self.phases.say("The time for the search was over before its first trial came to its end.")
        elif history.best() is None and reason != reasons.REQUESTED:
            failed = most_frequent(history.finished)
            hint = "" if failed is None else f" {failed.hint}"
            self.phases.say(f"The search found nothing. {nothing_found(history)}{hint}")
        return reason

    def _since_best(self) -> int:
        """Finished trials since the best one finished."""
        finished, best = self.search.history.finished, self.search.history.best()
        return 0 if best is None else len(finished) - 1 - [trial.id for trial in finished].index(best.id)

    # Final training

    def _train(self) -> list[Final]:
        """What is trained to the end, each for the same number of epochs as far as the clock allows; what fails is left
        out.
        """
        with self.phases.phase("ready", "what is trained to the end, and how fast this machine is now") as done:
            candidates = self.pool.finalists()
            self.pool.slow_end += self.pool.slower_end(candidates)
            end = self._end()
            n_threads: int | None = None
            look = self.search.look_for_commands
            if end is not None:  # the machine may be busier, or quieter, than it was at the start
                with threads.limited(self.all_threads):
                    n_threads, _ = fastest_threads(candidates[0], self.workshop, most=min(1.0, 0.01 * end), check=look)
            with threads.limited(n_threads):
                costs = self._costs(candidates, end)
            done.update(trials={each.name: each.last_trial for each in candidates})
        with threads.limited(n_threads):
            return self._train_each(candidates, costs, end)

    def _end(self) -> float | None:
        """When the last training must end, which is sooner once a person asked to finish."""
        end = self.phases.final_end()
        return None if end is None else max(self.phases.seconds + LEAST_TRAINING, end - self.pool.slow_end)

    def _costs(self, candidates: Sequence[Candidate], end: float | None) -> list[float]:
        """In proportion to these, the time until ``end`` is divided."""
        if end is None or len(candidates) < 2:
            return [1.0] * len(candidates)
        most = min(1.5, 0.02 * end)
        return [
            step_seconds(candidate, self.workshop, most=most, check=self.search.look_for_commands)
            for candidate in candidates
        ]

    def _train_each(self, candidates: list[Candidate], costs: Sequence[float], end: float | None) -> list[Final]:
        workshop, nouns, epochs = self.workshop, self.job.modality.nouns, self.job.plan.final_epochs
        if any(each.begun and workshop.cheaper(each) != workshop.pipeline(each) for each in candidates):
            self.phases.say(
                f"The first part of the training has smaller {nouns}: they show nearly as much, and faster."
            )
        trained: list[Final] = []
        for i, candidate in enumerate(candidates):
            end = min((each for each in (end, self._end()) if each is not None), default=None)
            trained += self._train_one(candidate, epochs, self._share(candidate, end, costs[i] / sum(costs[i:])))
        self._train_others(candidates, trained, epochs, end)
        if not trained:
            raise ArchsmithError(
                "No network could be trained in full.", "See the study's log; a smaller space or batch may help."
            )
        return trained

    def _share(self, candidate: Candidate, end: float | None, share: float) -> float | None:
        """Seconds of a training: a ``share`` of what is left until ``end``, or what it needs, where that is known."""
        if end is None:
            return None
        left, needed = end - self.phases.seconds, self.pool.needs.get(candidate.name)
        if needed is None or self.phases.asked_to_finish():  # then there is less time than was planned
            return max(LEAST_TRAINING, left * share)
        return max(LEAST_TRAINING, min(left, SLACK * needed))

    def _train_others(
        self, candidates: Sequence[Candidate], trained: list[Final], epochs: float, end: float | None
    ) -> None:
        """Add what the race puts behind ``candidates`` to what was ``trained``, a few at most, as long as there is time
        that these could not use and something to be gained. Without a clock, until one could be trained.
        """
        tried, metric = {candidate.trial for candidate in candidates}, self.task.metric
        least = max(LEAST_LEFT, LEAST_SHARE_LEFT * (self.job.plan.budget_seconds or 0.0))
        n_before = 0
        for _ in range(MOST_RUNNERS_UP):
            perfect = any(final.score.metrics[metric] >= 1.0 for final in trained)
            candidate = self.pool.runner_up(tried, n_before)
            if perfect or candidate is None or self.phases.asked_to_finish():
                return
            seconds = None if end is None else end - self.phases.seconds - self.pool.seconds_to_test(candidate)
            if (seconds is None and trained) or (seconds is not None and seconds < least):
                return
            tried.add(candidate.trial)
            n_before += candidate.name.startswith(RUNNER_UP)
            trained += self._train_one(candidate, epochs, seconds)

    def _train_one(self, candidate: Candidate, epochs: float, seconds: float | None) -> list[Final]:
        """The candidate trained, or nothing where that failed."""
        what, exact, trial = candidate.what, candidate.exact, candidate.last_trial
        with self.phases.phase(f"train {candidate.name}", what, seconds, exact=exact, trial=trial) as done:
            try:
                final = self._final(candidate, epochs=epochs, seconds=seconds)
            except EvaluationError as error:
                done.update(error=str(error))
                return []
            self._remember(f"train {candidate.name}", final)
            done.update(_scores(final), **({} if trial is None else {"trial": trial}))
            return [final]

    def _final(self, candidate: Candidate, *, epochs: float, seconds: float | None, quiet: bool = False) -> Final:
        def report(epoch: float, metrics: Mapping[str, float]) -> None:
            if not quiet:
                point = {"network": candidate.name, "epoch": epoch, "epochs": epochs, "metrics": dict(metrics)}
                self.search.log("epoch", point)

        asked_before = self.phases.asked_to_finish()  # then ``seconds`` is short already

        return self.workshop.train_in_full(
            candidate,
            seed=derive(self.job.settings.seed, "final", candidate.name) % 2**31,
            epochs=epochs,
            seconds=seconds,
            folder=self.folder,
            hurry=lambda: not asked_before and self.phases.asked_to_finish(),
            report=report,
        )

    def _remember(self, phase: str, final: Final) -> None:
        """A training that had come to its end in an earlier opening took what it took then."""
        before = self.phases.results.get(phase, {})
        if before.get("epochs") == final.epochs:
            final.seconds = max(final.seconds, before["seconds"])

    # Scoring

    def _choose(self, baselines: list[Final], trained: list[Final]) -> tuple[list[Final], Final]:
        """All that is worth telling, and of it the best on the validation split that can be exported."""
        with self.phases.phase("choose") as done:
            others = [*trained, *self.pool.others(trained)]
            everything = [*baselines, *sorted(others, key=lambda final: final.name != FIXED)]
            everything += filter(None, [self.pool.chosen_before(everything)])
            chosen = scoring.chosen_of([final for final in everything if self.pool.may_be_exported(final)], self.task)
            keep(chosen, self.folder, self.phases.round)
            done.update(network=chosen.name, valid=chosen.score.metrics[self.task.metric])
        return self._worth_telling(everything, chosen), chosen

    def _worth_telling(self, trained: list[Final], chosen: Final) -> list[Final]:
        """Without what was not to be chosen and would not have been."""
        metric = self.task.metric
        most = chosen.score.metrics[metric]
        return [f for f in trained if f.name not in self.pool.by_chance or f.score.metrics[metric] > most]

    def _calibrate(self, chosen: Final) -> float:
        """The temperature of the chosen network's probabilities; 1 where it gives none."""
        if not self.task.target.calibrated:
            return 1.0
        with self.phases.phase("calibrate") as done:
            heat = scoring.calibrated(chosen, self.workshop)
            done.update(temperature=heat)
        return heat

    def _test(self, trained: list[Final], chosen: Final, heat: float) -> tuple[list[Row], Predictions]:
        """The one look at the test split, for all rows at once."""
        n, nouns, results = len(self.job.splits.test), self.job.modality.nouns, self.phases.results
        with self.phases.phase("test", f"{n:,} {nouns} that nothing was chosen by") as done:
            predictions = scoring.saved(self.folder)
            metric = self.task.metric
            of = {final.name: round(final.score.metrics[metric], 6) for final in trained}
            # Where a training went on since, or another network is chosen, the old look says nothing of what it is now.
            was, now = results.get("test", {}), {"of": of, "exported": chosen.name}
            known = bool(was) and predictions is not None and all(was.get(name, now[name]) == now[name] for name in now)
            if known:
                tests, gaps = results["test"]["tests"], results["test"].get("gaps", {})
            else:
                self.phases.test_reads += 1
                tested = [final for final in trained if final is chosen or self.pool.may_be_exported(final)]
                predictions, tests, gaps = scoring.look(tested, chosen, heat, self.workshop)
                scoring.save(predictions, self.folder)
            done.update(tests=tests, gaps=gaps, read=not known, **now)
        assert predictions is not None
        trainings = {name.removeprefix("train "): found for name, found in results.items() if name.startswith("train ")}
        failed = {name: found["error"] for name, found in trainings.items() if "error" in found}
        rows = [
            result.row_of(
                final,
                tests.get(final.name, {}),
                metric,
                exported=final is chosen,
                enough_seconds=self.pool.untested.get(final.name),
                by_chance=final.name in self.pool.by_chance,
                gap=gaps.get(final.name),
            )
            for final in trained
        ]
        return rows + [Row(name, error=error) for name, error in failed.items() if name not in tests], predictions

    # What leaves the house

    def _export(self, chosen: Final, rows: list[Row], predictions: Predictions, heat: float) -> float:
        """Write the bundle into the study, verified on test examples as they came."""
        splits, candidate = self.job.splits, chosen.candidate
        assert candidate is not None and chosen.network is not None
        n = min(self.job.plan.n_verified, len(splits.test))
        some = np.linspace(0, len(splits.test) - 1, n).astype(np.int64)  # the splits may be sorted by class
        with self.phases.phase(
            "export",
            "does it predict as the trained network does?",
            exact="ONNX, weights, source and card, verified against the trained network",
        ) as done:
            verification = bundle.export(
                chosen.network,
                candidate.graph,
                splits.task,
                self.folder / "bundle",
                intake=self.workshop.intake,
                target_statistics=splits.target_statistics,
                temperature=heat,
                facts=result.facts_of(
                    self.job,
                    candidate,
                    rows,
                    predictions,
                    history=self.search.history,
                    reason=self.phases.results["search"]["reason"],
                    seconds=self.phases.seconds,
                    fell=chosen.fell,
                ),
                examples=self.job.modality.raw(splits.test, some),
                targets=splits.test.targets[some],
            )
            write_text(self.folder / "graph.json", json.dumps(candidate.graph.to_dict()))
            done.update(max_difference=verification.max_difference)
        return verification.max_difference

    def _report(self, found: FitResult) -> FitResult:
        """Draw the report and put it beside the bundle. A report that fails takes nothing else with it."""
        report, ours = self.folder / REPORT, self.folder / "bundle"
        with self.phases.phase("report", REPORT) as done:
            try:
                from archsmith.analysis.report import write_report

                shutil.copyfile(write_report(self.job.store.folder, report), ours / REPORT)
            except Exception as error:
                done.update(error=f"{type(error).__name__}: {error}")
                self.phases.say(f"The report could not be written ({error}); everything else is complete.")
                found = dataclasses.replace(found, report=None)
        return found

    def _copied(self, found: FitResult) -> FitResult:
        """Give the person a copy of the bundle. Where that fails, the result says where the bundle is: the folder may
        have become somebody else's since the job began.
        """
        out, ours = self.job.settings.out, self.folder / "bundle"
        if out is None:
            return found
        try:
            folder.copy(ours, out, replace=self.job.settings.replace)
        except (OSError, UsageError) as error:
            why = str(error) if isinstance(error, UsageError) else told(error)
            found = dataclasses.replace(found, model_dir=str(ours), not_copied=why)
        return found


def _described(job: Job) -> dict[str, object]:
    """What the log says of a job at its beginning. Data in memory have no name on a command line."""
    command = {"command": command_of(job.settings)} if isinstance(job.settings.data, str) else {}
    fit = {
        "settings": job.settings.to_dict(),
        "plan": job.plan.to_dict(),
        "speed": dataclasses.asdict(job.speed),
        "data_folder": str(job.data_folder),
        "kind": job.splits.kind,
        "findings": job.findings.to_dict(),
        "task": job.splits.task.to_dict(),
        **({"target": job.splits.target} if job.splits.target != Splits.target else {}),
        "device": job.device.sentence,
        "memory_mb": job.memory_mb,
        "probed": dict(job.probed),
    }
    return {"fit": fit, **command}


def _changed(job: Job) -> dict[str, object]:
    """The fields of the job's augmentation that are not at their defaults."""
    asked, default = job.augmentation, type(job.augmentation)()
    names = [entry.name for entry in dataclasses.fields(asked)]
    return {name: getattr(asked, name) for name in names if getattr(asked, name) != getattr(default, name)}


def _scores(final: Final) -> dict[str, float]:
    return {**final.score.metrics, "epochs": final.epochs, "seconds": final.seconds}
