"""Everything before the first trial: read, check and split the data, measure the machine, plan the clock, and make or
find the study.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.automl.evaluation import check_settings
from archsmith.automl.finals import Candidate, Workshop
from archsmith.automl.plan import EXPORT_SECONDS, INHERITED, OWN, READING_SHARE, SHARED, Plan, Speed, make_plan
from archsmith.automl.settings import ENAS, FitSettings
from archsmith.core.errors import StudyError, UsageError
from archsmith.core.events import Event
from archsmith.data.examples import Splits
from archsmith.data.images.checks import Report
from archsmith.data.images.load import load
from archsmith.graphs.network_space import NetworkSpace
from archsmith.runtime.retention import Retention
from archsmith.runtime.search import seconds_spent
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.workspace import Workspace
from archsmith.spaces.conv_stages import ConvStages
from archsmith.spaces.recipe import ImageRecipe
from archsmith.training import device as devices
from archsmith.training import threads
from archsmith.training.device import Device
from archsmith.training.memory import step_memory_mb
from archsmith.training.recipe import Recipe

FIXED = "fixed"
# from this budget on an export is rehearsed before anything else: it is measured, and what is wrong with it comes out
# first
REHEARSED = 25.0
MEMORY_SHARE = 0.8  # of the free memory that trainings may hold, all workers together
DATA_CAP_MB = 20_000.0  # of decoded pictures that a workspace keeps; those of unfinished studies stay in any case
SAMPLED_ORIGINALS = 20  # test pictures that are read as they came, to know how long that takes

Tell = Callable[[Event], None]


@dataclasses.dataclass(frozen=True)
class Job:
    """A job that is ready to run: everything that is known before the first trial.

    ``started`` is Unix time of this opening, ``read_seconds`` what reading, checking and measuring took in it;
    ``extended`` says that the study was given a larger budget than it had.
    """

    settings: FitSettings
    store: SqliteStore
    splits: Splits
    data_folder: Path
    report: Report
    plan: Plan
    speed: Speed
    device: Device
    memory_mb: float | None
    started: float
    read_seconds: float = 0.0
    extended: bool = False

    @property
    def recipe(self) -> Recipe:
        return recipe_of(self.settings, self.splits)

    def lines(self) -> list[str]:
        """What a person is told before it starts."""
        n_kept = {OWN: 10, INHERITED: 40, SHARED: 0}[self.plan.weights]
        kept = n_kept * 12 * self.speed.params / 1e6  # trials' checkpoints: weights, momentum, averaged weights
        disk = self.data_mb + min(kept, self.settings.disk_mb or Retention().max_mb)
        of = "" if self.memory_mb is None else f" of {_size(self.memory_mb)}"
        return [
            *self.report.lines(),
            self.device.sentence,
            *self.plan.lines(),
            f"One training holds about {_size(self.speed.memory_mb)}{of} of memory; data and trials take about "
            f"{_size(disk)} of disk.",
        ]

    @property
    def data_mb(self) -> float:
        """Size of the decoded pictures on disk."""
        return sum(file.stat().st_size for file in self.data_folder.iterdir()) / 1e6

    @property
    def workshop(self) -> Workshop:
        return Workshop(self.splits, self.device.torch, self.memory_mb)


def recipe_of(settings: FitSettings, splits: Splits | None = None) -> Recipe:
    """The defaults of training for data of this size, with the person's own settings on top."""
    chosen = settings.settings.get("recipe", {})
    recipe: Recipe = catalog.build(Recipe, {"balance": settings.balance, **chosen})
    return recipe if splits is None or "batch_size" in chosen else recipe.sized(len(splits.train))


def space_of(settings: FitSettings, splits: Splits, weights: str = OWN) -> NetworkSpace:
    """The search space for these data. Raises UsageError for a space that lays out no networks.

    Where ``weights`` are shared it asks for no recipe: no trial would be trained with it.
    """
    cls = catalog.get("space", settings.space)
    if not issubclass(cls, NetworkSpace):
        raise UsageError(
            f"The space {settings.space!r} has no networks, so it cannot be trained.", "See: archsmith catalog space"
        )
    plain = cls.for_task(splits.task, recipe=None if weights == SHARED else ImageRecipe())
    chosen = settings.settings.get("space", {})
    return catalog.build(cls, {**catalog.to_spec(plain)["args"], **chosen}) if chosen else plain  # type: ignore[no-any-return]


def weights_of(settings: FitSettings) -> str:
    """Where trials are to have their weights from, as the plan is asked."""
    return SHARED if settings.strategy == ENAS else settings.weights


def strategy_of(settings: FitSettings) -> Any:
    """The strategy, seeded with the space's first architecture where it can be."""
    cls = catalog.get("strategy", settings.strategy)
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return catalog.build(
        cls, {**({"start": True} if "start" in names else {}), **settings.settings.get("strategy", {})}
    )


