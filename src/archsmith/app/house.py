"""What pages and API ask. One object holds the parts; each part has a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsmith.app.comparisons import Comparisons
from archsmith.app.datasets import DataSets
from archsmith.app.endpoints import Endpoints
from archsmith.app.jobs import Jobs
from archsmith.app.models import Models
from archsmith.app.networks import Networks
from archsmith.app.removal import Removal
from archsmith.app.settings import AppSettings
from archsmith.app.studies import Studies
from archsmith.app.trying import Trying
from archsmith.runtime.workspace import Workspace


class House:
    """The parts of one running app.

    ``settings``: as it was started.
    ``workspace``: where studies lie; the command line uses the same.
    ``folder``: what the app itself keeps, inside of the workspace.
    ``jobs``: the processes of searches.
    ``studies``: read from their logs.
    ``data``: the data sets.
    ``models``: what finished studies exported. ``trying`` predicts with them here, ``endpoints`` are their servers.
    ``networks``: those of studies. ``comparisons``: of strategies.
    ``removal``: of studies.
    """

    def __init__(self, settings: AppSettings) -> None:
        self.settings = settings
        self.workspace = Workspace(settings.workspace)
        self.folder: Path = self.workspace.path / "app"
        self.jobs = Jobs(settings, self.workspace)
        self.studies = Studies(self.workspace)
        self.data = DataSets(self.folder / "data", settings, self.workspace, self.jobs.beginning)
        self.models = Models(self.workspace, self.folder)
        self.trying = Trying(self.models)
        self.endpoints = Endpoints(self.models, self.folder / "endpoints")
        self.networks = Networks(lambda study: self.studies.get(study).look())
        self.comparisons = Comparisons(self.workspace.path / "comparisons")
        self.removal = Removal(self.workspace, self.jobs, self.studies, self.endpoints, self.models.relabels)

    def start(self, options: Mapping[str, Any]) -> str:
        """Begin a study; its id. ``options``: fields of FitSettings, with the id of a data set as ``data``. Raises
        Refusal and ArchsmithError, see ``DataSets.settings_for`` and ``Jobs.start``.
        """
        return self.jobs.start(self.data.settings_for(str(options["data"]), options))

    def begin(self, options: Mapping[str, Any]) -> str:
        """As ``start``, without waiting for the study: the id of the job that begins it."""
        return self.jobs.begin(self.data.settings_for(str(options["data"]), options))
