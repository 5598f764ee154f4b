"""The main job: data -> checks -> honest rows -> search -> final training -> choice -> one look at the test part -> bundle.

Every phase is an event in the study's log, and what it produced lies in the study's folder; so the job can be killed anywhere and goes on with
``resume``: finished trials and finished epochs are not repeated. Selection looks at the validation part only; the test part is read once, after the
choice is made, and the log counts how often.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.automl import finals, prepare
from archsmith.automl.finals import Candidate, Final
from archsmith.automl.plan import PATIENCE
from archsmith.automl.prepare import Job
from archsmith.automl.settings import FitResult, FitSettings, Row
from archsmith.bundle import export as bundle
from archsmith.bundle.manifest import Facts
from archsmith.bundle.manifest import Row as CardRow
from archsmith.core import budget as reasons
from archsmith.core.budget import Budget
from archsmith.core.errors import ArchsmithError, EvaluationError
from archsmith.core.events import Event
from archsmith.core.problem import Fidelity, Objective, Problem
from archsmith.core.protocols import Executor
from archsmith.core.seeds import derive
from archsmith.core.trial import Trial
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.runtime.processes import ProcessExecutor
from archsmith.runtime.search import Search
from archsmith.runtime.serial import SerialExecutor
from archsmith.training import threads
from archsmith.training.measure import evaluate

LINEAR, SEARCHED = "linear", "searched"
SLOWEST_TRIAL = 4.0  # a trial may take this many times its forecast, and never less than ten seconds
MOST_VERIFIED = 10_000  # pictures that the exported network is verified with

Observer = Callable[[Event], None]


def fit(settings: FitSettings, observer: Observer | None = None, finish: Callable[[], bool] = lambda: False) -> FitResult:
    """Run the job. ``observer(event)`` sees everything that is logged; ``finish()`` is asked often and, once true, makes the job end with the best so far.

    Raises UsageError or DataError before anything is written when the settings or the data cannot be used.
    """
    started = time.time()
    bundle.check_ready()
    if settings.out is not None:
        bundle.check_target(settings.out)
    job = prepare.resume(settings, started) if settings.resume else prepare.start(settings, started)
    most = threads.candidates()[0]
    with threads.limited(job.speed.n_threads):
        return _Run(job, observer, finish, most).run()


class _Run:
    """One opening of a job's study."""

    def __init__(self, job: Job, observer: Observer | None, finish: Callable[[], bool], all_threads: int) -> None:
        self.job = job
        self.all_threads = all_threads
        self._clock_lead = 0.0  # seconds of this opening before the study was opened: reading and measuring
        self.results: dict[str, dict[str, Any]] = {}  # what finished phases of this and earlier openings logged
        self.test_reads = 0
        self.folder = job.store.folder
        self.space = prepare.space_of(job.settings, job.splits)
        self.fixed = prepare.fixed_candidate(job.settings, job.splits)
        plan, settings = job.plan, job.settings
        problem = Problem(self.space, (Objective("accuracy"),), fidelity=Fidelity("epochs", plan.proxy_epochs / 4, plan.proxy_epochs))
        executor: Executor = ProcessExecutor(settings.workers) if settings.workers > 1 else SerialExecutor()
        self.search = Search(
            problem,
            prepare.strategy_of(settings),
            TrainingEvaluator(space=self.space, data=str(job.data_folder), recipe=job.recipe),
            budget=Budget(seconds=plan.search_end, trials=settings.trials, patience=PATIENCE),
            seed=settings.seed,
            store=job.store,
            executor=executor,
            trial_seconds=None if plan.search_end is None else max(10.0, SLOWEST_TRIAL * plan.trial_seconds),
            forecast_trials=plan.forecast_trials,
            observer=observer,
            finish=finish,
            info={
                "fit": {
                    "settings": settings.to_dict(),
                    "plan": plan.to_dict(),
                    "speed": dataclasses.asdict(job.speed),
                    "data_folder": str(job.data_folder),
                    "report": job.report.to_dict(),
                }
            },
        )
        for event in job.store.read():
            if event.kind == "phase" and event.data["state"] == "finished":
                self.results[event.data["name"]] = event.data["result"]
                self.test_reads += event.data["name"] == "test"

    # The story

    def run(self) -> FitResult:
        with self.search as search:
            self._say(*self.job.report.lines(), *self.job.plan.lines())
            if "search" not in self.results:
                self._clock_lead = time.time() - self.job.started
            linear = self._linear()
            reason = self._search()
            trained = self._train([self.fixed, *self._searched()])
            chosen = self._choose(trained)
            tested = self._test([linear, *trained], chosen)
            difference = self._export(chosen, tested)
            result = self._result(reason, tested, chosen, difference)
            search.log("result", result.to_dict())
            search.log("closed", {"reason": reason, "seconds": self.seconds})
        return result

    def _linear(self) -> Final:
        candidate = finals.linear_candidate(self.job.splits)
        with self._phase(LINEAR, "logistic regression on the pixels") as done:
            per_epoch = self.job.speed.steps_per_epoch
            seconds = None if self.job.plan.budget_seconds is None else max(2.0, 0.03 * self.job.plan.budget_seconds)
            final = self._final(candidate, epochs=max(1.0, finals.LINEAR_STEPS / per_epoch), seconds=seconds, quiet=True)
            done.update(_scores(final))
        return final

    def _search(self) -> str:
        if "search" in self.results and not self._extended():
            return str(self.results["search"]["reason"])
        for later in ("test", "export"):
            self.results.pop(later, None)  # of a study whose budget was raised after it had ended
        with self._phase("search", f"{self.job.settings.strategy} on {self.job.settings.space}", self._forecast_search()) as done:
            if self.job.plan.search_end is not None:
                self.search.budget = dataclasses.replace(self.search.budget, seconds=max(1.0, self.job.plan.search_end - self._clock_lead))
            result = self.search.run()
            best = result.best
            done.update(reason=result.reason, n_trials=len(result.history.finished), best=best.id if best else None)
        return result.reason

    def _extended(self) -> bool:
        """Was the budget raised since the search ended?"""
        ended = self.results["search"]
        more_trials = self.job.settings.trials is not None and ended["n_trials"] < self.job.settings.trials
        more_time = self.job.plan.search_end is not None and ended["reason"] == reasons.SECONDS and self.seconds < self.job.plan.search_end
        return more_trials or more_time

    def _searched(self) -> list[Candidate]:
        """The best network of the search that is not the fixed one; empty when no trial ended well."""
        for trial in self.search.history.ranking():
            if not self._is_fixed(trial):
                return [self._candidate(trial)]
        return []

    def _is_fixed(self, trial: Trial) -> bool:
        """Is this the fixed network with the recipe that the fixed network is trained with?"""
        assert self.fixed.space is not None
        same_network = self.space.identity(trial.architecture.structure) == self.fixed.space.identity(self.fixed.architecture)
        return same_network and self.job.recipe.with_decisions(trial.architecture.recipe) == self.fixed.recipe

    def _candidate(self, trial: Trial) -> Candidate:
        recipe = self.job.recipe.with_decisions(trial.architecture.recipe)
        return Candidate(SEARCHED, self.space.graph(trial.architecture), recipe, trial.architecture, self.space, trial.id)

    def _train(self, candidates: list[Candidate]) -> list[Final]:
        """All candidates for the same number of epochs, as far as the clock allows; one that fails is left out."""
        epochs, end = self.job.plan.final_epochs, self._final_end()
        n_threads: int | None = None
        if end is not None:  # the machine may be busier, or quieter, than it was at the start
            with threads.limited(self.all_threads):
                n_threads, _ = prepare.fastest_threads(candidates[0], self.job.splits, most=1.0)
        with threads.limited(n_threads):
            return self._train_each(candidates, epochs, end)

    def _train_each(self, candidates: list[Candidate], epochs: float, end: float | None) -> list[Final]:
        costs = [1.0] * len(candidates) if end is None else [finals.step_seconds(candidate, self.job.splits, most=1.5) for candidate in candidates]
        trained = []
        for i, candidate in enumerate(candidates):
            seconds = None if end is None else max(3.0, (end - self.seconds) * costs[i] / sum(costs[i:]))
            with self._phase(f"train {candidate.name}", _describe(candidate), seconds) as done:
                try:
                    trained.append(self._final(candidate, epochs=epochs, seconds=seconds))
                    done.update(_scores(trained[-1]))
                except EvaluationError as error:
                    done.update(error=str(error))
        if not trained:
            raise ArchsmithError("No network could be trained in full.", "See the study's log; a smaller space or batch may help.")
        return trained

    def _final(self, candidate: Candidate, *, epochs: float, seconds: float | None, quiet: bool = False) -> Final:
        def report(epoch: float, metrics: Mapping[str, float]) -> None:
            if not quiet:
                self.search.log("epoch", {"network": candidate.name, "epoch": epoch, "epochs": epochs, "metrics": dict(metrics)})

        asked_before = self._asked_to_finish()  # then ``seconds`` is short already

        return finals.train_in_full(
            candidate,
            self.job.splits,
            seed=derive(self.job.settings.seed, "final", candidate.name) % 2**31,
            epochs=epochs,
            seconds=seconds,
            folder=self.folder / "final",
            hurry=lambda: not asked_before and self._asked_to_finish(),
            report=report,
        )

    def _choose(self, trained: list[Final]) -> Final:
        """By validation accuracy, then by validation log loss."""
        with self._phase("choose") as done:
            chosen = max(trained, key=lambda final: (final.valid, -final.log_loss))
            done.update(network=chosen.candidate.name, valid=chosen.valid)
        return chosen

    def _test(self, trained: list[Final], chosen: Final) -> list[Row]:
        """The one look at the test part, for all rows at once."""
        with self._phase("test", f"{len(self.job.splits.test):,} pictures that nothing was chosen by") as done:
            if "test" in self.results:
                tests = self.results["test"]["tests"]
            else:
                self.test_reads += 1
                normalise = finals.normalisation_of(self.job.splits)
                tests = {final.candidate.name: evaluate(final.network, self.job.splits.test, normalise).accuracy for final in trained}
            done.update(tests=tests)
        failed = {name.removeprefix("train "): result["error"] for name, result in self.results.items() if "error" in result}
        return [_row(final, tests.get(final.candidate.name), final is chosen) for final in trained] + [
            Row(name, error=error) for name, error in failed.items() if name not in tests
        ]

    def _export(self, chosen: Final, rows: list[Row]) -> float:
        """Write the bundle into the study, verified on the test pictures as they came, and copy it to ``out``."""
        splits, target = self.job.splits, self.folder / "final" / "bundle"
        mean, std = splits.statistics
        n = min(MOST_VERIFIED, len(splits.test))
        with self._phase("export", "ONNX, weights, source and card, verified against the trained network") as done:
            verification = bundle.export(
                chosen.network,
                chosen.candidate.graph,
                splits.task,
                target,
                mean=mean,
                std=std,
                facts=self._facts(chosen, rows),
                images=list(splits.test.files[:n]) if splits.test.files else [splits.test.original(i) for i in range(n)],
                labels=splits.test.labels[:n],
            )
            (self.folder / "final" / "graph.json").write_text(json.dumps(chosen.candidate.graph.to_dict()), encoding="utf-8")
            if self.job.settings.out is not None:
                _copy(target, Path(self.job.settings.out))
            done.update(max_difference=verification.max_difference)
        return verification.max_difference

    def _facts(self, chosen: Final, rows: list[Row]) -> Facts:
        splits, settings, report = self.job.splits, self.job.settings, self.job.report
        row = next(row for row in rows if row.exported)
        valid = {"accuracy": chosen.valid, "log_loss": chosen.log_loss}
        return Facts(
            name=splits.name,
            architecture=dict(chosen.candidate.architecture),
            metrics={"valid": valid, "test": {"accuracy": row.test} if row.test is not None else {}},
            rows=tuple(CardRow(r.name, r.valid, r.test, r.params, r.macs, r.seconds, r.exported) for r in rows),
            data={
                "name": splits.name,
                **{f"n_{part}": len(data) for part, data in splits.parts.items()},
                "class_counts": dict(zip(splits.classes, report.counts["train"], strict=True)),
                "notes": [*report.notes, *report.warnings],
            },
            search={
                "space": settings.space,
                "space_spec": catalog.to_spec(chosen.candidate.space),
                "strategy": settings.strategy,
                "n_trials": len(self.search.history.finished),
                "stop_reason": self.results["search"]["reason"],
            },
            recipe=chosen.candidate.recipe.to_dict(),
            budget={"seconds": settings.seconds, "trials": settings.trials, "seconds_used": round(self.seconds, 1)},
            seed=settings.seed,
            study=self.folder.name,
            command=_command(settings),
        )

    def _result(self, reason: str, rows: list[Row], chosen: Final, difference: float) -> FitResult:
        history, settings = self.search.history, self.job.settings
        exported = next(row for row in rows if row.exported)
        return FitResult(
            study=self.folder.name,
            stop_reason=reason,
            seconds=round(self.seconds, 2),
            budget_seconds=settings.seconds,
            n_trials=len(history.finished),
            n_failed=sum(trial.losses is None for trial in history.finished),
            n_from_mutation=sum(trial.notes.get("operator") == "mutate" for trial in history.finished),
            valid=exported.valid,
            test=exported.test,
            rows=tuple(rows),
            architecture=dict(chosen.candidate.architecture),
            params=exported.params,
            macs=exported.macs,
            model_dir=str(Path(settings.out).resolve() if settings.out else self.folder / "final" / "bundle"),
            test_reads=self.test_reads,
            max_difference=difference,
        )

    # The clock and the log

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
        self.search.log("phase", {"name": name, "state": "finished", "seconds": time.time() - began, "result": result})

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.search.log("note", {"text": line})


