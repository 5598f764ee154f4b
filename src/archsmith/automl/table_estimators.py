"""``TabularClassifier`` and ``TabularRegressor``: tables in scikit-learn's manner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from archsmith.automl.classifier import Classifier
from archsmith.automl.estimator import Estimator
from archsmith.automl.regressor import Regressor
from archsmith.automl.watch import OnEpoch, OnTrial


class TabularEstimator(Estimator):
    """The common part of the estimators for tables; the parameters are explained at ``TabularClassifier``."""

    modality = "table"

    def __init__(
        self,
        time: str | float | None = "20m",
        *,
        trials: int | None = None,
        seed: int = 0,
        space: str | None = None,
        strategy: str = "graph_gp",
        weights: str = "auto",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        target: str | None = None,
        ignore: Sequence[str] = (),
        device: str = "auto",
        workers: int = 1,
        memory_mb: float | None = None,
        disk_mb: float | None = None,
        workspace: str | None = None,
        verbose: int = 0,
        on_trial: OnTrial | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        self.time = time
        self.trials = trials
        self.seed = seed
        self.space = space
        self.strategy = strategy
        self.weights = weights
        self.settings = settings
        self.target = target
        self.ignore = ignore
        self.device = device
        self.workers = workers
        self.memory_mb = memory_mb
        self.disk_mb = disk_mb
        self.workspace = workspace
        self.verbose = verbose
        self.on_trial = on_trial
        self.on_epoch = on_epoch

    def _own(self) -> dict[str, Any]:
        return {**super()._own(), "ignore": self.ignore}

    def _keep_data(self, folder: str) -> None:
        names = self._opened().manifest.intake.headings  # type: ignore[attr-defined]  # of a table
        self.feature_names_in_ = tuple(names)
        self.n_features_in_ = len(names)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True  # texts are categories
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags


class TabularClassifier(Classifier, TabularEstimator):
    """Searches, trains and exports a network that classifies the rows of a table.

    ``time``: the budget of ``fit``, ``"20m"`` or seconds; None with ``trials``.
    ``trials``: a limit on the search.
    ``seed``: where all randomness comes from.
    ``space``, ``strategy``: names of the catalogue, with ``settings`` for their fields; space None: the one for tables.
    ``weights``: where trials have theirs from: ``own``, ``inherited``, ``shared`` or ``auto`` (the plan decides).
    ``balance``: rare classes count as much as common ones.
    ``target``: the column to be predicted, where ``fit`` gets a table that has it.
    ``ignore``: names of columns to learn without.
    ``device``: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    ``workers``: trials that run at once.
    ``memory_mb``, ``disk_mb``: limits on trainings and on what trials keep.
    ``workspace``: where studies live; None: ``$ARCHSMITH_WORKSPACE`` or ``~/.archsmith``.
    ``verbose``: 1 shows progress, 2 every trial too.
    ``on_trial``, ``on_epoch``: called as those of ``ImageClassifier``.

    After ``fit``: ``classes_``, ``feature_names_in_``, ``n_features_in_``, ``result_``, ``architecture_``, ``graph_``,
    ``history_``, ``bundle_`` (a folder) and ``report_`` (a file).
    """

    def __init__(
        self,
        time: str | float | None = "20m",
        *,
        trials: int | None = None,
        seed: int = 0,
        space: str | None = None,
        strategy: str = "graph_gp",
        weights: str = "auto",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        balance: bool = False,
        target: str | None = None,
        ignore: Sequence[str] = (),
        device: str = "auto",
        workers: int = 1,
        memory_mb: float | None = None,
        disk_mb: float | None = None,
        workspace: str | None = None,
        verbose: int = 0,
        on_trial: OnTrial | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        super().__init__(
            time,
            trials=trials,
            seed=seed,
            space=space,
            strategy=strategy,
            weights=weights,
            settings=settings,
            target=target,
            ignore=ignore,
            device=device,
            workers=workers,
            memory_mb=memory_mb,
            disk_mb=disk_mb,
            workspace=workspace,
            verbose=verbose,
            on_trial=on_trial,
            on_epoch=on_epoch,
        )
        self.balance = balance

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from the rows of ``X`` and labels ``y`` ``(n,)``, numbers or strings; or from one table that has the
        target, a path or a DataFrame.

        Rows are a DataFrame, an array ``(n, columns)`` or a list of records. Numbers, texts and missing values are
        taken as they are. Splits off its own validation and test splits. Raises DataError for what cannot be learnt.
        """
        return self._fit(X, y)


class TabularRegressor(Regressor, TabularEstimator):
    """Searches, trains and exports a network that predicts a number from the row of a table.

    The parameters are those of ``TabularClassifier``, without ``balance``. Scores are R².
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from rows ``X`` as ``TabularClassifier`` takes them and finite numbers ``y`` ``(n,)``; or from one
        table that has the target.
        """
        return self._fit(X, y)
