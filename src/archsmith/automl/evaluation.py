"""Builds the evaluator of a job: it trains each architecture, from scratch or from its parent's weights, or it scores
architectures with shared weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from archsmith import catalog
from archsmith.automl.plan import INHERITED, SHARED, Plan
from archsmith.automl.settings import ENAS, FitSettings
from archsmith.core.errors import UsageError
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.graphs.network_space import NetworkSpace
from archsmith.oneshot.enas import ControllerSettings
from archsmith.oneshot.evaluator import SharedWeightsEvaluator
from archsmith.oneshot.sharing import SharedRecipe
from archsmith.runtime.retention import Retention
from archsmith.spaces.conv_stages import ConvStages
from archsmith.strategies.race_pool import ANNEALING
from archsmith.training.recipe import Recipe

# Settings of the shared weights that are those of the whole job, and where a person gives them.
OF_THE_JOB = {
    "space": "Set space.… instead.",
    "data": "Give other data to the job.",
    "augmentation": "Set recipe.… instead.",
    "task": "Use --task, --target or --balance.",
    "device": "Use --device.",
    "memory_mb": "Use --memory-mb.",
}
KEPT = 40  # best and last trials that keep their folders, so that they can go on and others can inherit from them


def evaluator_of(
    settings: FitSettings,
    plan: Plan,
    space: NetworkSpace,
    recipe: Recipe,
    augmentation: Mapping[str, Any],
    steps_per_epoch: int,
    *,
    data: str,
    device: str,
    memory_mb: float | None,
) -> TrainingEvaluator | SharedWeightsEvaluator:
    """The evaluator for ``plan``.

    ``augmentation``: fields of the data's augmentation that differ from its defaults.
    ``data``: the folder of stored splits.
    """
    common: dict[str, Any] = {"data": data, "device": device, "memory_mb": memory_mb}
    common["augmentation"] = dict(augmentation)
    inherit = plan.weights == INHERITED
    reference = space.first() if plan.reference is None else plan.reference
    if plan.weights != SHARED and not plan.pooled:
        return TrainingEvaluator(space, recipe=recipe, inherit=inherit, **common)
    if plan.pooled:
        return TrainingEvaluator(
            space,
            recipe=recipe,
            inherit=inherit,
            n_valid=plan.n_scored,
            reference=None if reference is None else dict(reference),
            timed=plan.timed,
            most_epochs=(1 - ANNEALING) * plan.longest,
            **common,
        )
    # One rise and fall: there is no time for the papers' restarts.
    same = {name: getattr(recipe, name) for name in ("schedule", "warmup", "batch_size", "balance")}
    rate = recipe.learning_rate if plan.bank_rate is None else plan.bank_rate
    bank = SharedRecipe(epochs=plan.bank_epochs, restarts=0, learning_rate=rate, **same)
    derives: dict[str, Any] = {"candidates": 0}  # other strategies choose their own architectures
    if settings.strategy == ENAS:
        # About as many samples as training steps of the bank. ENAS's code takes 300 in an epoch of 281 steps.
        usual = ControllerSettings()
        steps = min(usual.steps, max(1, round(steps_per_epoch / usual.batch)))
        derives = {"sampler": "controller", "controller": dataclasses.replace(usual, steps=steps)}
    planned = SharedWeightsEvaluator(space, recipe=bank, share=plan.bank_share, seed=settings.seed, **derives, **common)
    return with_settings(planned, settings)


def bank_rate(recipe: Recipe) -> float:
    """The learning rate of shared weights, in a job that trains its networks with ``recipe``.

    It is the job's. A bank has hundreds of steps here; the papers' rate is meant for many thousands, so the bank would
    hardly learn. But a rate for AdamW, as recipes of tables have it, is none for the bank's SGD, which keeps the
    papers' rate there: on 6,000 made-up rows the mean R² of 20 networks was 0.90 with it, 0.79 at 0.2, and 0.77 at the
    rate for AdamW.
    """
    return recipe.learning_rate if recipe.optimizer == "sgd" else SharedRecipe().learning_rate


def with_settings(evaluator: SharedWeightsEvaluator, settings: FitSettings) -> SharedWeightsEvaluator:
    """``evaluator`` with the user's ``shared.…`` settings. Raises UsageError."""
    args = catalog.to_spec(evaluator)["args"]
    for name, value in settings.settings.get(SHARED, {}).items():
        if name in ("recipe", "controller"):
            if not isinstance(value, Mapping):
                raise UsageError(f"shared.{name} cannot be {value!r}.", f"Its settings begin with shared.{name}.")
            args[name] = {**args[name]["args"], **value}  # shared.recipe.epochs changes this field only
        else:
            args[name] = value
    built: SharedWeightsEvaluator = catalog.build(SharedWeightsEvaluator, args)
    return built


def check_settings(settings: FitSettings, weights: str) -> None:
    """Raises UsageError for a ``shared.…`` setting that is unknown, impossible or without effect, and for one of the
    recipe without effect, before any data are read. ``weights``: as in Plan, or ``auto``.
    """
    for name in ("schedule", "warmup"):
        if weights != SHARED and name in settings.settings.get("recipe", {}):
            raise UsageError(
                f"The setting recipe.{name} has no effect: networks are trained at a constant learning rate, which "
                "falls at the end.",
                "Leave it out; only --weights shared trains by a schedule.",
            )
    given = settings.settings.get(SHARED, {})
    if not given:
        return
    known = [entry.name for entry in dataclasses.fields(SharedWeightsEvaluator) if entry.name not in OF_THE_JOB]
    for name in given:
        if name in OF_THE_JOB:
            raise UsageError(f"The job itself decides shared.{name}.", OF_THE_JOB[name])
        if name not in known:
            raise UsageError(f"There is no setting shared.{name}.", f"Shared weights have: {', '.join(known)}.")
    if weights != SHARED:
        raise UsageError(
            f"The setting shared.{next(iter(given))} has no effect, because trials do not share weights.",
            "Add --weights shared, or leave it out.",
        )
    enas = settings.strategy == ENAS
    planned = SharedWeightsEvaluator(ConvStages(), "", sampler="controller" if enas else "uniform")
    built = with_settings(planned, settings)
    if "controller" in given and built.sampler != "controller":
        raise UsageError(
            f"The settings shared.controller have no effect, because the sampler is {built.sampler!r}.",
            "Add --set shared.sampler=controller, or leave them out.",
        )
    for name in ("candidates", "derived"):
        if name in given and not enas:
            raise UsageError(
                f"The setting shared.{name} has no effect with the strategy {settings.strategy!r}.",
                f"Only the strategy {ENAS} asks for derived architectures.",
            )


def retention_of(settings: FitSettings, plan: Plan) -> Retention:
    """The trials that keep their folders."""
    retention = Retention() if plan.weights == SHARED else Retention(top=KEPT, last=KEPT)
    return retention if settings.disk_mb is None else dataclasses.replace(retention, max_mb=settings.disk_mb)