def fixed_candidate(settings: FitSettings, splits: Splits) -> Candidate:
    """The hand-made residual network that every search has to beat."""
    space = ConvStages.for_task(splits.task)
    architecture = space.first()
    return Candidate(FIXED, space.graph(architecture), recipe_of(settings, splits), architecture, space)


def start(settings: FitSettings, started: float, tell: Tell) -> Job:
    """Read, check and split the data, measure the machine, and only then make a study. ``tell`` hears how far the
    reading is.
    """
    strategy_of(settings)  # a wrong name is found before the data are read
    recipe_of(settings)
    check_settings(settings)
    device = devices.choose(settings.device)
    workspace = Workspace(settings.workspace)
    began = time.time()
    telling = _Telling(tell, began)
    prepared = load(
        settings.data,
        workspace.path / "data",
        seed=settings.seed,
        side=settings.side,
        kind=settings.kind,
        balanced=settings.balance,
        image=settings.image,
        target=settings.target,
        seconds=None if settings.seconds is None else READING_SHARE * settings.seconds,
        progress=telling,
    )
    splits = prepared.splits
    cache.sweep(workspace.path / "data", {prepared.folder.name, *_needed(workspace)}, DATA_CAP_MB)
    space_of(settings, splits)
    memory_mb = settings.memory_mb or _share_of_free(device, settings.workers)
    workshop = Workshop(splits, device.torch, memory_mb)
    speed = measure_speed(settings, workshop)
    plan = make_plan(
        settings.seconds, settings.trials, time.time() - started, speed, _own_epochs(settings), weights_of(settings)
    )
    store = workspace.create(settings.name or _study_name(splits.name))
    return Job(
        settings,
        store,
        splits,
        prepared.folder,
        prepared.report,
        plan,
        speed,
        device,
        memory_mb,
        started,
        time.time() - began,
    )


def _needed(workspace: Workspace) -> set[str]:
    """Names of the data folders of jobs that have not come to their end."""
    unfinished = (
        summary
        for summary in workspace.list()
        if summary.state != "unreadable" and not has_ended(SqliteStore(summary.folder))
    )
    infos = ((summary.study or {}).get("fit") or {} for summary in unfinished)
    return {Path(info["data_folder"]).name for info in infos if "data_folder" in info}


class _Telling:
    """Tells how far the reading is; not before there is something to read, so that what cannot be read is answered by
    one sentence.
    """

    def __init__(self, tell: Tell, began: float) -> None:
        self._tell, self._began, self._started = tell, began, False

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self._started:
            self._tell(
                Event(
                    "phase",
                    {"name": "read", "state": "started", "detail": "pictures, checks, speed of this machine"},
                    time=self._began,
                )
            )
            self._started = True
        self._tell(Event("progress", {"what": what, "done": done, "total": total}, time=time.time()))


def _own_epochs(settings: FitSettings) -> float | None:
    """The most epochs of a training, where the person has said so (``--set recipe.epochs=20``)."""
    epochs = settings.settings.get("recipe", {}).get("epochs")
    return None if epochs is None else float(epochs)


def _share_of_free(device: Device, workers: int) -> float | None:
    free = devices.free_memory_mb(device.torch)
    return None if free is None else MEMORY_SHARE * free / workers


def measure_speed(settings: FitSettings, workshop: Workshop) -> Speed:
    """The fixed network's training step, with the number of threads that makes it fastest, and an export.

    Without a limit on the wall clock nothing is measured: the run must not depend on how busy the machine is.
    """
    splits = workshop.splits
    candidate = fixed_candidate(settings, splits)
    counts = len(splits.train), len(splits.valid), len(splits.test)
    size = {
        "params": candidate.params,
        "memory_mb": step_memory_mb(candidate.graph, min(candidate.recipe.batch_size, len(splits.train))),
    }
    if settings.seconds is None:
        return Speed(0.0, candidate.recipe.batch_size, *counts, **size)
    n_threads, seconds = fastest_threads(candidate, workshop, most=min(2.0, 0.01 * settings.seconds))
    export_seconds = EXPORT_SECONDS
    if settings.seconds >= REHEARSED:
        with threads.limited(n_threads):
            export_seconds = workshop.rehearse_export(candidate)
    with threads.limited(n_threads):
        picture_seconds = workshop.picture_seconds(candidate)
    return Speed(
        seconds,
        candidate.recipe.batch_size,
        *counts,
        n_threads,
        export_seconds,
        picture_seconds,
        _original_seconds(splits),
        **size,
    )


def _original_seconds(splits: Splits) -> float:
    """Seconds of reading one test picture as it came."""
    began, n = time.perf_counter(), min(SAMPLED_ORIGINALS, len(splits.test))
    for index in range(n):
        splits.test.original(index)
    return (time.perf_counter() - began) / n


