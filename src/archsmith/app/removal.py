"""Removing a study: with its model, the server of that, and what the app kept of them."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from archsmith.app.endpoints import Endpoints
from archsmith.app.jobs import ID, Denied, Jobs
from archsmith.app.relabels import Relabels
from archsmith.app.studies import Studies
from archsmith.automl.leaving import leaving
from archsmith.core.errors import LeaseError, NoStudyError
from archsmith.runtime import removing
from archsmith.runtime.lease import holder
from archsmith.runtime.sqlite import FILE
from archsmith.runtime.workspace import Workspace


class Removal:
    """Removes studies. Methods take their time, and raise ArchsmithError."""

    def __init__(
        self, workspace: Workspace, jobs: Jobs, studies: Studies, endpoints: Endpoints, relabels: Relabels
    ) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._studies = studies
        self._endpoints = endpoints
        self._relabels = relabels

    def words(self, id: str) -> str:
        """Sentences that say what goes and what stays. Raises Denied where there is no such study."""
        told = leaving(self._folder(id)).words
        return f"{told} The server of its model is ended." if id in self._endpoints.all() else told

    def remove(self, id: str) -> None:
        """Remove a study for good. Raises Denied for one that runs or is not there, and StudyError."""
        folder = self._folder(id)
        jobs = [job for job in self._jobs.all() if job.study == id]
        if holder(folder) is not None or any(job.running for job in jobs):
            raise _running(id)
        self._endpoints.stop(id)
        try:
            removing.remove(folder)
        except LeaseError as error:  # it has begun to run just now
            raise _running(id) from error
        for job in jobs:
            shutil.rmtree(job.folder, ignore_errors=True)
        self._relabels.remove(id)
        with contextlib.suppress(NoStudyError):
            self._studies.get(id)  # so that nobody keeps its log open

    def _folder(self, id: str) -> Path:
        folder = self._workspace.studies / id
        if not re.fullmatch(ID, id) or not (folder / FILE).is_file():
            raise Denied(404, "study", f"There is no study {id[:80]!r}.", "It may have been removed.")
        return folder


def _running(id: str) -> Denied:
    return Denied(409, "running", f"The study {id} is running.", "Pause it first, or let it finish.")
