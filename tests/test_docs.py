"""The documentation against the code: commands parse, Python runs, links lead somewhere, the picture is what the
command draws.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from archsmith.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
RUN = (
    "tutorials/write-a-space.md",
    "tutorials/write-a-strategy.md",
    "how-to/ask-and-tell.md",
    "how-to/draw-a-network.md",
    "how-to/plug-in.md",
)  # pages whose Python is run from top to bottom


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> Iterator[str]:
    """The fenced code blocks of one language, with snippets filled in."""
    for block in re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        yield re.sub(r'^--8<-- "([^":]+):(\w+)"$', lambda match: snippet(*match.groups()), block, flags=re.MULTILINE)


def snippet(file: str, section: str) -> str:
    text = (ROOT / file).read_text(encoding="utf-8")
    found = re.search(rf"--8<-- \[start:{section}\]\n(.*?)# --8<-- \[end:{section}\]", text, re.DOTALL)
    assert found, f"{file} has no section {section!r}"
    imports = "\n".join(
        line for line in text.split("# --8<--")[0].splitlines() if line.startswith(("import ", "from "))
    )
    return f"{imports}\n{found.group(1)}"


def command_lines() -> Iterator[tuple[str, str]]:
    for path in TEXTS:
        for block in blocks(path, "sh"):
            for line in block.splitlines():
                if line.startswith("archsmith "):
                    yield name_of(path), line.partition(" #")[0]
        for code in re.findall(r"`(archsmith [a-z][^`]*)`", path.read_text(encoding="utf-8")):
            yield name_of(path), code


@pytest.mark.parametrize(("page", "line"), sorted(set(command_lines())))
def test_a_command_line_in_the_documentation_parses(page: str, line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = [word for word in shlex.split(line)[1:] if word != "…"]
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


def test_names_of_the_reference_can_be_imported() -> None:
    import importlib

    for path in PAGES:
        for name in re.findall(r"^::: (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError:
                module, _, attribute = name.rpartition(".")
                assert hasattr(importlib.import_module(module), attribute), name


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
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = {
        verb
        for path in TEXTS
        for verb in re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"demo", "test"} <= used <= verbs


@pytest.fixture(scope="module")
def hooks() -> Any:
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_command_line_explains_every_word(hooks: Any) -> None:
    page = hooks.on_page_markdown((DOCS / "reference" / "cli.md").read_text(encoding="utf-8"))
    assert [
        name for name in ("fit", "predict", "search", "studies resume", "doctor") if f"## archsmith {name}" not in page
    ] == []
    unexplained = [line for line in page.splitlines() if re.fullmatch(r"\| `[^`]+` \|\s*\|", line)]
    assert not unexplained


def test_the_page_of_the_catalogue_lists_every_name(hooks: Any) -> None:
    from archsmith import catalog

    page = hooks.on_page_markdown((DOCS / "reference" / "catalog.md").read_text(encoding="utf-8"))
    missing = [
        name
        for kind in catalog.kinds()
        for name in catalog.names(kind)
        if not name.startswith("toy_") and f"| `{name}` |" not in page
    ]
    assert not missing
