"""``/about``: what this app is and allows."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from archsmith.app.house import House
from archsmith.version import VERSION


class About(BaseModel):
    """What this app is and allows. Sizes are in bytes."""

    version: str
    workspace: str
    upload_bytes: int
    quota_bytes: int
    allow_paths: bool


def router(house: House) -> APIRouter:
    """The routes."""
    made = APIRouter(tags=["about"])

    @made.get("/about")
    async def about() -> About:
        """Version, workspace and limits."""
        settings = house.settings
        return About(
            version=VERSION,
            workspace=str(house.workspace.path),
            upload_bytes=settings.upload_bytes,
            quota_bytes=settings.quota_bytes,
            allow_paths=settings.allow_paths is not None,
        )

    return made
