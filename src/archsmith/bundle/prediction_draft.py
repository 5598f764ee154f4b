"""A file of predictions while it is written. A run that was killed goes on there when the same command is given again.

Beside the file ``p.csv`` lie a draft, ``.p.csv.part``, which only grows, and ``.p.csv.part.json``. That one says how
long the draft was when it was last known to be good, how many rows that are, and what they were made from: a checksum
of the bundle, sizes and times of the data, the options, and the version of Archsmith. It takes the place of the one
before in one step, so that a kill leaves the one or the other. Whatever was written to the draft after it is cut off,
and predicted again. The file gets its name when it is complete.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from archsmith.bundle.prediction_columns import Block
from archsmith.bundle.prediction_files import Form
from archsmith.core.errors import ArchsmithError, DataError, UsageError
from archsmith.core.files import reason
from archsmith.core.wording import amount
from archsmith.data.lock import FileLock

FORMAT = 1  # of what is kept of a run
SAVE_SECONDS = 1.0  # after which the draft is known to be good again; so much work is lost at most, and one window
MOST_REASONS = 10  # of rows without a prediction, that are kept
WITHOUT = " without --no-resume"  # which begins anew whenever it is given
SLICE = 2**20  # bytes that are looked at together
# What a run depends on, in words.
STILL = {
    "bundle": "the bundle",
    "data": "the data",
    "options": "the options",
    "version": "the version of Archsmith",
}


@dataclass(frozen=True)
class Reached:
    """How far a run has come.

    ``n``: rows that were written.
    ``n_broken``: of them, those without a prediction.
    ``reasons``: why, of the first ten.
    ``n_bytes``, ``crc``: length and checksum of the draft.
    """

    n: int = 0
    n_broken: int = 0
    reasons: tuple[str, ...] = ()
    n_bytes: int = 0
    crc: int = 0


class Draft:
    """The draft of the file ``path``. A context manager: at the end it is kept, unless the data are to blame.

    ``reached``: how far it has come.
    ``note``: what became of an earlier run, a sentence; empty where there was none.
    """

    def __init__(
        self, path: Path, form: Form, made_from: Mapping[str, str], resume: bool = True, noun: str = "row"
    ) -> None:
        """``made_from``: of each key of ``STILL``, a text that changes when it does. ``resume``: go on with an earlier
        run. ``noun``: what an example is called. Raises UsageError when another process writes the file.
        """
        self.path, self.form, self.made_from, self.resume, self.noun = path, form, dict(made_from), resume, noun
        self.draft = path.with_name(f".{path.name}.part")
        self.state = path.with_name(f".{path.name}.part.json")
        self.note = ""
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        self._saved = time.monotonic()
        with self._writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not self._lock.take():
                raise UsageError(
                    f"Another process is writing {str(path)!r}.", "Wait until it is done, or give another name."
                )
            try:
                self.reached = (self._earlier() if resume else None) or Reached()
                self._file = open(self.draft, "r+b" if self.reached.n else "wb")  # noqa: SIM115
                self._file.truncate(self.reached.n_bytes)
                self._file.seek(self.reached.n_bytes)
                if not self.reached.n:
                    self.state.unlink(missing_ok=True)
                    self.reached = self._written(form.head())
            except BaseException:
                self._lock.release()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, DataError | UsageError) or not self.reached.n:  # the same command would end there
                self._remove()
            elif not self._file.closed:
                with suppress(OSError):
                    self._save()
        finally:
            with suppress(OSError):
                self._file.close()
            self._lock.release()

    def add(self, block: Block) -> None:
        """Write some rows. Raises ArchsmithError where that cannot be done."""
        with self._writing():
            before = self.reached
            after = self._written(self.form.body(block, first=not before.n))
            some = [error for _, error in sorted(block.errors.items())][: MOST_REASONS - len(before.reasons)]
            self.reached = replace(  # in one step: Ctrl-C may come at any time
                after,
                n=before.n + len(block),
                n_broken=before.n_broken + len(block.errors),
                reasons=(*before.reasons, *some),
            )
            if time.monotonic() - self._saved >= SAVE_SECONDS:
                self._save()

    def finish(self) -> None:
        """Make the draft the file. Raises ArchsmithError where that cannot be done."""
        with self._writing():
            self._save()
            self._file.write(self.form.tail(empty=not self.reached.n))
            self._file.close()
            self.form.finish(self.draft, self.path)
            self._remove()

    def _written(self, data: bytes) -> Reached:
        self._file.write(data)
        crc = zlib.crc32(data, self.reached.crc)
        return replace(self.reached, n_bytes=self.reached.n_bytes + len(data), crc=crc)

    def _save(self) -> None:
        self._file.flush()
        kept = {"format": FORMAT, "made_from": self.made_from, "reached": asdict(self.reached)}
        following = self.state.with_name(f"{self.state.name}.new")
        following.write_text(json.dumps(kept), encoding="utf-8")
        following.replace(self.state)
        self._saved = time.monotonic()

    def _earlier(self) -> Reached | None:
        """How far an earlier run came; None: there was none, or it cannot go on."""
        if not (self.state.exists() and self.draft.exists()):
            return None
        try:
            kept = json.loads(self.state.read_text(encoding="utf-8"))
            changed = [words for name, words in STILL.items() if kept["made_from"].get(name) != self.made_from[name]]
            reached = Reached(**{**kept["reached"], "reasons": tuple(map(str, kept["reached"]["reasons"]))})
            damaged = kept["format"] != FORMAT or _checksum(self.draft, int(reached.n_bytes)) != reached.crc
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            changed, damaged, reached = [], True, Reached()
        if changed:
            verb = "has" if changed in ([STILL["bundle"]], [STILL["version"]]) else "have"
            self.note = f"Begins anew: {' and '.join(changed)} {verb} changed since the run that was stopped."
        elif damaged:
            self.note = "Begins anew: what the run that was stopped has left is damaged."
        else:
            self.note = f"Goes on after the first {amount(reached.n, self.noun)} of a run that was stopped."
            return reached
        return None

    def _remove(self) -> None:
        left = (self.draft, self.state, self.draft.with_name(f"{self.draft.name}.parquet"))
        for path in (*left, self.state.with_name(f"{self.state.name}.new")):
            path.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArchsmithError(
                f"The predictions cannot be written to {str(self.path)!r} ({reason(error)}).",
                f"Make room for them, or choose another place. The same command{'' if self.resume else WITHOUT} then "
                "goes on where it was.",
            ) from error


def _checksum(path: Path, n_bytes: int) -> int:
    """Of the first bytes of a file. Raises ValueError where it is shorter."""
    found = 0
    with open(path, "rb") as file:
        while n_bytes > 0:
            data = file.read(min(SLICE, n_bytes))
            if not data:
                raise ValueError("the draft is shorter than it was")
            found, n_bytes = zlib.crc32(data, found), n_bytes - len(data)
    return found
