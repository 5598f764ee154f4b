"""The documentation against the code: commands parse, Python runs, links lead somewhere, the picture is what the
command draws.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from archsmith.cli.main import app
from archsmith.graphs.operations import OPERATIONS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
RUN = (
    "tutorials/write-a-space.md",
    "tutorials/write-a-strategy.md",
    "tutorials/write-an-evaluator.md",
    "how-to/ask-and-tell.md",
    "how-to/draw-a-network.md",
    "how-to/plug-in.md",
    "methods/graph_gp.md",
)  # pages whose Python is run from top to bottom


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    """The fenced code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def copies() -> Iterator[tuple[str, str, str]]:
    """(page, file, code) of every block that shows a piece of an example."""
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        for file, code in re.findall(r"<!-- code: (\S+) -->\n\n```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            yield name_of(path), file, code


@pytest.mark.parametrize(("page", "file", "code"), list(copies()))
def test_shown_code_is_the_code_of_the_example(page: str, file: str, code: str) -> None:
    example = (ROOT / file).read_text(encoding="utf-8")
    lines = code.splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    rest = "\n".join(lines[lines.index(imports[-1]) + 1 :] if imports else lines).strip()
    assert [line for line in imports if line not in example.splitlines()] == []
    assert rest in example, f"{page} shows other code than {file}"


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_a_page_reads_without_being_built(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"--8<--|^::: ", text, re.MULTILINE), "placeholders are filled only where the site is built"


def command_lines() -> Iterator[tuple[str, str]]:
    for path in TEXTS:
        for block in blocks(path, "sh"):
            for line in block.splitlines():
                if line.startswith("archsmith "):
                    yield name_of(path), line.partition(" #")[0]
        written = re.sub(r"<!-- from: .*?<!-- end -->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for code in re.findall(r"`(archsmith [a-z][^`]*)`", written):
            yield name_of(path), code


@pytest.mark.parametrize(("page", "line"), sorted(set(command_lines())))
def test_a_command_line_in_the_documentation_parses(page: str, line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = [word for word in shlex.split(line)[1:] if word != "…"]
    while words[:1] == ["--import"]:
        del words[:2]
    while hasattr(command, "commands"):
        if not words:
            return  # a group by itself
        assert words[0] in command.commands, f"{page}: there is no command {words[0]!r}"
        command = command.commands[words.pop(0)]
    if not words or "--help" in words or words == ["COMMAND"]:
        return  # the command as a word in a sentence
    command.make_context(line, words)  # raises a usage error


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_python_in_the_documentation_compiles(path: Path) -> None:
    for block in blocks(path, "python"):
        compile(block, name_of(path), "exec")


@pytest.mark.parametrize("page", RUN)
def test_python_of_a_guide_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("archsmith.graphs.operation.OPERATIONS", dict(OPERATIONS))  # a guide may register one
    space: dict[str, Any] = {"__name__": "guide"}
    for block in blocks(DOCS / page, "python"):
        exec(compile(block, page, "exec", dont_inherit=True), space)
    for drawn in tmp_path.glob("*.svg"):
        shown = (DOCS / "images" / drawn.name).read_text(encoding="utf-8")
        assert drawn.read_text(encoding="utf-8") == shown, f"the code of {page} draws another {drawn.name}"


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_links_lead_to_files(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if (
            not target.startswith(("http:", "https:", "#", "mailto:"))
            and not (path.parent / target.partition("#")[0]).exists()
        ):
            broken.append(target)
    assert not broken


def test_every_page_is_in_the_navigation_once() -> None:
    listed = re.findall(r"^\s+- (?:.*: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == [str(path.relative_to(DOCS)) for path in PAGES]


@pytest.mark.parametrize("path", sorted((DOCS / "methods").glob("[!i]*.md")), ids=name_of)
def test_a_page_of_a_method_is_whole(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    order = [
        r"^# `",
        r"^\*\*When to take",
        r"^## Settings",
        r"^## Source",
        r"^\*\*How ours differs",
        r"^## What (it|they) reached here",
        r"^## How to run",
    ]
    places = [found.start() if (found := re.search(part, text, re.MULTILINE)) else -1 for part in order]
    assert places == sorted(places) and places[0] == 0
    assert "](../images/methods/" in text[: places[2]]


