"""Open an existing study by name, for commands that show it or go on with it."""

from __future__ import annotations

from typing import Any


class OpenStudy:
    """An existing study.

    store: its log.
    id: the name of its folder.
    began: its first event, in the current format.
    """

    def __init__(self, store: Any) -> None:
        from archsmith.core.records import beginning

        self.store = store
        self.id: str = store.folder.name
        self.began = beginning(next(iter(store.read()), None), self.id)

    def problem(self) -> Any:
        """The problem, rebuilt from the log. Raises UsageError when its space cannot be imported here."""
        from archsmith import catalog
        from archsmith.core.problem import Problem

        return Problem.from_dict(catalog.from_spec(self.began.space, "space"), self.began.problem)


def open_study(name: str, workspace: str | None) -> OpenStudy:
    """The study with this id or path; ``last`` is the one that changed last. Raises StudyError if there is none."""
    from archsmith.runtime.workspace import Workspace

    return OpenStudy(Workspace(workspace).open(name))


def history_of(study: OpenStudy) -> Any:
    """The history of the study, rebuilt from its log with the real space."""
    from archsmith.runtime.search import replayed

    return replayed(study.store, study.problem())
