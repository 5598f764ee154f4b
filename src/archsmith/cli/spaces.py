"""``archsmith size``: how many architectures a search space has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from archsmith.core.size import Size

MOST_DIGITS = 4300  # of a whole number as text, unless Python is told otherwise


def size(
    space: Annotated[str, typer.Argument(help="Search space: a name of `archsmith catalog space`, or module:Class.")],
    count: Annotated[bool, typer.Option("--count", help="Count the architectures one by one. Ctrl-C stops.")] = False,
    walks: Annotated[int, typer.Option(min=4, help="Random walks behind an estimate; more of them err less.")] = 1000,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Setting of the space, such as space.blocks=3; may be repeated.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Say how many architectures a search space has: exactly, or an estimate with its error.

    Several architectures may lay out the same network.
    """
    from archsmith import catalog
    from archsmith.cli.output import emit, say
    from archsmith.core.size import Size
    from archsmith.runtime.arguments import check_space

    built = catalog.build(catalog.get("space", space), settings_of_space(settings or []))
    check_space(built)
    found = built.size(walks)
    if found.exact and not found.number:
        raise _empty(space, built)
    if not json:
        say(f"{space}: {found}.")
    if count and not found.exact:
        found = Size(_counted(built, found))
        if not json:
            say(f"{space}: {found}. They were counted.")
    if json:
        emit({"space": space, **_facts(found)})


def settings_of_space(pairs: list[str]) -> dict[str, Any]:
    """The settings that ``pairs`` such as ``space.blocks=3`` name. Raises UsageError for those of anything else."""
    from archsmith import catalog
    from archsmith.core.errors import UsageError

    given = catalog.parse_settings(pairs, "space")
    unknown = [kind for kind in given if kind != "space"]
    if unknown:
        raise UsageError(f"There is no setting --set {unknown[0]}.… here.", "Settings begin with space.")
    return given.get("space", {})


def _empty(name: str, space: Any) -> Exception:
    """Why a space has no architecture, as a walk through it says."""
    from archsmith.core.errors import DeadEnd, UsageError
    from archsmith.core.seeds import generator

    try:
        space.sample(generator(0, "size"))
        why = "Every answer leads to a dead end."
    except DeadEnd as error:
        why = error.message if error.message.endswith((".", "!", "?")) else f"{error.message}."
    hint = "Give every decision an option at least, and let some answers pass without DeadEnd."
    return UsageError(f"{name} has no architectures. {why}", hint)


def _counted(space: Any, expected: Size) -> int:
    """The number of points of ``space``, with progress in a terminal. Ctrl-C ends the command."""
    from rich.console import Console

    from archsmith.cli.interrupts import Interrupted
    from archsmith.core.errors import UsageError

    so_far = 0
    with Console(stderr=True, emoji=False).status("Counting. Ctrl-C stops.") as status:

        def tell(n: int) -> None:
            nonlocal so_far
            so_far = n
            share = "" if expected.rough else f", about {_percent(n / expected.number)}"
            status.update(f"Counted {n:,} so far{share}. Ctrl-C stops.")

        try:
            counted: int | None = space.count(on_progress=tell)
        except KeyboardInterrupt:
            raise Interrupted(f"Stopped after {so_far:,} architectures.") from None
    if counted is None:
        raise UsageError("The architectures of this space cannot be counted.", "Its estimate is all that can be said.")
    return counted


def _percent(share: float) -> str:
    """At most 100: ``share`` is one of an estimate, which may be too low."""
    percent = min(100.0, 100 * share)
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"


def _facts(found: Size) -> dict[str, Any]:
    """A size as JSON data. None for what is infinite, or has more digits than Python writes; ``log10`` tells that."""
    from decimal import Decimal

    values = {"size": found.number, "low": found.low, "high": found.high, "relative_error": found.relative_error}
    finite = {name: value for name, value in values.items() if value != math.inf}
    short = {name: value for name, value in finite.items() if not value or Decimal(value).adjusted() < MOST_DIGITS}
    return {
        **{name: short.get(name) for name in values},
        "log10": float(Decimal(found.number).log10()) if finite.get("size") else None,
        "infinite": found.number == math.inf,
        "exact": found.exact,
        "n_walks": found.n_walks,
    }
