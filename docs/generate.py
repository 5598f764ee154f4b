"""Writes what the reference takes from the code: the command line, the catalogue, operations, classes and functions.

    python docs/generate.py            writes them
    python docs/generate.py --check    says which pages are out of date, and fails when there are any

A part lies between two comments, ``<!-- from: NAME -->`` and ``<!-- end -->``. NAME is ``commands``, ``catalogue``,
``operations``, ``layers``, or the dotted name of a class, a function or a module. All other text of a page is written
by hand.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

PROPERTIES = (property, cached_property)
PAGES = Path(__file__).parent / "reference"
PART = re.compile(r"<!-- from: (\S+) -->\n(.*?)<!-- end -->", re.DOTALL)
WIDTH = 100  # of a signature, before each argument gets its own line


def main(words: list[str]) -> int:
    old = []
    for path in sorted(PAGES.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        new = filled(text)
        if new != text and "--check" in words:
            old.append(str(path))
        elif new != text:
            path.write_text(new, encoding="utf-8")
    if old:
        print(f"Out of date: {', '.join(old)}. Run: make reference", file=sys.stderr)
    return 1 if old else 0


def filled(text: str) -> str:
    """A page with every part made anew."""
    return PART.sub(lambda found: f"<!-- from: {found[1]} -->\n\n{part(found[1])}\n\n<!-- end -->", text)


def part(name: str) -> str:
    """The Markdown of one part, without empty lines around it."""
    made = {"commands": commands, "catalogue": catalogue, "operations": operations, "layers": layers}
    lines = made.get(name, lambda: described(name))()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


# The command line, the catalogue and the operations


def commands() -> Iterator[str]:
    """Every command with its arguments and options."""
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
    yield from ("", f"## {name}", "", " ".join((command.help or "").split()), "")
    yield from ("| word | meaning |", "|---|---|")
    for parameter in command.params:
        words = parameter.name.upper() if parameter.param_type_name == "argument" else ", ".join(parameter.opts)
        yield f"| `{words}` | {_cell(parameter.help or '')} |"


def catalogue() -> Iterator[str]:
    """Every row of the catalogue with its settings."""
    from archsmith import catalog as table

    for kind in table.kinds():
        yield from ("", f"## {kind}", "", "| name | what it is | settings |", "|---|---|---|")
        for name in table.TABLE[kind]:  # what ships, without what else is installed here
            if name.startswith("toy_"):
                continue
            cls = table.get(kind, name)
            named = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
            settings = ", ".join(f"`{field.name}`" for field in named if not field.name.startswith("_"))
            yield f"| `{name}` | {_cell(prose(cls.__doc__).partition(chr(10) * 2)[0])} | {settings} |"


ROWS = {  # modules with rows of the operation table
    "basic": "Any kind of data",
    "image": "Images `(C, H, W)`",
    "token": "Tokens `(L, C)`",
    "table": "Columns of tables `(d,)`, and fitted constants",
}


def operations() -> Iterator[str]:
    """Every row of the operation table that ships, with its inputs and arguments."""
    from archsmith.graphs.operation import INTEGER, REQUIRED
    from archsmith.graphs.operations import OPERATIONS

    for kind, title in ROWS.items():
        yield from ("", f"### {title}", "", "| operation | what it does | inputs | arguments |", "|---|---|---|---|")
        names = _registered(importlib.import_module(f"archsmith.graphs.{kind}_operations"))
        for row in (OPERATIONS[name] for name in names):
            low, high = row.arity
            count = f"{low}" if high == low else f"{low} or more" if high is None else f"{low} to {high}"
            inputs = f"{count}{', codes' if row.takes == INTEGER else ''}"
            arguments = ", ".join(
                f"`{name}`" if value is REQUIRED else f"`{name}={value!r}`" for name, value in row.defaults.items()
            )
            yield f"| `{row.name}` | {_cell(row.about)} | {inputs} | {arguments} |"


def _registered(module: ModuleType) -> Iterator[str]:
    """The names of the rows that a module registers, in its order."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.Expr) and ast.unparse(node.value).startswith("register("):
            assert isinstance(node.value, ast.Call)
            for row in node.value.args:
                assert isinstance(row, ast.Call)
                yield eval(ast.unparse(row.args[0]), vars(module))


def layers() -> Iterator[str]:
    """Every composite of operations, with its arguments."""
    for path in ("archsmith.graphs.layers", "archsmith.graphs.token_layers"):
        yield from ("", f"### {path}", "", "| function | what it lays out |", "|---|---|")
        for name, function in vars(importlib.import_module(path)).items():
            if inspect.isfunction(function) and function.__module__ == path and not name.startswith("_"):
                about = _cell(prose(function.__doc__).partition(chr(10) * 2)[0])
                yield f"| `{name}({', '.join(_bare(function))})` | {about} |"


def _bare(function: Any) -> list[str]:
    """The arguments of a layer without types, and without those that all layers have."""
    node = _node(function)
    assert isinstance(node, ast.FunctionDef)
    untyped = (re.sub(r": [^=]*(?= = |$)", "", argument).replace(" = ", "=") for argument in _listed(node.args))
    listed = [argument for argument in untyped if argument.partition("=")[0] not in ("name", "role")]
    return listed[:-1] if listed[-1] == "*" else listed


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


# Classes, functions and modules


def described(name: str) -> Iterator[str]:
    """A heading, the signature, the docstring, and the same for public methods."""
    thing = found(name)
    if isinstance(thing, ModuleType):
        yield from ("", prose(thing.__doc__))
        for inner in vars(thing).values():
            if inspect.isclass(inner) and inner.__module__ == name and not inner.__name__.startswith("_"):
                yield from _class(inner, f"{name}.{inner.__name__}", with_methods=False)
    elif inspect.isclass(thing):
        yield from _class(thing, name)
    else:
        yield from _function(thing, f"### {thing.__name__}", thing.__name__)


def found(name: str) -> Any:
    """What a dotted name leads to."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: one backtick instead of two around code, and one point of a list for each field."""
    text = re.sub(r"``([^`]+)``", r"`\1`", inspect.cleandoc(docstring or ""))
    return re.sub(r"^(?=`[^`]+`(?:, `[^`]+`)*: )", "* ", text, flags=re.MULTILINE)


def _class(cls: type, name: str, *, with_methods: bool = True) -> Iterator[str]:
    import archsmith

    short = archsmith._HOME.get(cls.__name__) == cls.__module__
    home = "archsmith" if short else cls.__module__
    yield from ("", f"### {cls.__name__}", "", "```py", f"from {home} import {cls.__name__}")
    if not getattr(cls, "_is_protocol", False):  # which nobody makes
        yield from ("", *_signature(cls.__name__, _arguments(cls), ""))
    yield from ("```", "", prose(cls.__doc__), "")
    if not with_methods:
        return
    for method, value in _members(cls).items():
        heading = f"#### {cls.__name__}.{method}"
        if isinstance(value, PROPERTIES):
            yield from ("", heading, "", "*A property.*", "", prose(value.__doc__))
        else:
            yield from _function(inspect.unwrap(getattr(value, "__func__", value)), heading, method)


def _members(cls: type) -> dict[str, Any]:
    """Public methods and properties that say what they do, inherited ones of ours as well."""
    members: dict[str, Any] = {}
    for owner in cls.__mro__:
        if not owner.__module__.startswith("archsmith."):
            continue
        for name, value in vars(owner).items():
            plain = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            if (inspect.isfunction(plain) or isinstance(plain, PROPERTIES)) and not name.startswith("_"):
                members.setdefault(name, value)
    return {name: value for name, value in members.items() if getattr(value, "__doc__", None)}


def _function(function: Any, heading: str, name: str) -> Iterator[str]:
    node = _node(function)
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    yield from ("", heading, "", "```py", *_signature(name, _listed(node.args), returns), "```", "")
    yield from (prose(function.__doc__), "")


def _node(thing: Any) -> ast.stmt:
    return ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]


