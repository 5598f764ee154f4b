"""Everything before the first trial: read, check and split the data, measure the machine, plan the clock, and make or
find the study.
"""

from __future__ import annotations

import dataclasses
import math
import re
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.automl.evaluation import bank_rate, check_settings, retention_of
from archsmith.automl.final_training import Candidate, Workshop
from archsmith.automl.modality import Findings, Loaded, Modality, modality_of, named
from archsmith.automl.plan import OWN, READING_SHARE, SHARED, Plan, Speed, make_plan
from archsmith.automl.plan_words import lines_of
from archsmith.automl.reference import find_reference
from archsmith.automl.same_study import given_in, is_of, refuse_another
from archsmith.automl.settings import FitSettings, own_epochs, weights_of
from archsmith.automl.speed import measure_speed
from archsmith.bundle import folder
from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.errors import EvaluationError, StudyError, UsageError
from archsmith.core.events import Event
from archsmith.core.job_records import Note
from archsmith.core.records import StudyRecord
from archsmith.core.wording import size
from archsmith.data.examples import Augmentation, Splits
from archsmith.data.stored import kind_of, opened
from archsmith.data.sweeping import sweep
from archsmith.graphs.network_space import NetworkSpace
from archsmith.runtime.extension import Standing
from archsmith.runtime.resuming import MORE_TIME, how_to_go_on, resume_command
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.study_view import StudyView, read_view, try_view
from archsmith.runtime.workspace import Workspace, called
from archsmith.spaces.recipe import OpenRecipe
from archsmith.strategies.race import Race
from archsmith.strategies.race_pool import costs_of
from archsmith.training import device as devices
from archsmith.training.device import Device
from archsmith.training.recipe import Recipe, divided

FIXED = "fixed"
CARRYING_ON = ("race", "halving", "hyperband", "asha")  # strategies that choose the work of a trial themselves
MEMORY_SHARE = 0.8  # of the free memory that trainings may hold, all workers together
PROBE_SHARE = 0.03  # of the budget that a probe of the data may take
DATA_CAP_MB = 20_000.0  # of stored data that a workspace keeps; those of unfinished studies stay in any case
FINISHING = (
    "A person had asked it to finish with the best network so far, and so it does. Ctrl-C twice, and then resume, lets "
    "the search go on."
)

# Of a plan: the first trials of networks stay as they were, or old and new ones could not be compared.
SAME_IN_EXTENSIONS = (
    *("proxy_epochs", "trial_seconds", "n_scored", "anchors", "longest", "timed"),
    *("bank_epochs", "bank_share", "bank_rate", "reference", "unit_seconds"),
)

Tell = Callable[[Event], None]