def _row(final: Final, test: float | None, exported: bool) -> Row:
    params, macs = finals.params_and_macs(final.candidate.graph)
    return Row(
        final.candidate.name,
        valid=final.valid,
        valid_log_loss=final.log_loss,
        test=test,
        params=params,
        macs=macs,
        seconds=final.seconds,
        epochs=final.epochs,
        exported=exported,
        trial=final.candidate.trial,
    )


def _scores(final: Final) -> dict[str, float]:
    return {"valid": final.valid, "log_loss": final.log_loss, "epochs": final.epochs, "seconds": final.seconds}


def _describe(candidate: Candidate) -> str:
    params, macs = finals.params_and_macs(candidate.graph)
    found = f"trial {candidate.trial}, " if candidate.trial is not None else ""
    return f"{found}{params:,} parameters, {macs / 1e6:.1f} M multiply-adds"


def _command(settings: FitSettings) -> str:
    parts = ["archsmith fit", str(settings.data) if isinstance(settings.data, str) else "DATA"]
    parts += [] if settings.seconds is None else [f"--time {settings.seconds:g}s"]
    parts += [] if settings.trials is None else [f"--trials {settings.trials}"]
    parts += [f"--space {settings.space}", f"--strategy {settings.strategy}", f"--seed {settings.seed}"]
    parts += [f"--set {kind}.{name}={value}" for kind, values in settings.settings.items() for name, value in values.items()]
    return " ".join(parts)


def _copy(source: Path, target: Path) -> None:
    """Put a copy of the bundle at ``target`` in one step; an older bundle there is replaced."""
    target = bundle.check_target(target)
    draft = target.with_name(f".{target.name}.copying")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft)
    if target.exists():
        shutil.rmtree(target)
    draft.rename(target)
