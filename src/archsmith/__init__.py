"""Archsmith: neural architecture search that ends with a network you can read, run and serve.

Names are loaded when they are first used (PEP 562), so that ``import archsmith`` costs next to nothing and a predictor
never loads torch. Nothing inside the package imports this module.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from archsmith.version import VERSION as __version__

if TYPE_CHECKING:
    from archsmith.automl.image_estimators import ImageClassifier as ImageClassifier
    from archsmith.automl.image_estimators import ImageRegressor as ImageRegressor
    from archsmith.automl.table_estimators import TabularClassifier as TabularClassifier
    from archsmith.automl.table_estimators import TabularRegressor as TabularRegressor
    from archsmith.bundle.predictor import Predictor as Predictor
    from archsmith.core.architecture import Architecture as Architecture
    from archsmith.core.budget import Budget as Budget
    from archsmith.core.errors import ArchsmithError as ArchsmithError
    from archsmith.core.errors import DeadEnd as DeadEnd
    from archsmith.core.errors import EvaluationError as EvaluationError
    from archsmith.core.errors import UsageError as UsageError
    from archsmith.core.problem import Constraint as Constraint
    from archsmith.core.problem import Fidelity as Fidelity
    from archsmith.core.problem import Objective as Objective
    from archsmith.core.problem import Problem as Problem
    from archsmith.core.space import Range as Range
    from archsmith.core.space import Space as Space
    from archsmith.core.trial import Outcome as Outcome
    from archsmith.core.trial import Proposal as Proposal
    from archsmith.evaluators.functions import FunctionEvaluator as FunctionEvaluator
    from archsmith.evaluators.training import TrainingEvaluator as TrainingEvaluator
    from archsmith.graphs.graph import Graph as Graph
    from archsmith.graphs.net import Net as Net
    from archsmith.graphs.network import Network as Network
    from archsmith.graphs.network_space import ImageSpace as ImageSpace
    from archsmith.graphs.network_space import NetworkSpace as NetworkSpace
    from archsmith.runtime.search import Search as Search
    from archsmith.strategies.evolution import RegularizedEvolution as RegularizedEvolution
    from archsmith.strategies.local import LocalSearch as LocalSearch
    from archsmith.strategies.random import RandomSearch as RandomSearch

_MODULES = {
    "archsmith.automl.image_estimators": ("ImageClassifier", "ImageRegressor"),
    "archsmith.automl.table_estimators": ("TabularClassifier", "TabularRegressor"),
    "archsmith.bundle.predictor": ("Predictor",),
    "archsmith.core.architecture": ("Architecture",),
    "archsmith.core.budget": ("Budget",),
    "archsmith.core.errors": ("ArchsmithError", "DeadEnd", "EvaluationError", "UsageError"),
    "archsmith.core.problem": ("Constraint", "Fidelity", "Objective", "Problem"),
    "archsmith.core.space": ("Range", "Space"),
    "archsmith.core.trial": ("Outcome", "Proposal"),
    "archsmith.evaluators.functions": ("FunctionEvaluator",),
    "archsmith.evaluators.training": ("TrainingEvaluator",),
    "archsmith.graphs.graph": ("Graph",),
    "archsmith.graphs.net": ("Net",),
    "archsmith.graphs.network": ("Network",),
    "archsmith.graphs.network_space": ("NetworkSpace", "ImageSpace"),
    "archsmith.runtime.search": ("Search",),
    "archsmith.strategies.evolution": ("RegularizedEvolution",),
    "archsmith.strategies.local": ("LocalSearch",),
    "archsmith.strategies.random": ("RandomSearch",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

# Old name -> the new one, as "module:Name". It works for one more minor release, with a warning.
_DEPRECATED: dict[str, str] = {}

__all__ = [*_HOME, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _DEPRECATED:
        module, _, new = _DEPRECATED[name].partition(":")
        warnings.warn(f"archsmith.{name} is now {module}.{new}.", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(module), new)
    if name not in _HOME:
        raise AttributeError(f"module 'archsmith' has no attribute {name!r}")
    try:
        home = importlib.import_module(_HOME[name])
    except ModuleNotFoundError as error:
        from archsmith.catalog import missing_extra

        missing = missing_extra(error, f"archsmith.{name}")
        if missing is None:
            raise
        raise missing from None  # its last line is all that a person needs
    value = getattr(home, name)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
