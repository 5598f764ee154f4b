"""``/api/v1``: which addresses there are, for whoever asks without knowing any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

DOCS = "/api/docs"  # the page that tells people of them


class Address(BaseModel):
    """What can be asked."""

    method: str = Field(description="Of HTTP.")
    path: str = Field(description="With names in braces for what a request fills in.")
    says: str = Field(description="What it does, in a sentence.")


class Index(BaseModel):
    """What this API offers."""

    name: str
    version: str
    docs: str = Field(description="A page for people, with a line of curl for each address.")
    openapi: str = Field(description="The whole description, for programs.")
    addresses: list[Address]


def add(api: FastAPI, prefix: str) -> None:
    """Add the address to ``api``, whose other routes are there already."""

    @api.get(prefix, tags=["about"])
    @api.get(prefix + "/", include_in_schema=False)
    async def index() -> Index:
        """Which addresses there are."""
        found = [Address(method=method, path=path, says=says(what)) for path, method, what in operations(api.openapi())]
        return Index(name=api.title, version=api.version, docs=DOCS, openapi=str(api.openapi_url), addresses=found)


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path, method and description of each address of an OpenAPI ``document``."""
    for path, methods in document["paths"].items():
        for method, what in methods.items():
            yield path, method.upper(), what


def says(what: Mapping[str, Any]) -> str:
    """What an address does, in a sentence or some."""
    return " ".join(str(what.get("description") or f"{what['summary']}.").replace("`", "").split())
