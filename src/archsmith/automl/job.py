"""The main job: data -> checks -> honest rows -> search -> final training -> choice -> calibration -> one look at the
test split -> bundle -> report.

Every phase is an event in the study's log, and what it produced lies in the study's folder; so the job can be killed
anywhere and goes on with ``resume``: finished trials and finished epochs are not repeated. Selection looks at the
validation split only; the test split is read once, after the choice is made, and the log counts how often.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from archsmith.automl import answer, finals, prepare
from archsmith.automl.evaluation import evaluator_of, retention_of
from archsmith.automl.finals import Candidate, Final
from archsmith.automl.plan import INHERITED, OWN, PATIENCE, SHARED
from archsmith.automl.prepare import Job
from archsmith.automl.settings import FitResult, FitSettings, Row
from archsmith.bundle import export as bundle
from archsmith.bundle import folder
from archsmith.bundle.manifest import REPORT
from archsmith.core import budget as reasons
from archsmith.core.budget import Budget
from archsmith.core.errors import ArchsmithError, EvaluationError
from archsmith.core.events import Event
from archsmith.core.problem import Fidelity, Objective, Problem
from archsmith.core.protocols import Executor
from archsmith.core.protocols import answer as answer_of
from archsmith.core.seeds import derive
from archsmith.core.trial import Trial
from archsmith.runtime.processes import ProcessExecutor
from archsmith.runtime.search import Search
from archsmith.runtime.serial import SerialExecutor
from archsmith.training import threads
from archsmith.training.calibration import temperature
from archsmith.training.measure import outputs

LINEAR, SEARCHED = "linear", "searched"
SLOWEST_TRIAL = 4.0  # a trial may take this many times its forecast, and never less than ten seconds
PREDICTIONS = "predictions.npz"

Observer = Callable[[Event], None]
Predictions = dict[str, np.ndarray[Any, Any]]


def fit(
    settings: FitSettings, observer: Observer | None = None, finish: Callable[[], bool] = lambda: False
) -> FitResult:
    """Run the job. ``observer(event)`` sees everything that is logged; ``finish()`` is asked often and, once true,
    makes the job end with the best so far.

    Raises UsageError or DataError before anything is written when the settings or the data cannot be used.
    """
    started = time.time()
    bundle.check_ready()
    if settings.out is not None:
        bundle.check_target(settings.out)
    job = prepare.resume(settings, started) if settings.resume else None
    if job is None:
        job = prepare.start(settings, started, observer or (lambda event: None))
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
        self._clock_lead = 0.0  # seconds of this opening before the study was opened: reading and measuring
        self.results: dict[str, dict[str, Any]] = {}  # what finished phases of this and earlier openings logged
        self.test_reads = 0
        self.was_extended = False
        self.folder = job.store.folder
        self.space = prepare.space_of(job.settings, job.splits, job.plan.weights)
        self.fixed = prepare.fixed_candidate(job.settings, job.splits)
        plan, settings = job.plan, job.settings
        problem = Problem(
            self.space,
            (Objective(self.task.metric),),
            fidelity=Fidelity("epochs", plan.proxy_epochs / 4, plan.proxy_epochs),
        )
        executor: Executor = ProcessExecutor(settings.workers) if settings.workers > 1 else SerialExecutor()
        self.search = Search(
            problem,
            prepare.strategy_of(settings),
            evaluator_of(
                settings,
                plan,
                self.space,
                job.recipe,
                job.speed.steps_per_epoch,
                data=str(job.data_folder),
                device=job.device.name,
                memory_mb=job.memory_mb,
                task=self.task,
            ),
            budget=Budget(seconds=plan.search_end, trials=settings.trials, patience=PATIENCE),
            seed=settings.seed,
            store=job.store,
            executor=executor,
            trial_seconds=None if plan.search_end is None else max(10.0, SLOWEST_TRIAL * plan.trial_seconds),
            forecast_trials=plan.forecast_trials,
            retention=retention_of(settings, plan),
            observer=observer,
            finish=finish,
            info={
                "fit": {
                    "settings": settings.to_dict(),
                    "plan": plan.to_dict(),
                    "speed": dataclasses.asdict(job.speed),
                    "data_folder": str(job.data_folder),
                    "report": job.report.to_dict(),
                    "task": self.task.to_dict(),
                    "device": job.device.sentence,
                    "memory_mb": job.memory_mb,
                }
            },
        )
        for event in job.store.read():
            if event.kind == "extended":
                self._forget_what_more_time_changes()
            elif event.kind == "phase" and event.data["state"] == "finished":
                self.results[event.data["name"]] = event.data["result"]
                self.test_reads += event.data["name"] == "test" and event.data["result"]["read"]

    # The story

    def run(self) -> FitResult:
        with self.search as search:
            self._say(*self.job.lines())
            self._start_clock()
            if self.job.extended:
                self._extend()
            linear = self._linear()
            reason = self._search()
            trained = self._train([self.fixed, *self._searched()])
            chosen = self._choose(trained)
            heat = self._calibrate(chosen)
            rows, predictions = self._test([linear, *trained], chosen, heat)
            difference = self._export(chosen, rows, predictions, heat)
            result = answer.result_of(
                self.job,
                chosen.candidate,
                rows,
                search.history,
                metrics=answer.measured(self.job.splits, predictions),
                reason=reason,
                seconds=self.seconds,
                test_reads=self.test_reads,
                difference=difference,
                temperature=heat,
            )
            search.log("result", result.to_dict())
            result = self._report(result)
            search.log("closed", {"reason": reason, "seconds": self.seconds})
        return result

    def _extend(self) -> None:
        """The study was given more: write that down, and let final trainings that the clock had cut short begin anew,
        with more of it.
        """
        for name, result in self.results.items():
            if name.startswith("train ") and result.get("epochs", 0.0) < 0.999 * self.job.plan.final_epochs:
                (self.folder / "final" / f"{name.removeprefix('train ')}.safetensors").unlink(missing_ok=True)
        self._forget_what_more_time_changes()
        job = self.job
        now = {"settings": job.settings.to_dict(), "plan": job.plan.to_dict(), "speed": dataclasses.asdict(job.speed)}
        self.search.log("extended", now)

    def _forget_what_more_time_changes(self) -> None:
        self.was_extended = True
        for later in ("search", "test", "export"):
            self.results.pop(later, None)

    def _linear(self) -> Final:
        candidate = finals.linear_candidate(self.job.splits)
        with self._phase(LINEAR, f"{'linear' if self.task.numeric else 'logistic'} regression on the pixels") as done:
            per_epoch = self.job.speed.steps_per_epoch
            seconds = None if self.job.plan.budget_seconds is None else max(1.0, 0.03 * self.job.plan.budget_seconds)
            final = self._final(
                candidate, epochs=max(1.0, finals.LINEAR_STEPS / per_epoch), seconds=seconds, quiet=True
            )
            self._remember(LINEAR, final)
            done.update(_scores(final))
        return final

    def _search(self) -> str:
        plan, before = self.job.plan, self.results.get("search")
        if before is not None:
            return str(before["reason"])
        if not plan.searching and not len(self.search.history):
            self.results["search"] = {"reason": reasons.SECONDS, "n_trials": 0}
            return reasons.SECONDS
        how = {OWN: "", INHERITED: ", weights inherited", SHARED: ", weights shared"}[plan.weights]
        with self._phase(
            "search", f"{self.job.settings.strategy} on {self.job.settings.space}{how}", self._forecast_search()
        ) as done:
            seconds = None if plan.search_end is None else max(1.0, plan.search_end - self._clock_lead)
            # A person who gives a study more wants it to go on, though it had converged.
            patience = PATIENCE + (self._since_best() if self.was_extended else 0)
            self.search.budget = dataclasses.replace(self.search.budget, seconds=seconds, patience=patience)
            result = self.search.run()
            best = result.best
            done.update(reason=result.reason, n_trials=len(result.history.finished), best=best.id if best else None)
        return result.reason

    def _since_best(self) -> int:
        """Finished trials since the best one finished."""
        finished, best = self.search.history.finished, self.search.history.best()
        return 0 if best is None else len(finished) - 1 - [trial.id for trial in finished].index(best.id)

    def _searched(self) -> list[Candidate]:
        """The network that the search answers with, or the next best one where that is the fixed one; empty when no
        trial ended well.
        """
        history = self.search.history
        believed = answer_of(self.search.strategy, history)
        for trial in [*([believed] if believed is not None else []), *history.ranking()]:
            if not self._is_fixed(trial):
                return [self._candidate(trial)]
        return []

    def _is_fixed(self, trial: Trial) -> bool:
        """Is this the fixed network with the recipe that the fixed network is trained with?"""
        assert self.fixed.space is not None
        same_network = self.space.identity(trial.architecture.structure) == self.fixed.space.identity(
            self.fixed.architecture
        )
        return same_network and self.job.recipe.with_decisions(trial.architecture.recipe) == self.fixed.recipe

    def _candidate(self, trial: Trial) -> Candidate:
        recipe = self.job.recipe.with_decisions(trial.architecture.recipe)
        return Candidate(
            SEARCHED, self.space.graph(trial.architecture), recipe, trial.architecture, self.space, trial.id
        )

    def _train(self, candidates: list[Candidate]) -> list[Final]:
        """All candidates for the same number of epochs, as far as the clock allows; one that fails is left out."""
        epochs, end = self.job.plan.final_epochs, self._final_end()
        n_threads: int | None = None
        if end is not None:  # the machine may be busier, or quieter, than it was at the start
            with threads.limited(self.all_threads):
                n_threads, _ = prepare.fastest_threads(candidates[0], self.workshop, most=min(1.0, 0.01 * end))
        with threads.limited(n_threads):
            return self._train_each(candidates, epochs, end)

    def _train_each(self, candidates: list[Candidate], epochs: float, end: float | None) -> list[Final]:
        most = 0.0 if end is None else min(1.5, 0.02 * end)
        costs = (
            [1.0] * len(candidates)
            if end is None
            else [self.workshop.step_seconds(candidate, most=most) for candidate in candidates]
        )
        trained = []
        for i, candidate in enumerate(candidates):
            seconds = None if end is None else max(3.0, (end - self.seconds) * costs[i] / sum(costs[i:]))
            with self._phase(f"train {candidate.name}", answer.described(candidate), seconds) as done:
                try:
                    trained.append(self._final(candidate, epochs=epochs, seconds=seconds))
                    self._remember(f"train {candidate.name}", trained[-1])
                    done.update(_scores(trained[-1]))
                except EvaluationError as error:
                    done.update(error=str(error))
        if not trained:
            raise ArchsmithError(
                "No network could be trained in full.", "See the study's log; a smaller space or batch may help."
            )
        return trained

    def _final(self, candidate: Candidate, *, epochs: float, seconds: float | None, quiet: bool = False) -> Final:
        def report(epoch: float, metrics: Mapping[str, float]) -> None:
            if not quiet:
                self.search.log(
                    "epoch", {"network": candidate.name, "epoch": epoch, "epochs": epochs, "metrics": dict(metrics)}
                )

        asked_before = self._asked_to_finish()  # then ``seconds`` is short already

        return self.workshop.train_in_full(
            candidate,
            seed=derive(self.job.settings.seed, "final", candidate.name) % 2**31,
            epochs=epochs,
            seconds=seconds,
            folder=self.folder / "final",
            hurry=lambda: not asked_before and self._asked_to_finish(),
            report=report,
        )

    def _remember(self, phase: str, final: Final) -> None:
        """A training that had come to its end in an earlier opening took what it took then."""
        before = self.results.get(phase, {})
        if before.get("epochs") == final.epochs:
            final.seconds = max(final.seconds, before["seconds"])

    def _choose(self, trained: list[Final]) -> Final:
        """By the main metric on the validation split, then by its other metrics' last one, the smaller error."""
        with self._phase("choose") as done:
            chosen = max(
                trained,
                key=lambda final: (final.score.metrics[self.task.metric], -final.score.metrics[self.task.metrics[-1]]),
            )
            done.update(network=chosen.candidate.name, valid=chosen.score.metrics[self.task.metric])
        return chosen

    def _calibrate(self, chosen: Final) -> float:
        """The temperature that makes the chosen network's probabilities honest on the validation split; 1 for numbers."""
        if self.task.numeric:
            return 1.0
        with self._phase("calibrate") as done:
            valid = self.job.splits.valid
            heat = temperature(
                outputs(chosen.network, valid, self.workshop.normalisation, device=self.workshop.device), valid.labels
            )
            done.update(temperature=heat)
        return heat

    def _test(self, trained: list[Final], chosen: Final, heat: float) -> tuple[list[Row], Predictions]:
        """The one look at the test split, for all rows at once; and what the exported network says of validation and
        test pictures.
        """
        kept = self.folder / "final" / PREDICTIONS
        with self._phase("test", f"{len(self.job.splits.test):,} pictures that nothing was chosen by") as done:
            known = "test" in self.results and kept.exists()
            if known:
                tests = self.results["test"]["tests"]
                with np.load(kept, allow_pickle=False) as file:
                    predictions = {name: file[name] for name in file.files}
            else:
                self.test_reads += 1
                predictions, tests = self._look(trained, chosen, heat)
                _save(predictions, kept)
            done.update(tests=tests, read=not known)
        failed = {
            name.removeprefix("train "): result["error"] for name, result in self.results.items() if "error" in result
        }
        rows = [
            answer.row_of(final, tests.get(final.candidate.name, {}), self.task.metric, exported=final is chosen)
            for final in trained
        ]
        return rows + [Row(name, error=error) for name, error in failed.items() if name not in tests], predictions

    def _look(
        self, trained: list[Final], chosen: Final, heat: float
    ) -> tuple[Predictions, dict[str, dict[str, float]]]:
        goal, splits = self.workshop.goal, self.job.splits
        predictions: Predictions = {}
        tests = {}
        for final in trained:
            raw = outputs(final.network, splits.test, self.workshop.normalisation, device=self.workshop.device)
            tests[final.candidate.name] = dict(goal.score(raw, splits.test.labels).metrics)
            if final is not chosen:
                continue
            seen = {
                "test": raw,
                "valid": outputs(final.network, splits.valid, self.workshop.normalisation, device=self.workshop.device),
            }
            for part, values in seen.items():
                predictions[part] = goal.answers(values / heat).numpy()
                predictions[f"{part}_labels"] = np.asarray(splits.parts[part].labels)
                if not self.task.numeric:
                    predictions[f"{part}_raw"] = goal.answers(values).numpy()
        return predictions, tests

    def _export(self, chosen: Final, rows: list[Row], predictions: Predictions, heat: float) -> float:
        """Write the bundle into the study, verified on test pictures as they came."""
        splits, target = self.job.splits, self.folder / "final" / "bundle"
        mean, std = splits.statistics
        n = min(self.job.plan.n_verified, len(splits.test))
        # the parts may be sorted by class
        some = splits.test.take(np.linspace(0, len(splits.test) - 1, n).astype(np.int64))
        with self._phase("export", "ONNX, weights, source and card, verified against the trained network") as done:
            verification = bundle.export(
                chosen.network,
                chosen.candidate.graph,
                splits.task,
                target,
                mean=mean,
                std=std,
                target_statistics=splits.target_statistics,
                temperature=heat,
                facts=answer.facts_of(
                    self.job,
                    chosen.candidate,
                    rows,
                    predictions,
                    n_trials=len(self.search.history.finished),
                    reason=self.results["search"]["reason"],
                    seconds=self.seconds,
                ),
                images=some.originals,
                labels=some.labels,
            )
            (self.folder / "final" / "graph.json").write_text(
                json.dumps(chosen.candidate.graph.to_dict()), encoding="utf-8"
            )
            done.update(max_difference=verification.max_difference)
        return verification.max_difference

    def _report(self, result: FitResult) -> FitResult:
        """Draw the report, put it beside the bundle, and give the person a copy of both. A report that fails takes
        nothing else with it.
        """
        from archsmith.analysis.report import write_report

        report, ours = self.folder / "final" / REPORT, self.folder / "final" / "bundle"
        with self._phase("report", REPORT) as done:
            try:
                shutil.copyfile(write_report(self.folder, report), ours / REPORT)
            except Exception as error:
                done.update(error=f"{type(error).__name__}: {error}")
                self._say(f"The report could not be written ({error}); everything else is complete.")
                result = dataclasses.replace(result, report=None)
            if self.job.settings.out is not None:
                folder.copy(ours, self.job.settings.out)
        return result

    # The clock and the log

    def _start_clock(self) -> None:
        """The job's clock begins when the data are being read, which is before the study is opened; that lead is
        logged, for later openings.
        """
        before = self.results.get("read")
        self._clock_lead = time.time() - self.job.started + (before["lead"] if before else 0.0)
        if before is None:
            self._log_phase("read", self.job.read_seconds, {"lead": self._clock_lead})

    @property
    def seconds(self) -> float:
        """On the study's clock, which began when the data were being read."""
        return self.search.seconds + self._clock_lead

    def _final_end(self) -> float | None:
        """When the last training must end; sooner when the person asked to finish."""
        end = self.job.plan.final_end
        if self._asked_to_finish():
            soon = self.seconds + max(10.0, 0.25 * self.seconds)
            return soon if end is None else min(end, soon)
        return end

    def _asked_to_finish(self) -> bool:
        """By Ctrl-C, or by another process."""
        self.search.look_for_commands()
        return self.search.asked_to_stop

    def _forecast_search(self) -> float | None:
        plan = self.job.plan
        return None if plan.search_end is None else max(0.0, plan.search_end - self.seconds)

    @contextmanager
    def _phase(self, name: str, detail: str = "", forecast: float | None = None) -> Iterator[dict[str, Any]]:
        """Log a phase around the block; what the block puts into the dict is its result."""
        self.search.log("phase", {"name": name, "state": "started", "detail": detail, "forecast_seconds": forecast})
        began, result = time.time(), {}
        yield result
        self.results[name] = result
        self._log_phase(name, time.time() - began, result)

    def _log_phase(self, name: str, seconds: float, result: Mapping[str, Any] | None = None) -> None:
        self.search.log("phase", {"name": name, "state": "finished", "seconds": seconds, "result": dict(result or {})})

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.search.log("note", {"text": line})


def _scores(final: Final) -> dict[str, float]:
    return {**final.score.metrics, "epochs": final.epochs, "seconds": final.seconds}


def _save(predictions: Predictions, path: Path) -> None:
    """In one step, so that a kill leaves all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **predictions)
    os.replace(draft, path)
