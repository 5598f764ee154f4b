"""Pages that are made from the program itself when the site is built: the command line, the catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

COMMANDS, CATALOG = "<!-- the commands -->", "<!-- the catalogue -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs for every page."""
    if COMMANDS in markdown:
        markdown = markdown.replace(COMMANDS, "\n".join(commands()))
    if CATALOG in markdown:
        markdown = markdown.replace(CATALOG, "\n".join(catalog()))
    return markdown


def commands() -> Iterator[str]:
    """Every command with its arguments and options, as Markdown."""
    import typer

    from archsmith.cli.main import app

    yield from _group(typer.main.get_command(app), "archsmith")


def _group(group: Any, name: str) -> Iterator[str]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _group(command, f"{name} {word}")
        else:
            yield from _command(command, f"{name} {word}")


def _command(command: Any, name: str) -> Iterator[str]:
    yield from ("", f"## {name}", "", " ".join((command.help or "").split("\n")).strip(), "")
    yield from ("| word | meaning |", "|---|---|")
    for parameter in command.params:
        words = parameter.name.upper() if parameter.param_type_name == "argument" else ", ".join(parameter.opts)
        yield f"| `{words}` | {(parameter.help or '').replace('|', chr(92) + '|')} |"


def catalog() -> Iterator[str]:
    """Every row of the catalogue with its settings, as Markdown."""
    from archsmith import catalog as table

    for kind in table.kinds():
        yield from ("", f"## {kind}", "", "| name | what it is | settings |", "|---|---|---|")
        for name in table.names(kind):
            if name.startswith("toy_"):
                continue
            cls = table.get(kind, name)
            fields = (
                ", ".join(f"`{field.name}`" for field in dataclasses.fields(cls))
                if dataclasses.is_dataclass(cls)
                else ""
            )
            yield f"| `{name}` | {(cls.__doc__ or '').strip().partition(chr(10))[0]} | {fields} |"
