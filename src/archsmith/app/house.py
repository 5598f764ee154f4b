"""What pages and API ask. One object holds the parts; each part has a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archsmith.app.comparisons import Comparisons
from archsmith.app.networks import Networks
from archsmith.app.settings import AppSettings
from archsmith.core.errors import StudyError
from archsmith.runtime.study_view import StudyView, read_view
from archsmith.runtime.workspace import Workspace


class House:
    """The parts of one running app.

    ``settings``: as it was started.
    ``workspace``: where studies lie; the command line uses the same.
    ``folder``: what the app itself keeps, inside of the workspace.
    ``networks``: those of studies. ``comparisons``: of strategies.
    """

    def __init__(self, settings: AppSettings) -> None:
        self.settings = settings
        self.workspace = Workspace(settings.workspace)
        self.folder: Path = self.workspace.path / "app"
        self.networks = Networks(self.look)
        self.comparisons = Comparisons(self.workspace.path / "comparisons")

    @contextmanager
    def look(self, study: str) -> Iterator[StudyView]:
        """What the log of a study tells; nobody changes it meanwhile. Raises StudyError where there is none."""
        folder = self.workspace.studies / study
        if "/" in study or study in ("", ".", "..") or not folder.is_dir():
            raise StudyError(f"There is no study {study[:100]!r}.")
        yield read_view(folder)