def fastest_threads(candidate: Candidate, workshop: Workshop, *, most: float) -> tuple[int | None, float]:
    """The number of threads that trains ``candidate`` fastest at this moment, and its seconds a step; each is measured
    for about ``most`` seconds.

    On a graphics card the number does not matter: None.
    """
    if workshop.device.type != "cpu":
        return None, workshop.step_seconds(candidate, most=most)
    measured: dict[int | None, float] = {}
    for n_threads in threads.candidates():
        with threads.limited(n_threads):
            measured[n_threads] = workshop.step_seconds(candidate, most=most)
    fastest = min(measured, key=lambda n: measured[n])
    return fastest, measured[fastest]


def resume(settings: FitSettings, started: float) -> Job | None:
    """Take up a study where it was left; a longer ``seconds`` or more ``trials`` than before extend it.

    None when there is no study of these data yet: then the one that was asked for did not get as far as its first
    event.
    """
    workspace = Workspace(settings.workspace)
    name = known(workspace, settings.name) if settings.name is not None else latest_unfinished(workspace, settings.data)
    if name is None:
        return None
    store = workspace.open(name)
    standing = standing_of(store)
    began, plan, speed, info = standing.settings, standing.plan, standing.speed, standing.info
    folder = Path(info["data_folder"])
    splits = cache.open_splits(folder)
    device = devices.choose(began.device)
    memory_mb = info["memory_mb"]  # as it was, or the same network might get another batch
    now = dataclasses.replace(
        began, resume=True, workspace=settings.workspace, out=settings.out or began.out, name=store.folder.name
    )
    extended = settings.seconds != began.seconds or settings.trials != began.trials
    if extended:
        now = dataclasses.replace(now, seconds=settings.seconds, trials=settings.trials)
        if now.seconds is not None and not speed.step_seconds:
            speed = measure_speed(now, Workshop(splits, device.torch, memory_mb))
        # The proxy stays as it was, or old and new trials could not be compared.
        spent = seconds_spent(store.read()) if standing.ended else 0.0
        longer = make_plan(now.seconds, now.trials, spent, speed, _own_epochs(now), plan.weights)
        same = {name: getattr(plan, name) for name in ("proxy_epochs", "trial_seconds", "bank_epochs", "bank_share")}
        plan = dataclasses.replace(longer, **same)
    report = Report.from_dict(info["report"])
    return Job(now, store, splits, folder, report, plan, speed, device, memory_mb, started, extended=extended)


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a job stands by its log: ``settings``, ``plan`` and ``speed`` as the last extension left them, ``info`` as
    it began, and whether it has come to its end since; ``stopped_by`` says why its last search ended.
    """

    settings: FitSettings
    plan: Plan
    speed: Speed
    info: dict[str, Any]
    ended: bool
    stopped_by: str | None


def standing_of(store: SqliteStore) -> Standing:
    """Raises StudyError for a study that ``fit`` did not begin."""
    events = iter(store.read())
    first = next(events, None)
    if first is None or "fit" not in first.data:
        name = store.folder.name
        raise StudyError(
            f"The study {name} was not begun by fit.", f"Go on with it by: archsmith studies resume {name}"
        )
    info = first.data["fit"]
    limits, ended, reason = info, False, None
    for event in events:
        if event.kind == "extended":
            limits, ended = event.data, False
        elif event.kind == "result":
            ended, reason = True, event.data["stop_reason"]
    settings = FitSettings.from_dict(
        {**info["settings"], **{name: limits["settings"][name] for name in ("seconds", "trials")}}
    )
    return Standing(settings, Plan.from_dict(limits["plan"]), Speed(**limits["speed"]), info, ended, reason)


def has_ended(store: SqliteStore) -> bool:
    """Has the job of this study come to its end? False for a study of another kind."""
    try:
        return standing_of(store).ended
    except StudyError:
        return False


def known(workspace: Workspace, name: str) -> str | None:
    """The id of the study that ``name`` or its beginning stands for; None when there is none."""
    found = [summary.id for summary in workspace.list() if summary.id.startswith(name)]
    return name if name in found or len(found) > 1 else next(iter(found), None)


def latest_unfinished(workspace: Workspace, data: Any) -> str | None:
    """The id of the study of these data that was cut off last, None when there is no study of them.

    Raises StudyError when all studies of these data have come to their end, UsageError for data without a name.
    """
    if not isinstance(data, str):
        raise UsageError("Data in memory have no name to find their study by.", "Name the study to resume.")
    finished = None
    for summary in workspace.list():
        began = ((summary.study or {}).get("fit") or {}).get("settings") or {}
        if summary.state in ("running", "unreadable") or began.get("data") != data:
            continue
        if not has_ended(SqliteStore(summary.folder)):
            return summary.id
        finished = finished or summary.id
    if finished is None:
        return None
    raise StudyError(
        f"There is no unfinished study of {data!r} in {workspace.path}: {finished} has come to its end.",
        f"Give it more: archsmith studies resume {finished} --time +20m; or start a new one without --resume.",
    )


def _study_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:40] or "data"


def _size(megabytes: float) -> str:
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
