"""The FastAPI application, its errors in words, and its description. Each group of routes has a file of its own."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from archsmith.app.api import about, comparisons, data, index, jobs, model_use, models, networks, studies
from archsmith.app.house import House
from archsmith.core.errors import ArchsmithError, NoStudyError, shortened
from archsmith.server.refusals import Refusal
from archsmith.version import VERSION

PREFIX = "/api/v1"
UNPROCESSABLE = 422
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Wrong(BaseModel):
    """What is wrong with a request, and what to do about it."""

    code: str
    message: str
    hint: str | None = None


class Problem(BaseModel):
    """The body of every answer from 400 on."""

    error: Wrong


REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request cannot be answered as wished; the body says why."},
}


def create(house: House) -> FastAPI:
    """The API, without pages."""
    api = FastAPI(
        title="Archsmith",
        version=VERSION,
        description="The pipeline from data to a served network.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page loads scripts from another origin
        redoc_url=None,
        responses=REFUSALS,
    )
    for group in (about, comparisons, data, jobs, model_use, models, networks, studies):
        api.include_router(group.router(house), prefix=PREFIX)
    index.add(api, PREFIX)
    api.add_api_route(PREFIX + "/{path:path}", _nothing, methods=METHODS, include_in_schema=False)
    api.add_exception_handler(Refusal, _refused)
    api.add_exception_handler(ArchsmithError, _refused)
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(Exception, _defect)
    return api


def _answer(refusal: Refusal) -> JSONResponse:
    wrong = {name: value and _plain(value) for name, value in refusal.wrong().items()}
    return JSONResponse({"error": wrong}, refusal.status, refusal.headers)


def _plain(text: str) -> str:
    """Half a character, which JSON may hold, cannot be written."""
    return text.encode("utf-8", "replace").decode("utf-8")


async def _nothing(path: str) -> None:
    """Whatever no other route takes; behind it the pages begin."""
    raise Refusal(404, "nothing", "There is nothing at this address.", f"See {PREFIX}/openapi.json.")


async def _refused(request: Request, error: Exception) -> JSONResponse:
    return _answer(refusal_of(error))


def refusal_of(error: Exception) -> Refusal:
    """What API and pages answer where a part raises a Refusal or an ArchsmithError."""
    if isinstance(error, Refusal):
        return error
    assert isinstance(error, ArchsmithError)
    if isinstance(error, NoStudyError):
        return Refusal.of(error, 404, "study")
    return Refusal.of(error, UNPROCESSABLE, "refused")


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    said = str(first["msg"]).replace("valid tuple", "valid list")  # JSON knows no tuples
    return _answer(Refusal(UNPROCESSABLE, "malformed", f"{place[:200]}: {shortened(said)}."))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    words = {404: "There is nothing at this address.", 405: "This address is not asked in this way."}
    said = words.get(error.status_code, shortened(str(error.detail)))
    return _answer(Refusal(error.status_code, "http", said, None, dict(error.headers or {})))


async def _defect(request: Request, error: Exception) -> JSONResponse:
    return _answer(Refusal(500, "internal", "The app has failed; its log says why."))
