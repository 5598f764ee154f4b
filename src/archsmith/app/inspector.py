"""The process that looks at a person's data: ``python -m archsmith.app.inspector look PATH``, or ``… check FOLDER``.

``look`` only opens what has come: is it what its name says, and can it do no harm? It prints what is wrong as JSON, or
``{}``.

``check`` takes the folder of a data set. The data are read, split and stored by the same readers and the same code as
in a job, so that a job finds them done. What was found goes to ``facts.json``, pictures of it beside it. Then the
machine is measured on these data for the forecast of a job, and ``measured.json`` says how fast it is.

Both have limits on memory, on the time of the processor and on the clock. A file that breaks a reader ends this
process, not the app.
"""

from __future__ import annotations

import contextlib
import faulthandler
import itertools
import json
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from archsmith.core.errors import ArchsmithError, DataError, UsageError, told
from archsmith.core.files import json_value, small_text, write_text
from archsmith.core.wording import size
from archsmith.data.lock import FileLock

LOOK, CHECK = "look", "check"
SET, ASKED, FACTS, MEASURED = "set.json", "asked.json", "facts.json", "measured.json"
LOCK, WALL = ".checking.lock", "wall"
DIGITS = "digits"  # the sample that ships
PATIENCE, TICK = 2.0, 0.05  # seconds
READ_SECONDS = 60.0  # of decoding; of more data a share is used, as in a job of little time
CLOCK_SECONDS = 900.0  # of everything
GRACE_SECONDS = 30.0  # after which what does not listen is ended
BUDGET = 120.0  # seconds of the job that the machine is measured for; the plans of others come from the same figures
MEMORY_SHARE = 0.5  # of this machine
LEAST_MEMORY, MOST_FILE = 4 * 2**30, 32 * 2**30  # bytes
MOST_HEADINGS, LONGEST_HEADING = 1_000, 1_000  # of columns, and characters of one
COLUMNS = ("target", "task", "image")  # what may be asked for


class _TooLong(DataError):
    """The time is up."""


@dataclass(frozen=True)
class Asked:
    """What is looked at, and how.

    ``source``: a path, or ``digits``.
    ``inside``: the folder in which all of it lies; None: it is the sample.
    ``workspace``: where the splits are stored.
    ``target``, ``task``, ``image``: see ``FitSettings``; None: what the data look like.
    ``name``: what this look is called.
    ``stamp``: of the source as it was then, where it lies elsewhere, see ``file_stamp``.
    """

    source: str
    inside: str | None
    workspace: str
    name: str
    target: str | None = None
    task: str | None = None
    image: str | None = None
    stamp: str | None = None


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code. Raises UsageError."""
    if len(arguments) != 2 or arguments[0] not in (LOOK, CHECK):
        raise UsageError("This is started by the app.", "See: archsmith app")
    return look(Path(arguments[1])) if arguments[0] == LOOK else check(Path(arguments[1]))


def look(path: Path) -> int:
    """Print what is wrong with what has come, a file or a folder of files."""
    with _limits():
        said = wrong_with(path)
    sys.stdout.write(json.dumps(said))
    return 0


def wrong_with(path: Path) -> dict[str, str | None]:
    """``message`` and ``hint``; empty where nothing is wrong."""
    try:
        _opened(path)
    except (ArchsmithError, MemoryError, RecursionError, OSError) as error:
        said = _in_words(error, str(path if path.is_dir() else path.parent))
        return {"message": said.message, "hint": said.hint}
    return {}


def _opened(path: Path) -> None:
    """Raises an error for what is not what its name says, and for what may do harm."""
    from archsmith.app.confined import refuse_outside
    from archsmith.data.images.read import read as read_pictures
    from archsmith.data.images.recognise import recognised as is_pictures
    from archsmith.data.parquet import open_parquet
    from archsmith.data.tables.read_csv import CsvFile
    from archsmith.data.tables.recognise import recognised as is_table

    folder = path if path.is_dir() else path.parent
    if not is_table(path):
        refuse_outside(read_pictures(path).pictures, folder)
        return
    if path.suffix in (".parquet", ".pq"):
        open_parquet(path)
    else:
        CsvFile(path)
    if is_pictures(path):
        try:
            listed = read_pictures(path)
        except DataError:  # which columns count may still be open
            return
        refuse_outside(listed.pictures, folder)


def check(folder: Path) -> int:
    """Check the data set in ``folder``, unless another process does."""
    lock = FileLock(folder / LOCK)
    until = time.monotonic() + PATIENCE  # whoever only asks whether it is free holds it for a moment
    while not lock.take():
        if time.monotonic() > until:
            return 0
        time.sleep(TICK)
    with lock, _limits():
        asked = Asked(**read(folder / ASKED))
        facts, loaded = _looked(asked, folder)
        write_text(folder / FACTS, json.dumps({"asked": asked.name, **facts}))
        _drop_walls(folder, facts.get("wall"))
        if loaded is not None:
            measured = _measured(asked, *loaded)
            write_text(folder / MEASURED, json.dumps({"asked": asked.name, **measured}))
    return 0


def read(path: Path) -> dict[str, Any]:
    """The JSON object that we wrote to ``path``. Raises OSError or ValueError."""
    found = json_value(small_text(path))
    if not isinstance(found, dict):
        raise ValueError("this is no object")
    return found


def _looked(asked: Asked, folder: Path) -> tuple[dict[str, Any], Any]:
    """What was found, and what it was found in; None where the data are refused."""
    facts: dict[str, Any] = {"headings": _headings(asked)}
    try:
        return _found(asked, folder, facts)
    except Exception as error:  # readers are to say in words what is wrong; what they do not is our defect
        wrong = _in_words(error, asked.inside)
    return {**facts, "refused": True, "message": wrong.message, "hint": wrong.hint}, None


def _in_words(error: Exception, inside: str | None) -> ArchsmithError:
    """``error`` as a sentence in which files have their names as below the folder ``inside``."""
    if isinstance(error, MemoryError):
        limit = _memory_limit()
        told_limit = "than there is" if limit is None else f"than the {size(limit)} that a check may take"
        hint = "Give fewer or smaller examples, or start a job from the command line."
        return DataError(f"Reading these data needs more memory {told_limit}.", hint)
    if not isinstance(error, ArchsmithError):
        return DataError(f"The data cannot be read ({told(error)[:200]}).", "Look at the file with another program.")
    if inside is None:
        return error
    return DataError(_below(error.message, inside), _below(error.hint or "", inside) or None)


def _below(text: str, inside: str) -> str:
    """``text`` without the folder ``inside``, which is the app's own."""
    return text.replace(f"{inside}{os.sep}", "").replace(f" in {inside!r}", "").replace(inside, "the data")