def test_pictures_of_methods_are_shown() -> None:
    shown = {
        name
        for path in PAGES
        for name in re.findall(r"\]\(\.\./images/methods/([^)]+)\)", path.read_text(encoding="utf-8"))
    }
    assert shown == {path.name for path in (DOCS / "images" / "methods").iterdir()}


def test_the_picture_of_the_readme_is_what_its_command_draws() -> None:
    from archsmith.cli.networks import find_scope
    from archsmith.graphs.drawing import draw
    from archsmith.spaces.zoo import ZOO

    entry = ZOO["nasnet_a_cifar"]
    graph = entry.space.graph(entry.architecture)
    scope = find_scope(graph, "NormalCell")
    now = "archsmith draw nasnet_a_cifar --cell NormalCell --out docs/images/nasnet_a_normal_cell.svg"
    drawn = (DOCS / "images" / "nasnet_a_normal_cell.svg").read_text(encoding="utf-8")
    assert drawn == draw(graph, scope=scope, title="nasnet_a_cifar: NormalCell"), f"draw it again: {now}"


def test_verbs_of_make_in_the_documentation_exist() -> None:
    verbs = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = {
        verb
        for path in TEXTS
        for verb in re.findall(r"(?:^|`)make ([a-z0-9]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"demo", "test"} <= used <= verbs


@pytest.fixture(scope="module")
def generate() -> Any:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted((DOCS / "reference").glob("*.md")), ids=name_of)
def test_a_page_of_the_reference_is_current(generate: Any, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert generate.filled(text) == text, "run: make reference"


@pytest.mark.parametrize("path", sorted((DOCS / "reference").glob("*.md")), ids=name_of)
def test_no_list_of_the_reference_begins_within_a_sentence(path: Path) -> None:
    lines = ["", *path.read_text(encoding="utf-8").splitlines()]
    pairs = [(before, line) for before, line in pairwise(lines) if before and line.startswith("* `")]
    assert [line for before, line in pairs if not before.startswith(("* ", "  "))] == []


def test_the_page_of_the_command_line_explains_every_word() -> None:
    page = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    wanted = ("fit", "predict", "search", "studies resume", "doctor")
    assert [name for name in wanted if f"## archsmith {name}" not in page] == []
    assert [line for line in page.splitlines() if re.fullmatch(r"\| `[^`]+` \|\s*\|", line)] == []


def test_the_page_of_the_catalogue_lists_every_name() -> None:
    from archsmith import catalog

    page = (DOCS / "reference" / "catalog.md").read_text(encoding="utf-8")
    shipped = [name for names in catalog.TABLE.values() for name in names if not name.startswith("toy_")]
    assert [name for name in shipped if f"| `{name}` |" not in page] == []


def test_the_page_of_operations_lists_every_row_and_every_layer() -> None:
    from archsmith.graphs import layers, token_layers

    page = (DOCS / "reference" / "operations.md").read_text(encoding="utf-8")
    rows = [name for name in OPERATIONS if not re.search(rf"^\| `{name}` \| \S.* \| \d", page, re.MULTILINE)]
    functions = [name for module in (layers, token_layers) for name, value in vars(module).items() if layer(value)]
    assert rows == [] and len(functions) > 10
    assert [name for name in functions if f"| `{name}(net, x, " not in page] == []


def layer(value: Any) -> bool:
    path = getattr(value, "__module__", "")
    return inspect.isfunction(value) and path.endswith("layers") and not value.__name__.startswith("_")


def test_every_public_name_is_documented() -> None:
    import archsmith

    page = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^### (\w+)$", page, re.MULTILINE))
    assert set(archsmith.__all__) - {"__version__"} - documented == set()


def test_documented_signatures_show_every_argument(generate: Any) -> None:
    from archsmith.core.budget import Budget

    shown = "\n".join(generate.described("archsmith.core.budget.Budget"))
    assert "from archsmith import Budget" in shown
    assert [field.name for field in dataclasses.fields(Budget) if f"{field.name}: " not in shown] == []


def test_a_protocol_is_documented_by_what_it_asks_for(generate: Any) -> None:
    shown = "\n".join(generate.described("archsmith.core.protocols.Evaluator"))
    assert "#### Evaluator.evaluate" in shown and "*args" not in shown