@dataclasses.dataclass(frozen=True)
class Prospect:
    """Everything that is known before there is a study.

    ``modality``: the kind of data.
    ``findings``: what the checks of the data found.
    ``memory_mb``: what one training may hold; None: no limit.
    ``space``: the search space.
    ``probed``: see ``Modality.probe``.
    ``started``: of this opening, Unix time.
    ``read_seconds``: what reading, checking and measuring took in it.
    """

    settings: FitSettings
    modality: Modality
    splits: Splits
    data_folder: Path
    findings: Findings
    plan: Plan
    speed: Speed
    device: Device
    memory_mb: float | None
    space: NetworkSpace
    probed: Mapping[str, Any]
    started: float
    read_seconds: float = 0.0

    @property
    def recipe(self) -> Recipe:
        return training_of(self.settings, self.modality, self.splits, self.probed)[0]

    @property
    def augmentation(self) -> Augmentation:
        return training_of(self.settings, self.modality, self.splits, self.probed)[1]

    @property
    def workshop(self) -> Workshop:
        repeats = getattr(self.findings, "repeats", {}).get("valid", 0)
        return Workshop(self.modality, self.splits, self.device.torch, self.memory_mb, repeats)

    def lines(self) -> list[str | Note]:
        """What a person is told before it starts."""
        return [*self.findings.lines(), *self.machine, *lines_of(self.plan), *self.needs]

    @property
    def machine(self) -> list[str | Note]:
        """Where networks are trained, and what a probe of the data found, unless the person decided otherwise."""
        decided = self.probed.keys() & self.settings.settings.get("recipe", {}).keys()
        found = "" if decided else self.modality.told(self.probed)
        return [Note(self.device.sentence, self.device.exact), *filter(None, [found])]

    @property
    def needs(self) -> list[str]:
        """What is missing, and the memory and disk that the job takes."""
        of = "" if self.memory_mb is None else f" of {_size(self.memory_mb)}"
        kept = self.plan.searching and self.plan.weights != SHARED  # files of trials
        more = f"; trials keep up to {_size(retention_of(self.settings, self.plan).max_mb)} more" if kept else ""
        return [
            *self.modality.notes(self.settings),
            f"Training the hand-made network takes about {_size(self.speed.memory_mb)}{of} of memory; others may take "
            f"several times as much. The data take {_size(self.data_mb)} of disk{more}.",
        ]

    @property
    def data_mb(self) -> float:
        """Size of the stored data on disk."""
        return sum(file.stat().st_size for file in self.data_folder.iterdir()) / 1e6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job(Prospect):
    """A job that is ready to run, and its study.

    ``store``: of the study.
    ``extended``: was the study given a larger budget than it had?
    ``goes_on``: of a study that goes on: its limits in words.
    ``spent``: seconds on its clock by now.
    ``finishing``: did a person ask it to finish in an earlier opening, and did not take that back?
    ``begun_with``: spec of the strategy that a study which goes on began with.
    """

    store: SqliteStore
    extended: bool = False
    goes_on: str = ""
    spent: float = 0.0
    finishing: bool = False
    begun_with: Mapping[str, Any] | None = None

    def lines(self) -> list[str | Note]:
        kept = self.spent if self.goes_on and not self.extended else None
        told = [*filter(None, [self.goes_on]), *self.findings.lines(), *self.machine]
        plan = [FINISHING] if self.finishing else lines_of(self.plan, extended=self.extended, spent=kept)
        return [*told, *plan, *self.needs]


# What is asked for, as objects


def training_of(
    settings: FitSettings, modality: Modality, splits: Splits | None = None, probed: Mapping[str, Any] | None = None
) -> tuple[Recipe, Augmentation]:
    """The recipe and the augmentation: the defaults for data of this kind and size, what was ``probed``, and the
    person's own settings on top. Raises UsageError for a setting that neither has.
    """
    augmentation = Augmentation if splits is None else splits.augmentation
    chosen = settings.settings.get("recipe", {})
    if splits is None:  # the kind's augmentation is not known yet, so only the recipe's own settings can be checked
        known = {entry.name for entry in dataclasses.fields(Recipe)}
        ours = {name: value for name, value in chosen.items() if name in known}
        theirs: dict[str, Any] = {}
    else:
        ours, theirs = divided(chosen, Recipe, augmentation)
    defaults = dataclasses.asdict(modality.recipe())
    recipe: Recipe = catalog.build(Recipe, {**defaults, "balance": settings.balance, **ours})
    if splits is not None and "batch_size" not in chosen:
        recipe = recipe.sized(len(splits.train))
    fields = {entry.name for entry in dataclasses.fields(augmentation)}
    found = {name: value for name, value in (probed or {}).items() if name in fields}
    return recipe, catalog.build(augmentation, {**found, **theirs})


def _space_class(name: str) -> type[NetworkSpace]:
    cls = catalog.get("space", name)
    if not issubclass(cls, NetworkSpace):
        raise UsageError(
            f"The space {name!r} has no networks, so it cannot be trained.", "See: archsmith catalog space"
        )
    return cls