def _found(asked: Asked, folder: Path, facts: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    from archsmith.app.choices import spaces_for, strategies
    from archsmith.app.samples import histogram, samples
    from archsmith.app.samples import told as told_findings
    from archsmith.automl.modality import modality_of
    from archsmith.automl.settings import FitSettings

    began = time.time()
    given = {name: getattr(asked, name) for name in COLUMNS if getattr(asked, name) is not None}
    settings = FitSettings(asked.source, BUDGET, workspace=asked.workspace, **given)
    modality = modality_of(settings)
    image = None
    if modality.kind == "image":
        listed = _confined(asked)
        settings, image = replace(settings, data=listed), listed.image or None
    steps: dict[str, float] = {}
    loaded = modality.load(settings, Path(asked.workspace) / "data", READ_SECONDS, lambda *told: _timed(steps, told[0]))
    splits = loaded.splits
    wall = f"{WALL}-{secrets.token_hex(4)}"
    facts |= {
        "kind": modality.kind,
        "noun": modality.noun,
        "nouns": modality.nouns,
        "space": modality.space,
        "name": splits.name,
        "task": splits.task.target.name,
        "target": splits.target if splits.is_regression or facts["headings"] else None,
        "image": image,
        "metrics": list(splits.task.target.metrics),
        "balanced_metrics": list(splits.task.target.balanced_metrics),
        "inputs": [entry.to_dict() for entry in splits.task.inputs],
        "n_bytes": loaded.splits.train.n_bytes + splits.valid.n_bytes + splits.test.n_bytes,
        "findings": told_findings(loaded.findings.to_dict()),
        "wall": wall,
        "histogram": histogram(splits.train.targets) if splits.is_regression else None,
        **samples(splits, folder / wall),
        "spaces": spaces_for(splits.task),
        "strategies": strategies(),
        "encoding": _encoding(steps, len(splits.train) + len(splits.valid) + len(splits.test)),
        "seconds": time.time() - began,
    }
    return facts, (modality, settings, loaded, began)


def _timed(steps: dict[str, float], what: str) -> None:
    """Note when the step ``what`` of reading was last heard of."""
    steps[what] = time.perf_counter()


def _encoding(steps: Mapping[str, float], n: int) -> dict[str, float] | None:
    """How long the ``n`` rows of a table took after they were read; None of pictures, which are kept for the job."""
    from archsmith.data.tables.load import FEWEST_USED

    before = [when for what, when in steps.items() if what != "encode"]
    if "encode" not in steps or not before:
        return None
    return {"n": n, "seconds": steps["encode"] - max(before), "fewest": min(n, FEWEST_USED)}


def _confined(asked: Asked) -> Any:
    """The pictures, listed and not decoded. Raises DataError where some of them belong to somebody else."""
    from archsmith.app.confined import refuse_outside
    from archsmith.data.images.read import read as read_pictures

    listed = read_pictures(asked.source, image=asked.image, target=asked.target)
    if asked.inside is not None:
        refuse_outside(listed.pictures, Path(asked.inside))
    return listed


def _headings(asked: Asked) -> list[str]:
    """The names of the columns of a table, also of one that cannot be learnt from yet; empty where there are none."""
    from archsmith.data.parquet import open_parquet
    from archsmith.data.tables.read_csv import CsvFile

    kind = asked.source.lower()
    with contextlib.suppress(Exception):  # the reader will say what is wrong
        if kind.endswith((".parquet", ".pq")):
            return _choosable(open_parquet(Path(asked.source)).schema_arrow.names)
        if kind.endswith((".csv", ".tsv", ".csv.gz", ".tsv.gz")):
            return _choosable(CsvFile(Path(asked.source)).names)
    return []


def _choosable(names: Iterable[Any]) -> list[str]:
    """The names of columns that a person may be asked to choose from."""
    return [name for name in itertools.islice(map(str, names), MOST_HEADINGS) if len(name) <= LONGEST_HEADING]


def _measured(asked: Asked, modality: Any, settings: Any, loaded: Any, began: float) -> Mapping[str, Any]:
    """What the plan of a job needs to know of this machine and these data."""
    from archsmith.automl.opening import measured, n_families, tidy
    from archsmith.runtime.workspace import Workspace

    try:
        tidy(Workspace(asked.workspace), loaded)
        found = measured(settings, modality, loaded, began, began)
    except (ArchsmithError, MemoryError, RuntimeError, OSError) as error:
        return {"failed": error.message if isinstance(error, ArchsmithError) else told(error)}
    return {
        "speed": asdict(found.speed),
        "families": n_families(modality.seeds(found.space)),
        "elapsed": found.read_seconds,
        "failure": found.plan.failure,
        "machine": [getattr(line, "text", line) for line in found.machine],
        "needs": list(found.needs),
    }


def _drop_walls(folder: Path, kept: str | None) -> None:
    """Remove the pictures of earlier looks."""
    for left in folder.glob(f"{WALL}-*"):
        if left.name != kept:
            shutil.rmtree(left, ignore_errors=True)


def _memory_limit() -> int | None:
    """Bytes that this process may take; None: as many as there are."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return None if limit == resource.RLIM_INFINITY else limit


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """Limits on what this process may take. The clock ends it in words first, and for good a little later."""
    faulthandler.dump_traceback_later(CLOCK_SECONDS + GRACE_SECONDS, exit=True)

    def too_long(number: int, frame: FrameType | None) -> None:
        raise _TooLong(
            f"Checking these data took more than {CLOCK_SECONDS / 60:.0f} minutes.",
            "Give fewer examples, or start a job from the command line.",
        )

    try:
        import resource
    except ImportError:  # Windows has none of these
        yield
        return
    memory = max(LEAST_MEMORY, int(MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")))
    # Of data, not of addresses: files that are mapped and what libraries only reserve are no memory.
    most = [(resource.RLIMIT_DATA, memory), (resource.RLIMIT_FSIZE, MOST_FILE), (resource.RLIMIT_CORE, 0)]
    cores = os.cpu_count() or 1
    most.append((resource.RLIMIT_CPU, int(cores * (CLOCK_SECONDS + GRACE_SECONDS))))
    for which, limit in most:
        _, hard = resource.getrlimit(which)
        bounded = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (bounded, bounded))
    with contextlib.suppress(OSError):
        os.nice(5)  # jobs come first
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails with an error
    signal.setitimer(signal.ITIMER_REAL, CLOCK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except UsageError as error:
        raise SystemExit(str(error)) from None
