"""Plain data: what the parts of the app hand to pages, and to the API, which describes it by its fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Plain(BaseModel):
    """Facts that JSON can hold. A number that is not finite is a ValueError."""

    model_config = ConfigDict(allow_inf_nan=False, frozen=True)
