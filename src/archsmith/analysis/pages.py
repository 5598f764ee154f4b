"""What every HTML page of this room shares: the template engine and the style sheet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from archsmith.analysis import wording
from archsmith.core.errors import MissingExtraError
from archsmith.core.wording import visible

TEMPLATES = Path(__file__).parent / "templates"


def environment(what: str) -> Any:
    """The template engine: every value is escaped, and a name that is not there is an error.

    ``what`` names the page for the sentence of the error. Raises MissingExtraError without jinja2.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("jinja2", "train", what) from error
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters.update(
        share=wording.share,
        duration=wording.duration,
        rounded=wording.rounded,
        number=wording.number,
        network=wording.network_name,
        metric=wording.metric_name,
        sentence_case=wording.sentence_case,
        score=_score,
        python=repr,
    )
    return made


def _shown(value: Any) -> Any:
    """Text of people's data, in which no character acts."""
    return visible(value, but="\n\t") if type(value) is str else value


def _score(value: float | None, metric: str, n: int | None = None, most: float = 0.0) -> str:
    """A score as a template writes it: ``value | score(metric)``."""
    return wording.score(metric, value, n, most)


def safe(markup: str) -> Any:
    """Markup that this package drew itself; the template engine does not escape it."""
    from markupsafe import Markup

    return Markup(markup)


def style_sheet(*others: str) -> str:
    """The style of every page, and that of the files ``others`` among the templates."""
    return "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", *others))


def now() -> str:
    """The time as a page says it."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
