"""An existing study, opened by name: what the commands that show a study or go on with it begin with."""

from __future__ import annotations

from typing import Any


class OpenStudy:
    """An existing study as a reader sees it.

    store: its log.
    id: the name of its folder.
    began: what its first event says, in the present format.
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
    """The study with this id, at this path, or the ``last`` changed. Raises StudyError when there is none."""
    from archsmith.runtime.workspace import Workspace

    return OpenStudy(Workspace(workspace).open(name))


def history_of(study: OpenStudy) -> Any:
    """The history that the log tells; its problem has the real space."""
    from archsmith.runtime.search import replayed

    return replayed(study.store, study.problem())