def space_of(
    settings: FitSettings, modality: Modality, splits: Splits, probed: Mapping[str, Any], weights: str = OWN
) -> NetworkSpace:
    """The search space for these data. Raises UsageError for a space that lays out no networks.

    Where ``weights`` are shared it asks for no recipe: no trial would be trained with it. What the person has set, and
    what has no effect on a regression target, is no question.
    """
    cls = _space_class(settings.space or modality.space)
    recipe = None if weights == SHARED else modality.recipe_space(probed)
    given = {**settings.settings.get("recipe", {}), **({"label_smoothing": 0.0} if splits.is_regression else {})}
    if recipe is not None and given:
        recipe = OpenRecipe(recipe, given)
    plain = cls.for_task(splits.task, recipe=recipe)
    chosen = settings.settings.get("space", {})
    return catalog.build(cls, {**catalog.to_spec(plain)["args"], **chosen}) if chosen else plain  # type: ignore[no-any-return]


def strategy_of(settings: FitSettings) -> Any:
    """The strategy, seeded with the space's first architecture where it can be."""
    cls = catalog.get("strategy", settings.strategy)
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    start = {"start": True} if "start" in names else {}
    return catalog.build(cls, {**start, **settings.settings.get("strategy", {})})


def is_raced(settings: FitSettings, plan: Plan) -> bool:
    """Is there a race around the strategy that was asked for? One that carries on with trainings itself needs none."""
    return plan.pooled and settings.strategy not in CARRYING_ON


def race_of(
    settings: FitSettings,
    modality: Modality,
    space: NetworkSpace,
    plan: Plan,
    errors: Mapping[str, float] | None = None,
    rival: float | None = None,
    seconds: tuple[float, float] | None = None,
    n_train: int | None = None,
) -> Any:
    """What decides who is trained: a race, in which the strategy that was asked for proposes new entrants.

    ``errors``: of the baselines, by name, on the validation split. ``rival``: see Race. ``seconds``: that all trials
    may take, and that they may take as long as the rival is ahead of them; None: no limit. ``n_train``: training
    examples.
    """
    strategy = strategy_of(settings)
    if not is_raced(settings, plan):
        return strategy
    seeds = tuple(dict(seed) for seed in modality.seeds(space).values())
    epochs = None if plan.total_work is None else min(plan.total_work, plan.longest or plan.total_work)
    seen = None if epochs is None or n_train is None else epochs * n_train
    prior = modality.curves(errors or {}, seen)
    anchors = min(1 if prior.levels else plan.anchors, len(seeds))
    limits: list[float | None] = [None, None]
    if seconds is not None and plan.unit_seconds:
        limits = [settings.workers * some / plan.unit_seconds for some in seconds]
    return Race(
        seeds,
        anchors,
        rows=plan.n_scored,
        inner=strategy,
        prior=prior,
        most_epochs=plan.longest or None,
        unit_seconds=plan.unit_seconds,
        rival=rival,
        most_work=limits[0],
        most_work_with_rival=limits[1],
    )


def as_it_began(race: Any, begun_with: Mapping[str, Any] | None) -> Any:
    """``race`` as it would be if no more were known beforehand than when its study began: a version that knows more
    goes on with that study.
    """
    if not isinstance(race, Race) or begun_with is None:
        return race
    before = catalog.from_spec(begun_with, "strategy")
    if not isinstance(before, Race):
        return race
    return dataclasses.replace(race, seeds=before.seeds, anchors=before.anchors, prior=before.prior)


def fixed_candidate(settings: FitSettings, modality: Modality, splits: Splits, probed: Mapping[str, Any]) -> Candidate:
    """The hand-made network that every search has to beat."""
    space, architecture = modality.fixed(splits)
    recipe, augmentation = training_of(settings, modality, splits, probed)
    return Candidate(FIXED, space.graph(architecture), recipe, architecture, space, augmentation)


# Starting


def start(settings: FitSettings, started: float, tell: Tell) -> Job:
    """Read, check and split the data, measure the machine, and only then make a study. ``tell`` hears how far the
    reading is.
    """
    modality, workspace = checked(settings), Workspace(settings.workspace)
    if settings.name is not None:
        workspace.refuse_taken(settings.name)
    check_out(settings, None)
    began = time.time()
    seconds = None if settings.seconds is None else READING_SHARE * settings.seconds
    loaded = modality.load(settings, workspace.path / "data", seconds, _Telling(tell, began))
    tidy(workspace, loaded)
    found = measured(settings, modality, loaded, started, began)
    store = workspace.create(
        settings.name or _study_name(_short_name(settings, loaded.splits)), only=settings.name is not None
    )
    return Job(**{entry.name: getattr(found, entry.name) for entry in dataclasses.fields(found)}, store=store)


