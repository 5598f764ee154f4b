"""A study that is about to begin, as a page shows it: since when, how to end it, and why none came of it.

What is known of it lies on disk (``app.jobs``), so a page that is loaded again, another tab and an app that was started
anew all say the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from nicegui import ui

from archsmith.app.job import Job
from archsmith.app.jobs import Jobs
from archsmith.app.overview import DAY, beginning_words, failed_words
from archsmith.app.pages.frame import Words, box, sheet
from archsmith.core.errors import ArchsmithError
from archsmith.server.refusals import Refusal

CANCELLED = "The start was cancelled."
OPENS = "Its page opens by itself when it has begun."


def study_page(study: str) -> str:
    """The address of the page of a study."""
    return f"/studies/{quote(study, safe='')}"


class Starting:
    """The study of the data at ``source`` that has no page of its own yet.

    ``held``: is called with whether one is about to begin, which no second one may disturb.
    ``failed``: is called with what the job that this page began has said, where it came to nothing.
    """

    def __init__(
        self, jobs: Jobs, source: str, held: Callable[[bool], object], failed: Callable[[str], object]
    ) -> None:
        self._jobs = jobs
        self._source = source
        self._held = held
        self._failed = failed
        self._client = ui.context.client
        self._own = ""  # the job that this page began
        self._opened = False  # the page of the study
        self._shown: tuple[str, bool] | None = None  # its id, and whether it runs
        self._words: Any = None
        self._place = box(props='role="status"')

    @property
    def runs(self) -> bool:
        """Is a study about to begin?"""
        return self._shown is not None and self._shown[1]

    async def began(self, job: str) -> None:
        """This page has begun the job ``job``; where that leads to a study, its page is opened."""
        self._own = job
        await self.look()

    async def look(self) -> None:
        """Show what there is now."""
        job = await asyncio.to_thread(self._jobs.beginning, self._source)
        if self._own:
            own = await asyncio.to_thread(self._jobs.get, self._own)
            if self._client.is_deleted:
                return
            if own is None or not own.beginning:
                self._ended(own)
            elif own.failed:
                self._own, job = "", None
                said = own.last_words  # before its log is gone
                await asyncio.to_thread(self._jobs.forget, own.id)
                self._failed(said)
        if self._client.is_deleted:
            return
        if job is not None and not job.running and time.time() - job.started > DAY:
            job = None
        await self._show(job)

    def _ended(self, own: Job | None) -> None:
        """The job of this page has a study, or there is none of it any more."""
        self._own = ""
        if own is not None and own.study is not None:
            self._open(own.study)
        else:
            self._failed(CANCELLED)

    def _open(self, study: str) -> None:
        """Go to the page of a study that this page saw starting, unless it does so already."""
        if not self._opened:
            self._opened = True
            self._client.open(study_page(study))

    async def _show(self, job: Job | None) -> None:
        now = None if job is None else (job.id, job.running)
        if now != self._shown:
            before, self._shown = self._shown, now
            begun = None if before is None or job is not None else await asyncio.to_thread(self._jobs.get, before[0])
            self._draw(job)
            self._held(self.runs)
            if begun is not None and begun.study is not None:
                self._open(begun.study)
        elif job is not None and job.running:
            self._words.set_text(beginning_words(job))

    def _draw(self, job: Job | None) -> None:
        self._place.clear()
        with self._place:
            if job is not None and job.running:
                with sheet("A study of these data is starting"):
                    with box("p", props='aria-live="off"'):
                        self._words = Words("span", beginning_words(job))
                    Words("p", OPENS, "faint")
                    self._button("Cancel", "Cancelling …", job.id, self._jobs.pause)
            elif job is not None:
                with sheet("No study could begin"):
                    Words("p", failed_words(job), "failed")
                    self._button("Do not show this again", "…", job.id, self._jobs.forget)

    def _button(self, words: str, busy: str, job: str, act: Callable[[str], object]) -> None:
        button: Any = Words("button", words, "second", 'type="button"')

        async def press() -> None:
            button.props('disabled="true"')
            button.set_text(busy)
            with contextlib.suppress(ArchsmithError, Refusal):  # it has begun, or ended, meanwhile
                await asyncio.to_thread(act, job)
            await self.look()

        button.on("click", press)
