"""Tables, numbers and scores as Markdown; texts from outside have no effect on what stands around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archsmith.core.targets import METRICS
from archsmith.core.wording import decimals


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; every cell is made harmless."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(" --- " for _ in header) + "|"]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def cell(value: object) -> str:
    """Text from outside on one line and without effect on the table around it."""
    return " ".join(str(value).split()).replace("\\|", "|").replace("|", "\\|").replace("<", "&lt;")


def number(value: object) -> str:
    """Digits in groups of three, four places of a fraction; – for what is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return cell(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def score(metric: str, value: float | None) -> str:
    """A value of a metric, in the form that its unit asks for."""
    if value is None:
        return "–"
    unit = METRICS[metric].unit if metric in METRICS else ""
    if unit == "target":  # whatever its size
        return f"{value:,.4g}"
    return percent(value) if "accuracy" in metric else f"{value:z.{decimals(value, 4)}f}"


def share(value: float | None) -> str:
    """One place of a percentage; more where it is not quite 100."""
    return "–" if value is None else f"{100 * value:.{decimals(value, 3) - 2}f} %"


def percent(value: float) -> str:
    """Two places of a percentage; more where it is not quite 100."""
    return f"{100 * value:.{decimals(value, 4) - 2}f} %"