def checked(settings: FitSettings) -> Modality:
    """The kind of the data. Raises UsageError for wrong names, which are found before the data are read."""
    strategy_of(settings)
    check_settings(settings, weights_of(settings))
    if settings.space is not None:
        _space_class(settings.space)
    modality = modality_of(settings)
    training_of(settings, modality)
    devices.choose(settings.device)
    return modality


def tidy(workspace: Workspace, loaded: Loaded) -> None:
    """Remove stored data that were not used for longest, where there are too many. ``loaded`` stay."""
    sweep(workspace.path / "data", {loaded.folder.name, *_needed(workspace)}, DATA_CAP_MB)


def measured(settings: FitSettings, modality: Modality, loaded: Loaded, started: float, began: float) -> Prospect:
    """Measure the machine on data that were read, and plan the clock. Nothing is written.

    ``started``: of the job, ``began``: of reading the data, both Unix time.
    """
    splits, device = loaded.splits, devices.choose(settings.device)
    _refuse_for_regression(settings, splits)
    memory_mb = settings.memory_mb or _share_of_free(device, settings.workers)
    workshop = Workshop(modality, splits, device.torch, memory_mb)
    most = None if settings.seconds is None else PROBE_SHARE * settings.seconds
    probed = modality.probe(splits, device.torch, settings.seed, most)
    space = space_of(settings, modality, splits, probed)
    fixed = fixed_candidate(settings, modality, splits, probed)
    _refuse_little_memory(settings, workshop, fixed)
    speed = measure_speed(fixed, workshop, settings.seconds)
    reference = find_reference(space, fixed, workshop, settings.seed, speed, settings.seconds)
    speed = dataclasses.replace(speed, cost=reference.cost)
    plan = make_plan(
        settings.seconds,
        settings.trials,
        time.time() - started,
        speed,
        own_epochs(settings),
        weights_of(settings),
        n_families(modality.seeds(space)),
        asked=settings.space is not None,
        failure=reference.failure,
    )
    rate = bank_rate(fixed.recipe) if plan.weights == SHARED else None
    plan = dataclasses.replace(plan, reference=reference.decisions, bank_rate=rate)
    return Prospect(
        settings,
        modality,
        splits,
        loaded.folder,
        loaded.findings,
        plan,
        speed,
        device,
        memory_mb,
        space_of(settings, modality, splits, probed, plan.weights),
        probed,
        started,
        time.time() - began,
    )


def _refuse_for_regression(settings: FitSettings, splits: Splits) -> None:
    """Raises UsageError for what only classes can have, where the targets turn out to be numbers."""
    if not splits.is_regression:
        return
    if settings.balance:
        raise UsageError("Only classes can be balanced.", "Leave out --balance for a regression target.")
    for name in ("balance", "label_smoothing"):
        if name in settings.settings.get("recipe", {}):
            raise UsageError(f"The setting recipe.{name} has no effect on a regression target.", "Leave it out.")


def _refuse_little_memory(settings: FitSettings, workshop: Workshop, fixed: Candidate) -> None:
    """Raises UsageError where a person allows less memory than the hand-made network needs."""
    try:
        workshop.fitted(fixed)
    except EvaluationError as error:
        if settings.memory_mb is None:
            raise
        raise UsageError(error.message, "Allow more with --memory-mb, or leave it out.") from error


def n_families(seeds: Mapping[str, Architecture]) -> int:
    """How many of the seeds are the first of their family, or differ where there are no families; at least 1."""
    return max(1, len({seed.get(Race.family, name) for name, seed in seeds.items()}))


