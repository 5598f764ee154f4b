"""Comparisons of strategies that were made in the workspace."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from archsmith.app.comparisons import FILES, NAME, Listed, Shown
from archsmith.app.house import House

# The report of a comparison has its style in itself, and no script.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"

Name = Annotated[str, Path(pattern=f"^{NAME.pattern}$", description="Name of the comparison's folder.")]


class Answer(BaseModel):
    """What is read from one of our own objects."""

    model_config = ConfigDict(from_attributes=True)


class ComparisonAnswer(Answer):
    """One comparison at a glance."""

    name: str = Field(description="Name of its folder.")
    title: str = Field(description="What the strategies were compared on.")
    strategies: list[str] = Field(description="Their labels.")
    n_done: int = Field(description="Runs that have finished; 0 for several benchmarks at once.")
    n_runs: int = Field(description="Runs in all.")
    headline: str = Field(description="The verdict in half a line, or what is missing.")
    finished: bool = Field(description="Is there a verdict?")
    changed: float = Field(description="When it changed last, in Unix seconds.")


class TableAnswer(Answer):
    """Numbers as text."""

    title: str = Field(description="What they are.")
    lead: str = Field(description="How to read them.")
    columns: list[str] = Field(description="Heads of the columns.")
    rows: list[list[str]] = Field(description="The first of each row is a name.")


class ComparisonInFull(Answer):
    """A whole comparison."""

    listed: ComparisonAnswer = Field(description="At a glance.")
    verdict: str = Field(description="What may be said; empty before there is a verdict.")
    notes: list[str] = Field(description="What one must know before believing the numbers.")
    tables: list[TableAnswer] = Field(description="The numbers.")
    files: list[str] = Field(description="What may be taken: see the route of files.")


def router(house: House) -> APIRouter:
    """The routes."""
    made = APIRouter(tags=["comparisons"])

    @made.get("/comparisons")
    async def comparisons() -> list[ComparisonAnswer]:
        """All comparisons, the one that changed last first."""
        found: list[Listed] = await asyncio.to_thread(house.comparisons.list)
        return [ComparisonAnswer.model_validate(one) for one in found]

    @made.get("/comparisons/{name}")
    async def comparison(name: Name) -> ComparisonInFull:
        """What a comparison found."""
        found: Shown = await asyncio.to_thread(house.comparisons.get, name)
        return ComparisonInFull.model_validate(found)

    @made.get(
        "/comparisons/{name}/files/{file}",
        response_class=Response,
        responses={200: {"content": {kind: {} for kind in FILES.values()}, "description": "The file."}},
    )
    async def file(
        name: Name, file: Annotated[str, Path(pattern=f"^({'|'.join(FILES)})$", description="Name of the file.")]
    ) -> Response:
        """A file that ``archsmith compare`` has written: the whole report, all runs, all numbers."""
        content, kind = await asyncio.to_thread(house.comparisons.file, name, file)
        return Response(content, media_type=kind, headers={"content-security-policy": REPORT_POLICY})

    return made
