"""Everything before the first trial: read, check and split the data, measure the machine, plan the clock, and make or find the study."""

from __future__ import annotations

import dataclasses
import re
import time
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.automl import finals
from archsmith.automl.finals import Candidate
from archsmith.automl.plan import EXPORT_SECONDS, Plan, Speed, make_plan
from archsmith.automl.settings import FitSettings
from archsmith.core.errors import StudyError, UsageError
from archsmith.data import cache
from archsmith.data.checks import Report, check
from archsmith.data.readers import read
from archsmith.data.splits import Splits, split
from archsmith.graphs.network_space import NetworkSpace
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.workspace import Workspace
from archsmith.spaces.conv_stages import ConvStages
from archsmith.spaces.recipe import ImageRecipe
from archsmith.training import threads
from archsmith.training.recipe import Recipe

FIXED = "fixed"
REHEARSED = 60.0  # from this budget on an export is rehearsed before anything else: it is measured, and what is wrong with it comes out first


@dataclasses.dataclass(frozen=True)
class Job:
    """A job that is ready to run: everything that is known before the first trial. ``started`` is Unix time of this opening."""

    settings: FitSettings
    store: SqliteStore
    splits: Splits
    data_folder: Path
    report: Report
    plan: Plan
    speed: Speed
    started: float

    @property
    def recipe(self) -> Recipe:
        return recipe_of(self.settings, self.splits)


def recipe_of(settings: FitSettings, splits: Splits | None = None) -> Recipe:
    """The defaults of training for data of this size, with the person's own settings on top."""
    chosen = settings.settings.get("recipe", {})
    recipe: Recipe = catalog.build(Recipe, chosen)
    return recipe if splits is None or "batch_size" in chosen else recipe.sized(len(splits.train))


def space_of(settings: FitSettings, splits: Splits) -> NetworkSpace:
    """The search space for these data. Raises UsageError for a space that lays out no networks."""
    cls = catalog.get("space", settings.space)
    if not issubclass(cls, NetworkSpace):
        raise UsageError(f"The space {settings.space!r} has no networks, so it cannot be trained.", "See: archsmith catalog space")
    plain = cls.for_task(splits.task, recipe=ImageRecipe())
    chosen = settings.settings.get("space", {})
    return catalog.build(cls, {**catalog.to_spec(plain)["args"], **chosen}) if chosen else plain  # type: ignore[no-any-return]


def strategy_of(settings: FitSettings) -> Any:
    """The strategy, seeded with the space's first architecture where it can be."""
    cls = catalog.get("strategy", settings.strategy)
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return catalog.build(cls, {**({"start": True} if "start" in names else {}), **settings.settings.get("strategy", {})})


def fixed_candidate(settings: FitSettings, splits: Splits) -> Candidate:
    """The hand-made residual network that every search has to beat."""
    space = ConvStages.for_task(splits.task)
    architecture = space.first()
    return Candidate(FIXED, space.graph(architecture), recipe_of(settings, splits), architecture, space)


def start(settings: FitSettings, started: float) -> Job:
    """Read, check and split the data, measure the machine, and only then make a study."""
    strategy_of(settings)  # a wrong name is found before the data are read
    recipe_of(settings)
    loaded = read(settings.data)
    splits = split(loaded, settings.seed)
    report = check(splits)
    space_of(settings, splits)
    workspace = Workspace(settings.workspace)
    folder = cache.write(splits, workspace.path / "data")
    splits = cache.open_splits(folder)
    speed = measure_speed(settings, splits)
    plan = make_plan(settings.seconds, settings.trials, time.time() - started, speed)
    store = workspace.create(settings.name or _study_name(splits.name))
    return Job(settings, store, splits, folder, report, plan, speed, started)


def measure_speed(settings: FitSettings, splits: Splits) -> Speed:
    """The fixed network's training step, with the number of threads that makes it fastest, and an export.

    Without a limit on the wall clock nothing is measured: the run must not depend on how busy the machine is.
    """
    candidate = fixed_candidate(settings, splits)
    counts = len(splits.train), len(splits.valid), len(splits.test)
    if settings.seconds is None:
        return Speed(0.0, candidate.recipe.batch_size, *counts)
    n_threads, seconds = fastest_threads(candidate, splits, most=min(2.0, 0.01 * settings.seconds))
    export_seconds = EXPORT_SECONDS
    if settings.seconds >= REHEARSED:
        with threads.limited(n_threads):
            export_seconds = finals.rehearse_export(candidate, splits)
    return Speed(seconds, candidate.recipe.batch_size, *counts, n_threads, export_seconds)


def fastest_threads(candidate: Candidate, splits: Splits, *, most: float) -> tuple[int, float]:
    """The number of threads that trains ``candidate`` fastest at this moment, and its seconds a step; each is measured for about ``most`` seconds."""
    measured = {}
    for n_threads in threads.candidates():
        with threads.limited(n_threads):
            measured[n_threads] = finals.step_seconds(candidate, splits, most=most)
    fastest = min(measured, key=lambda n: measured[n])
    return fastest, measured[fastest]


def resume(settings: FitSettings, started: float) -> Job:
    """Take up a study where it was left; a longer ``seconds`` or more ``trials`` than before extend it."""
    workspace = Workspace(settings.workspace)
    store = workspace.open(settings.name or latest_unfinished(workspace, settings.data))
    first = next(store.read(), None)
    if first is None or "fit" not in first.data:
        raise StudyError(f"The study {store.folder.name} was not started by fit.", "Resume it with the program that began it.")
    info = first.data["fit"]
    began = FitSettings.from_dict(info["settings"])
    folder = Path(info["data_folder"])
    splits = cache.open_splits(folder)
    now = dataclasses.replace(began, resume=True, workspace=settings.workspace, out=settings.out or began.out, name=store.folder.name)
    plan, speed = Plan.from_dict(info["plan"]), Speed(**info["speed"])
    if settings.seconds != began.seconds or settings.trials != began.trials:
        now = dataclasses.replace(now, seconds=settings.seconds, trials=settings.trials)
        # The proxy stays as it was, or old and new trials could not be compared.
        longer = make_plan(now.seconds, now.trials, 0.0, speed)
        plan = dataclasses.replace(longer, proxy_epochs=plan.proxy_epochs, trial_seconds=plan.trial_seconds)
    return Job(now, store, splits, folder, check(splits), plan, speed, started)


def latest_unfinished(workspace: Workspace, data: Any) -> str:
    """The id of the study of these data that was cut off last. Raises StudyError when there is none, UsageError for data without a name."""
    if not isinstance(data, str):
        raise UsageError("Data in memory have no name to find their study by.", "Name the study to resume.")
    for summary in workspace.list():
        began = ((summary.study or {}).get("fit") or {}).get("settings") or {}
        if summary.state not in ("running", "unreadable") and began.get("data") == data and "result" not in SqliteStore(summary.folder).counts():
            return summary.id
    raise StudyError(f"There is no unfinished study of {data!r} in {workspace.path}.", "Start one without --resume, or name one with --name.")


def _study_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:40] or "data"
