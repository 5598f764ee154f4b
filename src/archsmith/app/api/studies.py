"""``/studies``: the studies of the workspace; of one of them its trials, networks, charts and leaderboard, and its
changes as they happen.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from archsmith.app.entrants import Entrants, entrants
from archsmith.app.groups import Order
from archsmith.app.house import House
from archsmith.app.plain import Plain
from archsmith.app.standings import Standings, standings
from archsmith.app.studies import LONGEST_ID, Followed
from archsmith.app.study_charts import Charts, charts
from archsmith.app.study_facts import State, StudyFacts, study_facts
from archsmith.app.trial_facts import Sorted, TrialFacts, Trials, trial_facts, trials
from archsmith.automl.glance import score_in_words, what
from archsmith.core.errors import StudyError
from archsmith.core.wording import visible
from archsmith.runtime.study_view import INTERRUPTED
from archsmith.server.refusals import Refusal

MOST_LISTED = 200
MOST_LISTENERS = 32  # of all studies together
TICK_SECONDS, HEARTBEAT_SECONDS = 0.5, 15.0
LONGEST_STREAM = 3600
RETRY_MS = 1000  # after which a browser asks again for a stream that ended

Made = TypeVar("Made")
Id = Annotated[str, Path(description="Of a study.", min_length=1, max_length=LONGEST_ID, pattern=r"^[^/\\]+$")]
Number = Annotated[int, Path(description="Of a trial, from 0.", ge=0, le=10**9)]
Offset = Annotated[int, Query(description="How many to pass over.", ge=0, le=10**9)]


class Glance(Plain):
    """One study in a line. Times are Unix seconds."""

    study: str = Field(description="Its id.")
    state: State
    score: str | None = Field(description="Of the exported network on the test split, or else of the best trial.")
    what: str | None = Field(description="What tells it from others.")
    data: str | None = Field(description="The data of a job.")
    n_finished: int = Field(description="Trials that ended.")
    started: float
    changed: float = Field(description="When something was last logged.")


class Studies(Plain):
    """A page of all studies, the one that changed last first."""

    total: int
    offset: int
    studies: list[Glance]


def router(house: House) -> APIRouter:
    """The routes."""
    made = APIRouter(tags=["studies"])
    listeners = _Listeners()

    async def told(id: str, make: Callable[..., Made], *asked: Hashable) -> Made:
        return await _asked(house, id, lambda followed: followed.facts(make, *asked))

    @made.get("/studies")
    async def list_studies(
        offset: Offset = 0, limit: Annotated[int, Query(description="At most so many.", ge=1, le=MOST_LISTED)] = 50
    ) -> Studies:
        """Studies in a line each, the one that changed last first."""
        rows, total = await asyncio.to_thread(house.studies.page, offset, limit)
        return Studies(total=total, offset=offset, studies=[glance(row) for row in rows])

    @made.get("/studies/{id}")
    async def study(id: Id) -> StudyFacts:
        """One study at a glance."""
        return await _asked(house, id, lambda followed: facts_of(followed, house))

    @made.get("/studies/{id}/trials")
    async def list_trials(
        id: Id,
        offset: Offset = 0,
        limit: Annotated[int, Query(description="At most so many.", ge=1, le=500)] = 100,
        order: Annotated[Sorted, Query(description="By number, the newest first, or the best first.")] = "id",
    ) -> Trials:
        """The trials of a study, page by page."""
        return await told(id, trials, offset, limit, order)

    @made.get("/studies/{id}/trials/{trial}")
    async def one_trial(id: Id, trial: Number) -> TrialFacts:
        """One trial, and the network that it is of."""
        return await told(id, trial_facts, trial)

    @made.get("/studies/{id}/entrants")
    async def list_entrants(
        id: Id,
        offset: Offset = 0,
        limit: Annotated[int, Query(description="At most so many.", ge=1, le=200)] = 20,
        order: Annotated[Order, Query(description="Best first, newest first, or most work first.")] = "score",
    ) -> Entrants:
        """The networks of a study, page by page: learning curve, state, and why it was stopped."""
        return await told(id, entrants, offset, limit, order)

    @made.get("/studies/{id}/leaderboard")
    async def leaderboard(id: Id) -> Standings:
        """What was trained, with the baselines, best first."""
        return await told(id, standings)

    @made.get("/studies/{id}/curves")
    async def curves(id: Id) -> Charts:
        """What the charts show: trials over time, scores against sizes, learning curves."""
        return await _asked(house, id, charts_of)

    @made.get(
        "/studies/{id}/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Events `change` and `gone`."}},
    )
    async def events(
        request: Request,
        id: Id,
        seconds: Annotated[int, Query(description="How long to listen.", ge=1, le=LONGEST_STREAM)] = LONGEST_STREAM,
    ) -> StreamingResponse:
        """Server-sent events: the first one says how things stand; then one for each change, with what changed (`state,
        phases, trials, curves, notes, result`). Comments keep the line open.
        """
        followed = await _asked(house, id, lambda followed: followed)
        if listeners.n >= MOST_LISTENERS:
            raise Refusal.busy("Too many pages listen already.")
        stream = _stream(followed, request.is_disconnected, seconds, listeners)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    return made


async def _asked(house: House, id: str, ask: Callable[[Followed], Made]) -> Made:
    """What ``ask`` says of a study, outside of the event loop. Raises Refusal where there is no such study or trial."""
    try:
        return await asyncio.to_thread(lambda: ask(house.studies.get(id)))
    except StudyError as error:
        raise Refusal.of(error, 404, "study") from error


def facts_of(followed: Followed, house: House) -> StudyFacts:
    """The facts of a study, with its version. Not kept, since its clock goes on. Of one that ended on the way, its job
    knows why; a program that asks and tells by hand left it in order.
    """
    with followed.look() as view:
        found = followed.tell(study_facts)
        found = found.model_copy(update={"version": followed.version})
        by_hand = view.by_hand
    jobs = getattr(house, "jobs", None)
    if found.state != INTERRUPTED or by_hand or jobs is None:
        return found
    why = " ".join(filter(None, [jobs.why_it_ended(followed.id, found.changed), found.why]))
    return found.model_copy(update={"why": why})


def charts_of(followed: Followed) -> Charts:
    """The charts of a study, with its version."""
    with followed.look():
        found = followed.facts(charts)  # may find out that it cannot be read, which is another version
        return found.model_copy(update={"version": followed.version})


def glance(row: Mapping[str, Any]) -> Glance:
    """A row of ``Studies.list`` in words."""

    def told(text: object) -> str | None:
        return None if text is None else visible(str(text))[:600]

    return Glance(
        study=row["study"],
        state=row["state"],
        score=told(score_in_words(row)),
        what=told(what(row)),
        data=told(row["data"]),
        n_finished=row["n_finished"],
        started=row["started"],
        changed=row["changed"],
    )


@dataclass
class _Listeners:
    """How many streams are open. Each holds a connection for as long as somebody listens."""

    n: int = 0


async def _stream(
    followed: Followed, gone: Callable[[], Awaitable[bool]], seconds: int, listeners: _Listeners
) -> AsyncIterator[str]:
    """Ends when the client goes, when the study goes, or after ``seconds``."""
    listeners.n += 1
    try:
        seen: str | None = None
        began = spoke = time.monotonic()
        yield f"retry: {RETRY_MS}\n\n"
        while time.monotonic() - began < seconds and not await gone():
            try:
                change = await asyncio.to_thread(_change, followed, seen)
            except StudyError as error:
                yield _event("gone", {"message": error.message})
                return
            if change is not None:
                seen, spoke = str(change["version"]), time.monotonic()
                yield _event("change", change, seen)
            elif time.monotonic() - spoke >= HEARTBEAT_SECONDS:
                spoke = time.monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(TICK_SECONDS)
    finally:
        listeners.n -= 1


def _change(followed: Followed, seen: str | None) -> dict[str, object] | None:
    """What is new since the version ``seen``; None where nothing is."""
    with followed.look() as view:
        change = followed.since(seen)
        if change.version == seen:
            return None
        return {
            "version": change.version,
            "changed": list(change.parts),
            "state": view.state,
            "n_trials": len(view.history),
            "n_finished": view.n_finished,
        }


def _event(name: Literal["change", "gone"], data: dict[str, object], id: str | None = None) -> str:
    head = f"event: {name}\n" + (f"id: {id}\n" if id else "")
    return f"{head}data: {json.dumps(data)}\n\n"