def _needed(workspace: Workspace) -> set[str]:
    """Names of the data folders of jobs that have not come to their end, or whose study cannot be read here."""
    views = [try_view(summary.folder) for summary in workspace.list()]
    folders = [view.job.fit.get("data_folder") for view in views if not view.ended]
    unreadable = [_data_folder_in(view.folder) for view in views if view.why_unreadable is not None and view.folder]
    return {Path(folder).name for folder in (*folders, *unreadable) if folder}


def _data_folder_in(study: Path) -> str | None:
    """What the first event of a study says of its data, though the rest cannot be read; None where nothing can."""
    try:
        began = next(iter(SqliteStore(study).read()), None)
        return None if began is None else str(began.data["fit"]["data_folder"])
    except Exception:  # whatever is wrong with one study, nobody else is to be stopped by it
        return None


class _Telling:
    """Tells how far the reading is; not before there is something to read, so that what cannot be read is answered by
    one sentence.
    """

    def __init__(self, tell: Tell, began: float) -> None:
        self._tell, self._began, self._started = tell, began, False

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self._started:
            data = {"name": "read", "state": "started", "detail": ""}
            self._tell(Event("phase", data, time=self._began))
            self._started = True
        self._tell(Event("progress", {"what": what, "done": done, "total": total}, time=time.time()))


def _share_of_free(device: Device, workers: int) -> float | None:
    free = devices.free_memory_mb(device.torch)
    return None if free is None else MEMORY_SHARE * free / workers


def check_out(settings: FitSettings, study: str | None) -> None:
    """Raises UsageError where the bundle of ``study`` cannot be put into ``out``: something else lies there, or the
    bundle of another study that nobody wants to be replaced.
    """
    if settings.out is None:
        return
    folder.check_target(settings.out)
    if not settings.replace:
        folder.refuse_others(settings.out, study)


# Resuming


def resume(settings: FitSettings, started: float) -> Job | None:
    """Take up a study where it was left; a longer ``seconds`` or more ``trials`` than before extend it.

    None when there is no study of these data yet: then the one that was asked for did not get as far as its first
    event.
    """
    workspace, resumed = Workspace(settings.workspace), time.time()
    given = given_in(settings)
    name = known(workspace, settings.name) if settings.name is not None else latest_unfinished(workspace, given)
    if name is None:
        return None
    store = workspace.open(name)
    view = job_view(store.folder)
    refuse_another(view.job.fit, given)
    began, plan, speed = settings_in(view), Plan.from_dict(view.job.plan), Speed.from_dict(view.job.speed)
    data = _data_folder(view.job.fit, workspace)
    modality, splits = named(kind_of(str(data))), opened(str(data))
    device = devices.choose(began.device)
    probed = view.job.fit.get("probed", {})
    memory_mb = view.job.fit["memory_mb"]  # as it was, or the same network might get another batch
    now = dataclasses.replace(
        began,
        resume=True,
        workspace=settings.workspace,
        out=settings.out or began.out,
        replace=settings.replace,  # what was replaced once may be another study's by now
        name=store.folder.name,
    )
    standing, limits = Standing.of(view), Budget(settings.seconds, settings.trials)
    standing.refuse_idle(limits)
    check_out(now, store.folder.name)
    extended = limits != standing.before
    if extended:
        now = dataclasses.replace(now, seconds=settings.seconds, trials=settings.trials)
        if now.seconds is not None and not (speed.step_seconds and len(view.history)):
            workshop = Workshop(modality, splits, device.torch, memory_mb)
            again = measure_speed(fixed_candidate(now, modality, splits, probed), workshop, now.seconds)
            # It may have been busy when it was measured. Where it is slower now, trials cost more than their work.
            if not speed.step_seconds or again.step_seconds < speed.step_seconds:
                speed = dataclasses.replace(again, cost=speed.cost)
        begun, _ = costs_of(view.history, (), plan.unit_seconds)
        trials = now.trials
        if trials is not None and now.seconds is not None and plan.pooled:  # then a plan counts those that follow
            trials = max(1, trials - len(view.history))
        longer = make_plan(
            now.seconds,
            trials,
            standing.seconds + time.time() - started,
            speed,
            own_epochs(now),
            plan.weights,
            plan.anchors,
            asked=now.space is not None,
            failure=plan.failure,
            begun=math.fsum(begun.values()) if plan.pooled else 0.0,
        )
        same = {name: getattr(plan, name) for name in SAME_IN_EXTENSIONS}
        plan = dataclasses.replace(longer, **same)
    findings = modality.findings(view.job.fit["findings"])
    began_ago = time.time() - started
    return Job(
        now,
        modality,
        splits,
        data,
        findings,
        plan,
        speed,
        device,
        memory_mb,
        catalog.from_spec(_began(view).space, "space"),
        probed,
        started,
        time.time() - resumed,
        store=store,
        extended=extended,
        goes_on=standing.told(limits, began_ago),
        spent=standing.seconds + began_ago,
        finishing=view.asked_to_stop and not extended,
        begun_with=_began(view).strategy,
    )


