"""One process that the app started, as its folder tells it: see ``archsmith.app.jobs``."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from archsmith.app import keeper
from archsmith.core.wording import visible
from archsmith.runtime.lease import Holder

ENDED_WELL = (0, 130)  # exit codes: done, and ended by Ctrl-C or a pause
LAST_WORDS = 12  # lines
CLOCK_SECONDS = 1.0  # by which times of files and of a log may differ
GONE = "Its process is gone. What was finished is kept."


@dataclass(frozen=True)
class Job:
    """One process that the app started.

    id: of the job.
    study: that it works on; None while there is none yet.
    data: what it was started with, for people.
    started: Unix time.
    running: does it still?
    code: how it ended; below 0: the signal that ended it; None while it runs, and where nobody saw its end.
    known: its keeper.
    folder: where its log lies.
    source: where its data lie; empty for a study that goes on.
    target: the column that it learns to predict, if one was named.
    """

    id: str
    study: str | None
    data: str
    started: float
    running: bool
    code: int | None
    known: Holder
    folder: Path
    source: str = ""
    target: str = ""

    @property
    def failed(self) -> bool:
        """Did it end otherwise than it should?"""
        return not self.running and self.code not in ENDED_WELL

    @property
    def beginning(self) -> bool:
        """Does it still read its data, or did it fail before there was a study?"""
        return self.study is None and (self.running or self.failed)

    def log(self, n: int) -> list[str]:
        """The last ``n`` lines of what it said."""
        try:
            data = (self.folder / keeper.LOG).read_bytes()
        except OSError:
            return []
        return [visible(line) for line in data.decode("utf-8", "replace").splitlines()[-n:]] if n > 0 else []

    def words_of_end(self, changed: float) -> str:
        """``last_words``, where its study ended with it; empty where another process has worked on that since. Then
        something was ``changed``, that is logged, at a time (Unix) at which this one was gone.
        """
        wrote = 0.0
        for name in (keeper.PID, keeper.LOG, keeper.CODE):
            with contextlib.suppress(OSError):
                wrote = max(wrote, (self.folder / name).stat().st_mtime)
        return self.last_words if changed <= wrote + CLOCK_SECONDS else ""

    @property
    def last_words(self) -> str:
        """Why it ended, in a sentence or a few lines; empty where it ended as it should."""
        if not self.failed:
            return ""
        said = [line.removeprefix("archsmith: ") for line in self.log(LAST_WORDS) if line.startswith("archsmith: ")]
        if said:
            return said[-1]
        if self.code is not None and self.code < 0:
            why = " Most often, memory has run out." if self.code == -9 else ""
            return f"Its process was killed (signal {-self.code}).{why} What was finished is kept."
        if self.code is None:
            return GONE
        return " ".join(self.log(LAST_WORDS)) or f"Its process ended with the code {self.code} and said nothing."
