"""``archsmith search --data``: read and split a data set, and build the space, the evaluator and the problem for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

IMAGE, TABLE = "image", "table"  # kinds of data
SPACES = {IMAGE: "conv_stages", TABLE: "tabular"}  # kind of data -> default search space
EVALUATOR = "training"  # the default
EPOCHS = 4.0  # default of a trial
SHARE = 0.03  # of the budget that measuring may take
HOPELESS = 0.5  # part of a training that fits into the budget by the forecast, which may be wrong by half
WANTED = 3  # trials that what is advised leaves time for
FEWEST_EPOCHS = 0.5  # that are worth advising


def problem_on(
    data: str,
    space: str | None,
    evaluator: str | None,
    given: Mapping[str, Mapping[str, Any]],
    objectives: tuple[Any, ...],
    constraints: tuple[Any, ...],
    epochs: float | None,
    *,
    root: Path,
    seed: int,
    **reading: Any,
) -> tuple[Any, Any]:
    """The problem and the evaluator for ``data``.

    ``space``, ``evaluator``: names in the catalogue; None: the default for this kind of data.
    ``given``: settings of space and evaluator. The input shapes come from the data.
    ``epochs``: most epochs of a trial; None: the default.
    ``root``: folder of the stored data.
    ``reading``: how the data are read, by fields of ``FitSettings``: ``target``, ``task``, ``ignore``, ``balance``,
        ``image``, ``side``.

    Raises UsageError for a space without networks and for an evaluator that reads no data, before anything is read.
    Raises DataError for data that cannot be used.
    """
    import dataclasses

    from archsmith import catalog
    from archsmith.automl.settings import FitSettings
    from archsmith.core.errors import UsageError
    from archsmith.core.problem import Fidelity, Problem
    from archsmith.core.protocols import default_objectives, uses_fidelity
    from archsmith.graphs.network_space import NetworkSpace

    kind = IMAGE if "image" in reading or "side" in reading else kind_of(data)
    settings = FitSettings(data, seed=seed, modality=kind, **reading)
    space_class, cls = catalog.get("space", space or SPACES[kind]), catalog.get("evaluator", evaluator or EVALUATOR)
    if not issubclass(space_class, NetworkSpace):
        raise UsageError(
            f"The space {space!r} has no networks, so it cannot be searched on data.", "See: archsmith catalog space"
        )
    fields = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    if not fields >= {"data", "space"}:
        raise UsageError(
            f"The evaluator {evaluator!r} reads no data.",
            "Use training, shared_weights, proxies, or one of your own.",
        )
    loaded = _read(settings, root)
    task = loaded.splits.task
    shapes = catalog.to_spec(space_class.for_task(task))["args"]
    chosen = catalog.build(space_class, {**shapes, **given.get("space", {})})
    args = {"space": catalog.to_spec(chosen), "data": str(loaded.folder), **given.get("evaluator", {})}
    if loaded.splits.balanced and "recipe" in fields:
        args["recipe"] = {"balance": True, **args.get("recipe", {})}
    built = catalog.build(cls, args)
    if uses_fidelity(built):
        most = epochs or EPOCHS
        fidelity = Fidelity("epochs", most / 4, most)
    elif epochs is None:
        fidelity = Fidelity()
    else:
        raise UsageError(
            f"--epochs has no effect on the evaluator {evaluator!r}, which trains no network by itself.",
            "Leave it out. How long shared weights are trained: --set evaluator.recipe.epochs=N.",
        )
    return Problem(chosen, objectives or default_objectives(built), constraints, fidelity), built


def forecast_trials(
    evaluator: Any, problem: Any, budget: Any, seed: int, *, workers: int = 1, own_epochs: bool = False
) -> float | None:
    """How many trials the budget allows, measured on one network of the space, and told on standard error. None where
    nothing can be measured: without a limit on the time, or with another evaluator than training.

    ``workers``: trainings at the same time, each on one thread. One does not end sooner for it.
    ``own_epochs``: does the strategy choose the epochs of each trial? Then None: what a training takes is told, and how
        many there are is not known.

    Raises UsageError where not one trial would come to its end.
    """
    from archsmith.automl.reference import trial_seconds
    from archsmith.cli.output import to_stderr
    from archsmith.core.errors import EvaluationError, UsageError
    from archsmith.core.wording import amount, clock, measure, number

    if budget.seconds is None:
        return None
    epochs, least = problem.fidelity.maximum, problem.fidelity.minimum if own_epochs else problem.fidelity.maximum
    try:
        most, n_threads = SHARE * budget.seconds, 1 if workers > 1 else None
        seconds = trial_seconds(evaluator, epochs, seed, most=most, n_threads=n_threads)
    except EvaluationError as error:  # the trials will say the same, and the study keeps it
        to_stderr(str(error))
        return None
    if seconds is None:
        return None
    rounds = budget.seconds / seconds  # trainings that a worker has time for, one after the other
    shortest = rounds * epochs / least  # the same, of the shortest that there are
    of = least if shortest < 1 else epochs
    takes = f"Training a network of this space for {measure(of, 'epochs')} takes {_about(seconds * of / epochs)} here"
    wanted = math.ceil(WANTED / workers)
    fewer = epochs * rounds / wanted
    other = f"--epochs {fewer:.2g}, " if fewer >= FEWEST_EPOCHS else ""
    advice = f"Give --time {math.ceil(wanted * seconds / 60)}m, {other}or smaller networks (--set space.…)."
    if shortest < HOPELESS:
        raise UsageError(f"{takes}, so none would end in {clock(budget.seconds)}.", advice)
    fits = workers * math.floor(rounds)
    if shortest < 1:
        to_stderr(f"{takes}, so perhaps none ends in {clock(budget.seconds)}. {advice}")
    elif own_epochs:
        to_stderr(f"{takes}. The strategy chooses the epochs of each trial: {number(least)} to {number(epochs)}.")
    else:
        to_stderr(f"{takes}: there is time for about {amount(fits, 'trial')}.")
    if own_epochs:
        return None
    return float(max(1, fits if budget.trials is None else min(fits, budget.trials)))


def _about(seconds: float) -> str:
    from archsmith.core.wording import clock

    return f"about {clock(seconds)}" if seconds >= 1 else "less than a second"


def kind_of(data: str) -> str:
    """``image`` or ``table``. A name that looks like neither is taken for pictures, whose reader says what is wrong."""
    from archsmith.data.images.recognise import recognised as is_image
    from archsmith.data.tables.recognise import recognised as is_table

    return TABLE if is_table(data) and not is_image(data) else IMAGE


def _read(settings: Any, root: Path) -> Any:
    """The loaded data. A bar on standard error shows the progress."""
    from rich.console import Console
    from rich.progress import Progress

    from archsmith.automl.modality import named
    from archsmith.cli.output import to_stderr

    with Progress(console=Console(stderr=True, emoji=False), transient=True) as shown:
        task = shown.add_task(f"reading {settings.data}", total=None)

        def progress(what: str, done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        loaded = named(settings.modality).load(settings, root, None, progress)
    to_stderr(*loaded.findings.lines())
    return loaded
