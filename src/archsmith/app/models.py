"""The models: what finished studies exported. A model has the id of its study.

A study's result says where its bundle was written. Folders outside of the workspace are moved, deleted and written
anew, so each is looked at before it is used. Where it is not the study's any more, the study's own copy is taken; where
that is gone, too, what is known of the model is still shown, and sentences say what is not there.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from archsmith.analysis.report.kind import target_name
from archsmith.analysis.study import Study, read_study
from archsmith.app.mistakes import is_mistake
from archsmith.app.model_facts import ModelFacts, ModelSummary, facts_of, summary_of
from archsmith.app.relabels import Relabels
from archsmith.bundle.manifest import FILES, MANIFEST, MODEL, Manifest, check_files
from archsmith.bundle.typed_rows import TypedError, typed_number
from archsmith.core.errors import ArchsmithError
from archsmith.core.job_records import ResultRecord
from archsmith.core.wording import visible
from archsmith.data.tables.cells import number_text
from archsmith.runtime.lease import holder
from archsmith.runtime.sqlite import FILE, SqliteStore
from archsmith.runtime.workspace import Workspace
from archsmith.server.refusals import Refusal

ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"  # of a study: the name of its folder
T = TypeVar("T")
KEPT = 8  # studies and their facts that stay in memory


@dataclass(frozen=True)
class Model:
    """What a study exported.

    ``id``: of the study.
    ``study``: its folder.
    ``result``: what the study ended with.
    ``changed``: which event its result is, and which one is its last.
    ``bundle``: the folder of the bundle; None without one whose network is whole.
    ``manifest``: of that bundle.
    ``notes``: sentences about what is not as the study left it.
    """

    id: str
    study: Path
    result: ResultRecord
    changed: tuple[int, int]
    bundle: Path | None
    manifest: Manifest | None
    notes: tuple[str, ...] = ()

    @property
    def state(self) -> tuple[Any, ...]:
        """Differs when anything that its facts are made of does."""
        kept = _stamp(self.study / "final", ("predictions.npz", "graph.json"))
        return (*self.changed, holder(self.study) is not None, self.bundle, self.notes, kept)


class Models:
    """All models of a workspace.

    ``relabels``: what people say that test examples are.
    """

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        """``folder``: where the app keeps what people say of models."""
        self._workspace = workspace
        self.relabels = Relabels(folder / "relabels")
        self._results: dict[
            str, tuple[float, _Result | None]
        ] = {}  # by id: when the study changed last, and its result
        self._studies: _Kept[Study] = _Kept(KEPT)
        self._facts: _Kept[ModelFacts] = _Kept(KEPT)

    def list(self) -> list[ModelSummary]:
        """Of every study that has come to a result, the one that changed last first."""
        found, before, self._results = [], self._results, {}
        for summary in self._workspace.list():
            if not re.fullmatch(ID, summary.id):
                continue
            changed, result = before.get(summary.id, (None, None))
            if changed != summary.changed:
                result = _result(summary.folder)
            self._results[summary.id] = (summary.changed, result)
            if result is not None:
                found.append(summary_of(_model(summary.folder, result)))
        return found

    def get(self, id: str) -> Model:
        """Raises Refusal."""
        folder = self._workspace.studies / id
        result = _result(folder) if re.fullmatch(ID, id) and (folder / FILE).is_file() else None
        if result is None:
            raise Refusal(
                404, "no_model", f"There is no model {id[:64]!r}.", "A study has one as soon as it has come to its end."
            )
        return _model(folder, result)

    def whole(self, id: str) -> tuple[Path, Manifest]:
        """The bundle and its manifest. Raises Refusal where there is none that can be used."""
        model = self.get(id)
        if model.bundle is None or model.manifest is None:
            raise Refusal(409, "no_bundle", model.notes[-1], "Run the study again, or put its bundle back.")
        return model.bundle, model.manifest

    def study(self, id: str) -> Study:
        """The model's study, as reports read it. Raises ArchsmithError and Refusal."""
        model = self.get(id)
        return self._studies.get(id, model.state, lambda: read_study(model.study))

    def relabel(self, id: str, index: int, label: str | None) -> dict[int, str]:
        """Keep what a mistake really is, or forget it where ``label`` is None or empty; all that was said of the model.
        Raises Refusal and ArchsmithError.
        """
        study = self.study(id)
        if not is_mistake(study, index):
            raise Refusal(404, "no_mistake", f"The test example {index} is not among the mistakes.")
        if label and label.strip() and study.test is not None and study.test.outputs.ndim == 1:
            label = _as_number(label, target_name(study))
        return self.relabels.put(id, index, label)

    def facts(self, id: str) -> ModelFacts:
        """All that is known of the model. Raises ArchsmithError and Refusal."""
        model = self.get(id)
        study = self.study(id)
        return self._facts.get(id, model.state, lambda: facts_of(model, study))


