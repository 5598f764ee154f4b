"""``/studies``: begin a study, finish it, pause it, go on with it, remove it, and what its process says."""

from __future__ import annotations

import asyncio
import dataclasses
import types
import typing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from archsmith.app.fields import LARGEST
from archsmith.app.form import LONGEST_SECONDS
from archsmith.app.house import House
from archsmith.app.jobs import ID, NOT_ASKED
from archsmith.automl.settings import SHORTEST, FitSettings

MOST_LINES = 2000
LONGEST_TEXT = 1000
MOST_LISTED = 1000
MORE = r"\+?[0-9]{1,7}(\.[0-9]{1,3})?(s|m|h|d)?"

Study = Annotated[str, Path(description="Id of a study.", pattern=f"^{ID}$")]


class Begun(BaseModel):
    """A study that runs."""

    study: str = Field(description="Its id.")


class Begins(BaseModel):
    """A study that runs, or is about to."""

    study: str | None = Field(description="Its id; null while its data are being read.")
    job: str | None = Field(description="The process that begins it, among /jobs; null where its study is there.")


class Asked(BaseModel):
    """What became of a request to end a study."""

    study: str = Field(description="Its id.")
    ended: bool = Field(description="Has it ended? If not, it ends soon, at its next step.")


class More(BaseModel):
    """What a study is given to go on with."""

    model_config = ConfigDict(extra="forbid")

    more: str | None = Field(
        None,
        description="Time, such as '+20m' on top of what it has had; nothing: what is left of its budget.",
        pattern=f"^{MORE}$",
        examples=["+20m"],
    )


class JobSaid(BaseModel):
    """A process that the app started."""

    id: str = Field(description="Its id.")
    study: str | None = Field(description="The study that it works on; null while its data are being read.")
    data: str = Field(description="What it was started with.")
    started: float = Field(description="When, in Unix seconds.")
    running: bool = Field(description="Does it run?")
    code: int | None = Field(description="How it ended; below 0: the signal that ended it.")
    last_words: str = Field(description="Why it ended before its time; empty where it did not.")


class JobList(BaseModel):
    """Every process that the app started, the newest first."""

    jobs: list[JobSaid]


class Log(BaseModel):
    """What the process of a study said."""

    study: str = Field(description="Its id.")
    lines: list[str] = Field(description="The last lines; none for a study that was started elsewhere.")
    running: bool | None = Field(description="Does the process run? null for a study that was started elsewhere.")
    code: int | None = Field(description="How it ended; below 0: the signal that ended it.")
    last_words: str = Field(description="Why it ended before its time; empty where it did not.")


def _wishes() -> type[BaseModel]:
    """What a study may be begun with: the fields of FitSettings that name no place, and their descriptions."""
    hints = typing.get_type_hints(FitSettings)
    fields: dict[str, Any] = {
        "data": (
            Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)],
            Field(description="'digits' (the sample), or the id of a data set.", examples=["digits"]),
        ),
        "settings": (
            dict[str, dict[str, Any]],
            Field(default_factory=dict, description="Further settings by group: space, strategy, recipe, shared."),
        ),
    }
    for entry in dataclasses.fields(FitSettings):
        if "help" in entry.metadata and entry.name not in NOT_ASKED:
            fields[entry.name] = (hints[entry.name], _described(entry, hints[entry.name]))
    return create_model("Wishes", __doc__="A study to begin.", __config__=ConfigDict(extra="forbid"), **fields)


def _described(entry: dataclasses.Field[Any], hint: Any) -> Any:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    limits: dict[str, Any] = {}
    if typing.get_origin(hint) is tuple:
        limits = {"max_length": MOST_LISTED}
    elif str in kinds:
        limits = {"max_length": LONGEST_TEXT}
    elif entry.name == "seconds":
        limits = {"ge": SHORTEST, "le": LONGEST_SECONDS}
    elif bool not in kinds:
        limits = {"le": LARGEST, **({} if entry.metadata["least"] is None else {"ge": entry.metadata["least"]})}
    return Field(entry.default, description=entry.metadata["help"], **limits)


if typing.TYPE_CHECKING:
    Wishes = BaseModel
else:
    Wishes = _wishes()


def router(house: House) -> APIRouter:
    """The routes."""
    made = APIRouter(tags=["studies"])
    jobs = house.jobs

    @made.get("/jobs")
    async def list_jobs() -> JobList:
        """Searches that this app started, also those that still read their data."""
        found = await asyncio.to_thread(jobs.all)
        return JobList(jobs=[JobSaid(**{name: getattr(job, name) for name in JobSaid.model_fields}) for job in found])

    @made.post("/studies", status_code=201)
    async def begin(
        wishes: Wishes,
        response: Response,
        wait: Annotated[
            bool, Query(description="Answer when the study is there? If not, 202 is answered at once.")
        ] = True,
    ) -> Begins:
        """Begin a study. Answers when its data were read and it runs, or at once with the job that reads them: its
        study stands in /jobs as soon as there is one, and what went wrong there, too.
        """
        options = {name: getattr(wishes, name) for name in wishes.model_fields_set}
        if not wait:
            response.status_code = 202
            response.headers["location"] = "/api/v1/jobs"
            return Begins(study=None, job=await asyncio.to_thread(house.begin, options))
        study = await asyncio.to_thread(house.start, options)
        response.headers["location"] = f"/api/v1/studies/{study}"
        return Begins(study=study, job=None)

    @made.post("/studies/{study}/stop", status_code=202)
    async def stop(study: Study) -> Asked:
        """Finish with the best network so far."""
        await asyncio.to_thread(jobs.stop, study)
        return Asked(study=study, ended=False)

    @made.post("/studies/{study}/pause", status_code=202)
    async def pause(study: Study) -> Asked:
        """End now; nothing finished is lost, and it can be resumed."""
        return Asked(study=study, ended=await asyncio.to_thread(jobs.pause, study))

    @made.post("/studies/{study}/resume", status_code=202)
    async def resume(study: Study, more: More | None = None) -> Begun:
        """Go on, with more time or with what is left."""
        return Begun(study=await asyncio.to_thread(jobs.resume, study, None if more is None else more.more))

    @made.delete("/studies/{study}", status_code=204)
    async def remove(study: Study) -> None:
        """Remove a study for good, and the model in it. A bundle that lies elsewhere stays; a server of the model is
        ended. One that runs is refused.
        """
        await asyncio.to_thread(house.removal.remove, study)

    @made.get("/studies/{study}/log")
    async def log(
        study: Study, lines: Annotated[int, Query(description="How many.", ge=1, le=MOST_LINES)] = 200
    ) -> Log:
        """The last lines of what the process of a study said."""
        said = await asyncio.to_thread(jobs.log, study, lines)
        job = await asyncio.to_thread(jobs.of, study)
        if job is None:
            return Log(study=study, lines=said, running=None, code=None, last_words="")
        return Log(study=study, lines=said, running=job.running, code=job.code, last_words=job.last_words)

    return made
