"""Networks of a study: facts, drawings, source, differences, and where they came from."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from archsmith.app.house import House
from archsmith.app.networks import EXPORTED, Difference

STUDY = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
LONGEST_STUDY = 255
NAME = f"^({EXPORTED}|[0-9]{{1,9}})$"
MOST_PICTURES = 3  # the whole, and two kinds of cells
SVG = "image/svg+xml"
# A drawing has styles and nothing else in it.
SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"

Study = Annotated[str, Path(pattern=STUDY, max_length=LONGEST_STUDY, description="Id of the study.")]
Name = Annotated[str, Path(pattern=NAME, description="Number of the trial, or 'exported'.")]


class Answer(BaseModel):
    """What is read from one of our own objects."""

    model_config = ConfigDict(from_attributes=True)


class FactAnswer(Answer):
    """A name, and what stands beside it."""

    name: str = Field(description="What it is.")
    text: str = Field(description="What it says, as the page shows it.")


class CurveAnswer(Answer):
    """What was reported while a network learnt."""

    metric: str = Field(description="Title of the metric.")
    unit: str = Field(description="What the steps of its points are: epochs or steps.")
    points: list[tuple[float, float]] = Field(description="(step, value), at most some hundred.")


class NetworkAnswer(Answer):
    """What the log says of one network."""

    study: str = Field(description="Id of the study.")
    name: str = Field(description="Number of the trial, or 'exported'.")
    trial: int | None = Field(description="Number of the trial; null where it was none.")
    title: str = Field(description="What it is called.")
    state: str = Field(description="exported, finished, failed or not finished yet.")
    error: str | None = Field(description="Why it failed.")
    place: int | None = Field(description="In the ranking, from 1; null outside of it.")
    n_ranked: int = Field(description="How many trials are ranked; of a pool the best one of each network.")
    beyond: str = Field(description="What became of its network, where that is more than this trial; else empty.")
    previous: int | None = Field(description="Trial before it in the ranking.")
    next: int | None = Field(description="Trial after it in the ranking.")
    scores: list[FactAnswer] = Field(description="All that was measured.")
    facts: list[FactAnswer] = Field(description="About its training.")
    decisions: list[FactAnswer] = Field(description="Every decision and its answer.")
    parents: list[int] = Field(description="Trials that it was made from, or the one that its training goes on from.")
    children: list[int] = Field(description="The first trials that were made from it.")
    n_children: int = Field(description="How many were made from it in all.")
    further: list[int] = Field(description="The first trials in which its training goes on.")
    curve: CurveAnswer | None = Field(description="Its learning curve; null where nothing was reported.")


class CostAnswer(BaseModel):
    """What a network costs, counted from its graph."""

    params: int = Field(description="Trainable values.")
    macs: int = Field(description="Multiply-adds for one example.")
    saved_bytes: int = Field(description="Bytes that training keeps for one example, in float32.")
    n_operations: int = Field(description="Operations of the graph.")
    pictures: list[str] = Field(description="Titles of its drawings: the whole, then its cells.")


class RowAnswer(Answer):
    """One line of a difference."""

    name: str = Field(description="What it is.")
    first: str | None = Field(description="What the first network says; null where it has no such thing.")
    second: str | None = Field(description="What the second network says.")
    same: bool = Field(description="Are they the same?")


class DifferenceAnswer(Answer):
    """Two networks against one another."""

    first: NetworkAnswer = Field(description="The first network.")
    second: NetworkAnswer = Field(description="The second network.")
    n_different: int = Field(description="How many decisions differ, or are of one network only.")
    decisions: list[RowAnswer] = Field(description="Those that differ come first.")
    scores: list[RowAnswer] = Field(description="Those that differ come first.")


class ChangeAnswer(Answer):
    """One decision that a child has otherwise than its parent."""

    name: str = Field(description="The decision.")
    before: str | None = Field(description="Of the parent; null where it has no such decision.")
    after: str | None = Field(description="Of the child.")


class StepAnswer(Answer):
    """One trial on the way to the best."""

    trial: int = Field(description="Its number.")
    parent: int | None = Field(description="The trial before it on this way.")
    made_by: str = Field(description="How the strategy made it.")
    score: str = Field(description="Its score as text.")
    better: bool | None = Field(
        description="Is it better than its parent, by the first objective? Null where they do not compare."
    )
    changes: list[ChangeAnswer] = Field(description="The first decisions that changed.")
    n_changes: int = Field(description="How many changed in all.")


class FamilyAnswer(Answer):
    """All that came from one trial without parents."""

    founder: int = Field(description="That trial.")
    n_members: int = Field(description="How many trials, with the founder.")
    best: int | None = Field(description="The best of them, by the first objective.")
    score: str = Field(description="Its score as text.")


class LineageAnswer(Answer):
    """Where the networks of a study came from."""

    lead: str = Field(description="What it comes to.")
    path: list[StepAnswer] = Field(description="From the founder to the best trial, by the first objective.")
    families: list[FamilyAnswer] = Field(description="The largest families.")
    n_families: int = Field(description="How many there are in all.")


class BeliefKeyAnswer(Answer):
    """A decision that a policy thinks about."""

    name: str = Field(description="The decision.")
    end: str = Field(description="Probability of its likeliest option at last.")


class BeliefAnswer(Answer):
    """One thing that the strategy believed."""

    title: str = Field(description="What it is.")
    lead: str = Field(description="What it comes to.")
    note: str = Field(description="How to read its charts.")
    keys: list[BeliefKeyAnswer] = Field(description="Decisions, the most settled first.")


class HistoryAnswer(BaseModel):
    """How a search came to its networks."""

    lineage: LineageAnswer | None = Field(description="Null where no trial came from another one.")
    beliefs: list[BeliefAnswer] = Field(description="Empty where the strategy noted nothing of the kind.")


def router(house: House) -> APIRouter:
    """The routes."""
    made = APIRouter(tags=["networks"])
    networks = house.networks

    @made.get("/studies/{study}/networks/{name}.svg", response_class=Response, responses=_content(SVG))
    async def drawing(
        study: Study,
        name: Name,
        part: Annotated[int, Query(ge=0, lt=MOST_PICTURES, description="0 is the whole; then its cells.")] = 0,
    ) -> Response:
        """A drawing as SVG. A part that the network does not have gives the whole."""
        drawn = await asyncio.to_thread(networks.drawn, study, name)
        picture = drawn.pictures[part if part < len(drawn.pictures) else 0]
        return Response(picture.svg, media_type=SVG, headers={"content-security-policy": SVG_POLICY})

    @made.get(
        "/studies/{study}/networks/{name}/source", response_class=PlainTextResponse, responses=_content("text/plain")
    )
    async def source(study: Study, name: Name) -> Response:
        """The network as a Python file for PyTorch; its weights are not trained."""
        return PlainTextResponse(await asyncio.to_thread(networks.source, study, name))

    @made.get("/studies/{study}/networks/{name}/cost")
    async def cost(study: Study, name: Name) -> CostAnswer:
        """What the network costs. It is built for that, which takes a second."""
        drawn = await asyncio.to_thread(networks.drawn, study, name)
        return CostAnswer(
            params=drawn.params,
            macs=drawn.macs,
            saved_bytes=drawn.saved_bytes,
            n_operations=drawn.n_operations,
            pictures=[picture.title for picture in drawn.pictures],
        )

    @made.get("/studies/{study}/networks/{name}")
    async def network(study: Study, name: Name) -> NetworkAnswer:
        """What the log says of one network."""
        return NetworkAnswer.model_validate(await asyncio.to_thread(networks.get, study, name))

    @made.get("/studies/{study}/lineage")
    async def lineage(study: Study) -> HistoryAnswer:
        """Which network came from which, and what the strategy believed."""
        found, beliefs = await asyncio.to_thread(lambda: (networks.lineage(study), networks.beliefs(study)))
        return HistoryAnswer(
            lineage=None if found is None else LineageAnswer.model_validate(found),
            beliefs=[BeliefAnswer.model_validate(belief) for belief in beliefs],
        )

    @made.get("/differences")
    async def difference(
        study: Annotated[str, Query(pattern=STUDY, max_length=LONGEST_STUDY, description="Study of the first.")],
        a: Annotated[str, Query(pattern=NAME, description="The first network.")],
        b: Annotated[str, Query(pattern=NAME, description="The second network.")],
        other: Annotated[
            str | None, Query(pattern=STUDY, max_length=LONGEST_STUDY, description="Study of the second, if another.")
        ] = None,
    ) -> DifferenceAnswer:
        """Two networks against one another."""
        found: Difference = await asyncio.to_thread(networks.difference, (study, a), (other or study, b))
        return DifferenceAnswer.model_validate(found)

    return made


def _content(kind: str) -> dict[int | str, dict[str, Any]]:
    """The description of an answer that is no JSON."""
    return {200: {"content": {kind: {"schema": {"type": "string"}}}, "description": "The file."}}