def _as_number(text: str, name: str) -> str:
    """The number that was typed for the target ``name``, in one way of writing. Raises Refusal."""
    try:
        found = typed_number(name, text)
    except TypedError as error:
        raise Refusal(422, "no_number", error.message, error.hint) from error
    if found is None:
        raise Refusal(422, "no_number", f"{text[:64]!r} is no number.", "Give what the target of this row is.")
    return number_text(found)


@dataclass(frozen=True)
class _Result:
    """What a study ended with at last: the record, which event it is, and which one is the last."""

    record: ResultRecord
    changed: tuple[int, int]


def _result(folder: Path) -> _Result | None:
    """None for a study without a result that names a bundle, and for one that cannot be read: the page of the study
    says why.
    """
    store = SqliteStore(folder)
    try:
        latest = store.latest()
        if ResultRecord.kind not in latest:
            return None
        number = latest[ResultRecord.kind]
        found = ResultRecord.from_data(next(store.read(number)).data)
    except (ArchsmithError, StopIteration, TypeError, ValueError):
        return None
    finally:
        store.close()
    return _Result(found, (number, max(latest.values()))) if found.data.get("model_dir") else None


def _model(folder: Path, result: _Result) -> Model:
    bundle, manifest, notes = _bundle(folder, str(result.record.data["model_dir"]))
    return Model(folder.name, folder, result.record, result.changed, bundle, manifest, notes)


def _bundle(study: Path, said: str) -> tuple[Path | None, Manifest | None, tuple[str, ...]]:
    """The bundle where the study says it is, or else the study's own copy; and what is wrong with each."""
    own = study / "final" / "bundle"
    notes: list[str] = []
    places = list(dict.fromkeys((Path(said), own)))
    if _inside(own, said):  # the workspace was moved as a whole
        places = [own]
    for place in places:
        manifest, wrong, changed = _looked_at(place, study.name)
        if not wrong:
            notes += ["The study's own copy of it is used instead."] * bool(notes)
            notes += [f"Its {name} was changed or lost after the bundle was written." for name in changed]
            return place, manifest, tuple(notes)
        notes.append(wrong)
    return None, None, tuple(notes)


def _inside(own: Path, said: str) -> bool:
    """Does ``said`` end as the path of the study's own bundle does?"""
    return Path(said).parts[-3:] == own.parts[-3:]


def _looked_at(place: Path, id: str) -> tuple[Manifest | None, str, tuple[str, ...]]:
    """The manifest of the bundle at ``place``, what is wrong there (empty where it can be used), and which files are
    not as they were written.
    """
    shown = visible(str(place))
    try:
        if not place.is_dir():
            return None, f"The bundle is not at {shown} any more: it was moved or deleted.", ()
        manifest, changed = _checked(place, _stamp(place, (MANIFEST, *FILES)))
    except ArchsmithError as error:
        return None, f"The bundle at {shown} is damaged: {error.message}", ()
    except OSError as error:
        return None, f"The bundle at {shown} cannot be read: {error.strerror}.", ()
    if manifest.facts.study not in (None, id):
        other = visible(str(manifest.facts.study))[:64]
        return None, f"At {shown} lies the bundle of another study ({other}).", ()
    return manifest, "", changed


@lru_cache(maxsize=256)
def _checked(place: Path, stamp: tuple[Any, ...]) -> tuple[Manifest, tuple[str, ...]]:
    """The manifest of the bundle, and which of its other files are not as it says. Its network must be. ``stamp``
    changes when they do.
    """
    manifest = check_files(place, [MODEL])
    changed = []
    for name in manifest.files:
        try:
            check_files(place, [name])
        except ArchsmithError:
            changed.append(visible(name)[:64])
    return manifest, tuple(changed)


def _stamp(folder: Path, names: tuple[str, ...]) -> tuple[Any, ...]:
    found: list[Any] = []
    for name in names:
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        found.append((name, status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)


class _Kept(Generic[T]):
    """The latest values by name, each as long as its state stays the same. They are made one after the other."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[str, tuple[Any, T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str, state: Any, make: Callable[[], T]) -> T:
        with self._lock:
            found = self._found.get(name)
            if found is None or found[0] != state:
                found = (state, make())
            self._found[name] = found
            self._found.move_to_end(name)
            while len(self._found) > self._most:
                self._found.popitem(last=False)
            return found[1]
