"""``/models``: what finished studies exported, what is known of each, its mistakes, and files to take home."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from archsmith.app.house import House
from archsmith.app.mistakes import MistakesFacts, mistakes_csv, mistakes_facts, picture_png
from archsmith.app.model_facts import ModelFacts, ModelSummary
from archsmith.app.model_files import FILES, TakeFile, files_of, report_of, take
from archsmith.app.models import ID
from archsmith.app.relabels import LONGEST
from archsmith.app.thresholds import Thresholds, thresholds_of
from archsmith.bundle.container import service

MOST_SHOWN = 200  # mistakes in one answer
MOST_INDEX = 2**31
BINARY = {"schema": {"type": "string", "format": "binary"}}
# The report holds its style and its drawings. It may do nothing, and be saved from.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-downloads"

Id = Annotated[str, Path(description="Of the model, which is that of its study.", pattern=ID)]
Index = Annotated[int, Path(description="Which example of the test split.", ge=0, le=MOST_INDEX)]


class ModelList(BaseModel):
    """All models."""

    models: list[ModelSummary] = Field(description="The one whose study changed last first.")


class Mistakes(BaseModel):
    """Mistakes on the test split, and what people say of them."""

    mistakes: MistakesFacts | None = Field(description="Null where there are none, or none can be told.")
    relabels: dict[int, str] = Field(description="What people say that test examples are, by index.")


class Relabel(BaseModel):
    """What a test example really is."""

    label: str | None = Field(
        description="A class, a number or other words; null or nothing takes back what was said.", max_length=LONGEST
    )


class Relabelled(BaseModel):
    """What people say that test examples are."""

    relabels: dict[int, str] = Field(description="By index.")


class FileList(BaseModel):
    """What can be taken of a model."""

    files: list[TakeFile] = Field(description="The whole bundle first.")


def _binary(*types: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": dict.fromkeys(types, BINARY), "description": "The content."}}


def router(house: House) -> APIRouter:
    """The routes. All of them read files, so none runs in the event loop."""
    made = APIRouter(tags=["models"])
    models = house.models

    @made.get("/models")
    def all_models() -> ModelList:
        """All models in a line each, the one whose study changed last first."""
        return ModelList(models=models.list())

    @made.get("/models/{id}")
    def facts(id: Id) -> ModelFacts:
        """All that is known of one model."""
        return models.facts(id)

    @made.get("/models/{id}/thresholds")
    def thresholds(
        id: Id,
        label: Annotated[
            int | None, Query(description="Place of a class, from 0; all classes without it.", ge=0, le=MOST_INDEX)
        ] = None,
    ) -> Thresholds:
        """What becomes of the test examples when the network has to be surer."""
        return thresholds_of(models.study(id), label)

    @made.get("/models/{id}/mistakes")
    def mistakes(
        id: Id,
        offset: Annotated[int, Query(description="How many to pass over.", ge=0, le=MOST_INDEX)] = 0,
        limit: Annotated[int, Query(description="Most that are wanted.", ge=1, le=MOST_SHOWN)] = 24,
    ) -> Mistakes:
        """The worst mistakes on the test split, and what people say of them."""
        found = mistakes_facts(models.study(id), offset, limit)
        return Mistakes(mistakes=found, relabels=models.relabels.get(id))

    @made.get("/models/{id}/mistakes.csv", response_class=Response, responses=_binary("text/csv"))
    def mistakes_list(id: Id) -> Response:
        """All mistakes as CSV."""
        lines = mistakes_csv(models.study(id), models.relabels.get(id))
        return _saved(StreamingResponse(lines, media_type="text/csv; charset=utf-8"), f"{service(id)}-mistakes.csv")

    @made.put("/models/{id}/mistakes/{index}")
    def relabel(id: Id, index: Index, given: Relabel) -> Relabelled:
        """Note what a test example really is."""
        return Relabelled(relabels=models.relabel(id, index, given.label))

    @made.get("/models/{id}/mistakes/{index}.png", response_class=Response, responses=_binary("image/png"))
    def picture(id: Id, index: Index) -> Response:
        """The picture of a test example."""
        return Response(picture_png(models.study(id), index), media_type="image/png")

    @made.get("/models/{id}/report", response_class=Response, responses=_binary("text/html"))
    def report(id: Id) -> Response:
        """The report as one HTML file."""
        bundle, _ = models.whole(id)
        headers = {"content-security-policy": REPORT_POLICY}
        return Response(report_of(bundle, models.get(id).study), media_type="text/html; charset=utf-8", headers=headers)

    @made.get("/models/{id}/files")
    def files(id: Id) -> FileList:
        """What can be taken of a model."""
        return FileList(files=files_of(models.whole(id)[0]))

    @made.get(
        "/models/{id}/files/{name}",
        response_class=Response,
        responses=_binary("application/zip", "application/octet-stream"),
    )
    def file(
        id: Id, name: Annotated[str, Path(description=f"One of: {', '.join(FILES)}.", max_length=100)]
    ) -> Response:
        """One file of a model; bundle.zip is all of it."""
        taken = take(*models.whole(id), name)
        headers = {} if taken.size is None else {"content-length": str(taken.size)}
        return _saved(StreamingResponse(taken.pieces, media_type=taken.type, headers=headers), taken.name)

    return made


def _saved(response: Response, name: str) -> Response:
    """A browser saves it under ``name`` instead of showing it."""
    response.headers["content-disposition"] = f'attachment; filename="{name}"'
    return response