def _arguments(cls: type) -> list[str]:
    """What a class is made with: the fields of a dataclass, or the arguments of its ``__init__``."""
    if dataclasses.is_dataclass(cls):
        fields: dict[str, str] = {}
        for owner in reversed(cls.__mro__):
            if dataclasses.is_dataclass(owner):
                node = _node(owner)
                assert isinstance(node, ast.ClassDef)
                fields |= {
                    line.target.id: ast.unparse(line)
                    for line in node.body
                    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
                }
        made = [field for field in dataclasses.fields(cls) if field.init]
        return [fields.get(field.name, field.name) for field in made]
    if not inspect.isfunction(cls.__init__):
        return []
    node = _node(cls.__init__)
    assert isinstance(node, ast.FunctionDef)
    return _listed(node.args)


def _listed(arguments: ast.arguments) -> list[str]:
    """Arguments one by one, without ``self`` and ``cls``."""
    positional = [*arguments.posonlyargs, *arguments.args]
    free = len(positional) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [*([None] * free), *arguments.defaults]
    listed = [
        _argument(a, value) for a, value in zip(positional, defaults, strict=True) if a.arg not in ("self", "cls")
    ]
    if arguments.vararg:
        listed.append(f"*{ast.unparse(arguments.vararg)}")
    elif arguments.kwonlyargs:
        listed.append("*")
    listed += [_argument(a, v) for a, v in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [*listed, *([f"**{ast.unparse(arguments.kwarg)}"] if arguments.kwarg else [])]


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    equals = " = " if argument.annotation is not None else "="
    return ast.unparse(argument) + (f"{equals}{ast.unparse(default)}" if default is not None else "")


def _signature(name: str, arguments: list[str], returns: str) -> list[str]:
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{name}(", *(f"    {argument}," for argument in arguments), f"){returns}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