def job_view(folder: Path) -> StudyView:
    """A study that a job began. Raises StudyError for one of another kind."""
    view = read_view(folder)
    if not view.job.fit:
        raise StudyError(
            f"The study {view.id} was not begun by fit.",
            how_to_go_on(called(folder), _began(view).to_data()),
        )
    return view


def _began(view: StudyView) -> StudyRecord:
    assert view.began is not None  # a job view has it
    return view.began


def settings_in(view: StudyView) -> FitSettings:
    """What a job was asked for, as its last extension left it. Raises UsageError where that names code (see
    ``catalog.refuse_code``): a study may be somebody else's.
    """
    found = FitSettings.from_dict(view.job.settings)
    catalog.refuse_code([{"type": found.space}, {"type": found.strategy}, found.settings])
    return found


def _data_folder(fit: Mapping[str, Any], workspace: Workspace) -> Path:
    """Where the study's data lie: where they were, or in a workspace that was moved."""
    was = Path(fit["data_folder"])
    moved = workspace.path / "data" / was.name
    return moved if not was.exists() and moved.exists() else was


def known(workspace: Workspace, name: str) -> str | None:
    """The id of the study that ``name`` or its beginning stands for; None when there is none."""
    found = [summary.id for summary in workspace.list() if summary.id.startswith(name)]
    return name if name in found or len(found) > 1 else next(iter(found), None)


def latest_unfinished(workspace: Workspace, given: Mapping[str, Any]) -> str | None:
    """The id of the study that was cut off last, of those that learn the same from the same data; None when there is
    none. ``given``: settings by name, with ``data``, see ``same_study``.

    Raises UsageError when all these studies are running or have come to their end, and for data without a name.
    """
    if not isinstance(given["data"], str):
        raise UsageError("Data in memory have no name to find their study by.", "Name the study to resume.")
    finished = running = None
    for summary in workspace.list():
        if summary.began is None or not summary.began.fit or not is_of(summary.began.fit, given):
            continue
        if summary.state == "running":
            running = running or summary
            continue
        view = try_view(summary.folder)
        if view.why_unreadable is None and not view.complete:
            return summary.id
        finished = finished or (summary if view.why_unreadable is None else None)
    if running is not None:
        which = shlex.quote(str(called(running.folder)))
        raise UsageError(
            f"The study {running.id} of {given['data']!r} is running.",
            f"Wait for it, or end it first: archsmith studies stop {which} --now; or start a new one without --resume.",
        )
    if finished is None:
        return None
    more = resume_command(called(finished.folder), finished.study or {}, *MORE_TIME)
    raise UsageError(
        f"There is no unfinished study of {given['data']!r} in {workspace.path}: {finished.id} has come to its end.",
        f"Give it more: {more}; or start a new one without --resume.",
    )


def _short_name(settings: FitSettings, splits: Splits) -> str:
    """That of the data. Those in memory have none, so that of their target, where it has one."""
    named = isinstance(settings.data, str) or splits.kind != "table" or splits.target == "target"
    return splits.name if named else splits.target


def _study_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:40] or "data"


def _size(megabytes: float) -> str:
    return size(round(1e6 * megabytes))
