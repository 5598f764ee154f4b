"""``/data``: the data sets: list, upload, look at, remove; and the forecast of a study on one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from archsmith.app import form
from archsmith.app.datasets import ID, DataSet, refuse_unready
from archsmith.app.forecast import forecast
from archsmith.app.form_file import FORM, is_form, one_file
from archsmith.app.house import House
from archsmith.app.samples import N_PICTURES
from archsmith.server.refusals import Refusal

Id = Annotated[str, Path(pattern=f"^{ID}$", description="The id of a data set.", examples=["digits"])]
Column = Annotated[str | None, Field(max_length=1_000)]
PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}, "description": "A PNG file."}}
BYTES = {"type": "string", "format": "binary"}
FILE_FORM = {"type": "object", "required": ["file"], "properties": {"file": BYTES}}
RAW: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A form with the file as its one part; or the bytes of the file as they are, with its name in "
        "the address.",
        "content": {FORM: {"schema": FILE_FORM}, "application/octet-stream": {"schema": BYTES}},
    }
}


class DataListed(BaseModel):
    """One data set in a list."""

    id: str = Field(description="Names it in every other address.")
    name: str = Field(description="Of the file that was given.")
    origin: str = Field(description="upload, path or sample.")
    n_bytes: int | None = Field(
        description="Of its files; null where nobody has counted them: of a folder elsewhere, and of the sample.", ge=0
    )
    added: float = Field(description="When, in Unix seconds; 0 for the sample.")
    state: str = Field(description="checking, ready, refused (no network can learn from it as it is) or stopped.")
    measuring: bool = Field(description="Is the machine being measured on it, for forecasts?")


class DataFound(DataListed):
    """One data set, and what its check found."""

    asked: dict[str, str | None] = Field(description="The target, the task and the column of pictures asked for.")
    facts: dict[str, Any] = Field(
        description="kind, task, target, metrics, findings (splits, counts of classes, notes, warnings), and samples: "
        "pictures, or columns and rows. For refused data, message and hint."
    )


class DataList(BaseModel):
    """All data sets, the newest first; the sample is the last."""

    data: list[DataListed]


class DataPath(BaseModel):
    """A file or folder below the allowed one."""

    model_config = ConfigDict(extra="forbid")
    path: str = Field(min_length=1, max_length=4_096, description="Absolute, or from the allowed folder.")


class DataAsked(BaseModel):
    """How data are to be understood. What is left out is found by looking at them."""

    model_config = ConfigDict(extra="forbid")
    target: Column = Field(None, description="The column that holds what is to be predicted.")
    task: str | None = Field(None, pattern="^(auto|classification|regression)$", description="What is learnt.")
    image: Column = Field(None, description="The column that holds pictures.")


class Wish(BaseModel):
    """The form of a new study: names of fields and texts, as a browser sends them. Without any, the defaults."""

    model_config = ConfigDict(extra="forbid")
    form: dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=2_000)]] = Field(
        default_factory=dict,
        max_length=1_000,
        description="budget (seconds, own or none), seconds, and the fields of the command line's fit by their names.",
        examples=[{"budget": "600", "strategy": "evolution"}],
    )


class Forecast(BaseModel):
    """What a study would do."""

    lines: list[str] = Field(description="Sentences; empty where a field is wrong.")
    wrong: dict[str, str] = Field(description="A sentence for each wrong field, by its name.")


def listed(found: DataSet) -> DataListed:
    """One entry of a list."""
    known = {name: getattr(found, name) for name in DataListed.model_fields}
    return DataListed(**{**known, "n_bytes": found.size})


def shown(found: DataSet) -> DataFound:
    """Everything about one data set."""
    facts = {name: value for name, value in found.facts.items() if name not in ("asked", "wall")}
    return DataFound(**{**listed(found).model_dump(), "asked": dict(found.asked), "facts": facts})


def router(house: House) -> APIRouter:
    """The routes."""
    made = APIRouter(tags=["data"])

    @made.get("/data")
    async def list_data() -> DataList:
        """All data sets."""
        return DataList(data=[listed(each) for each in await asyncio.to_thread(house.data.list)])

    @made.post("/data", status_code=201, openapi_extra=RAW)
    async def upload(
        request: Request,
        name: Annotated[
            str | None,
            Query(min_length=1, max_length=1_000, description="Of the file, with its ending, where no form says it."),
        ] = None,
        into: Annotated[str | None, Query(pattern=f"^{ID}$", description="The data set that it belongs to.")] = None,
        more: Annotated[bool, Query(description="Are further files of the same data set to come?")] = False,
    ) -> DataListed:
        """Send a file. It is kept when its last byte has come, and then looked at."""
        kind, declared = request.headers.get("content-type", ""), _declared(request)
        chunks: AsyncIterator[bytes] = request.stream()
        if is_form(kind):
            called, chunks = await one_file(kind, chunks)
            name, declared = name or called, None
        if not name:
            raise Refusal(422, "no_name", "The file has no name.", f"Send it so: curl -F file=@data.csv {request.url}")
        return listed(await house.data.receive(name, chunks, declared, into=into, more=more))

    @made.post("/data/paths", status_code=201)
    async def add_path(given: DataPath) -> DataListed:
        """Use a file or folder of the machine that runs the app, below the folder that it allows."""
        return listed(await asyncio.to_thread(house.data.add_path, given.path))

    @made.get("/data/{id}")
    async def get_data(id: Id) -> DataFound:
        """One data set, and what its check found."""
        return shown(await asyncio.to_thread(house.data.get, id))

    @made.post("/data/{id}/check", status_code=202)
    async def check(id: Id, asked: DataAsked) -> DataListed:
        """Look at data again, with another target, task or column of pictures."""
        return listed(await asyncio.to_thread(house.data.check, id, asked.model_dump()))

    @made.get("/data/{id}/pictures/{place}", response_class=Response, responses=PNG)
    async def picture(
        id: Id, place: Annotated[int, Path(ge=0, lt=N_PICTURES, description="In the list of pictures.")]
    ) -> Response:
        """One of the sample pictures, made small."""
        path = await asyncio.to_thread(house.data.picture, id, place)
        try:
            return Response(await asyncio.to_thread(path.read_bytes), media_type="image/png")
        except OSError as error:  # the data are being looked at again
            raise Refusal(404, "no_picture", "There is no such picture any more.") from error

    @made.post("/data/{id}/forecast")
    async def foretell(id: Id, wish: Wish) -> Forecast:
        """What a study would do with these data, before it is started. They have to be checked."""
        found = await asyncio.to_thread(house.data.get, id)
        refuse_unready(found)
        order = form.read(wish.form, found.facts)
        if order.wrong:
            return Forecast(lines=[], wrong=order.wrong)
        return Forecast(lines=[*order.notes, *forecast(found.facts, found.speed, order.options)], wrong={})

    @made.delete("/data/{id}", status_code=204)
    async def remove(id: Id) -> None:
        """Remove a data set and its files."""
        await asyncio.to_thread(house.data.remove, id)

    return made


def _declared(request: Request) -> int | None:
    """The length that the request says it has; None: it says nothing of it."""
    text = request.headers.get("content-length")
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
