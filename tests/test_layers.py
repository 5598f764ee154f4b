"""Who may import whom, read from the source with ast.

Every import counts: at the top of a module, inside its functions, and for type checkers only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "archsmith"

# Room -> the rooms that it may import from, besides itself. `version` is a constant that everybody may read.
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "catalog": {"core"},
    "graphs": {"core"},
    "strategies": {"core", "surrogates"},
    "surrogates": {"core"},
    "runtime": {"core", "catalog"},
    "spaces": {"core", "graphs"},
    "data": {"core", "catalog"},
    "bundle": {"core", "catalog", "graphs", "data"},
    "analysis": {"core", "graphs", "catalog", "runtime", "data"},
    "training": {"core", "graphs", "data"},
    "evaluators": {"core", "graphs", "surrogates", "training", "data", "catalog", "spaces"},
    "oneshot": {"core", "graphs", "catalog", "surrogates", "strategies", "training", "data", "evaluators"},
    "testing": {"core", "graphs", "catalog", "runtime"},
    "automl": {
        "core",
        "catalog",
        "graphs",
        "spaces",
        "strategies",
        "surrogates",
        "evaluators",
        "oneshot",
        "training",
        "data",
        "bundle",
        "analysis",
        "runtime",
    },
    "client": {"core"},
    "server": {"core", "catalog", "graphs", "data", "bundle"},
    "app": {"core", "catalog", "graphs", "data", "bundle", "analysis", "runtime", "server", "automl"},
    "cli": {"core", "graphs", "spaces", "catalog", "analysis", "runtime", "bundle", "data", "automl", "server", "app"},
}

# Where torch may be imported at the top of a module; elsewhere only inside functions.
TORCH_AT_TOP = (
    "graphs/network.py",
    "graphs/bank.py",
    "graphs/constants.py",
    "graphs/modules.py",
    "graphs/weights.py",
    "evaluators/training.py",
    "evaluators/proxies.py",
    "data/images/augment.py",
    "data/images/coarse.py",
    "data/images/pipeline.py",
    "bundle/export.py",
    "bundle/exporter.py",
    "bundle/images_export.py",
    "bundle/model.py",
    "bundle/tables_export.py",
    "bundle/verify.py",
    "strategies/controller.py",
    "surrogates/lstm.py",
)
TORCH_ROOMS = ("training", "oneshot")
HEAVY = {
    "torch",
    "ray",
    "pandas",
    "pyarrow",
    "sklearn",
    "scipy",
    "matplotlib",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "nicegui",
    "fastapi",
    "uvicorn",
    "orjson",
    "optuna",
    "mlflow",
}
NEVER = {"pickle", "cloudpickle", "dill", "joblib", "torchvision"}

# A graph draws itself in a notebook, and its drawing is a view of it. The import inside the function stays.
ALLOWED_CIRCLE = {("graphs/graph.py", "graphs/drawing.py")}

# (importer, imported): imports that close a circle today. This list only ever gets shorter.
KNOWN_CIRCLES: set[tuple[str, str]] = set()

# (importer, imported): imports for type checkers into a room that the importer may not use. It only gets shorter.
KNOWN_UPWARD_TYPES: set[tuple[str, str]] = set()

# Modules without a test file of their own -> the file, below tests/, that tests them.
TESTED_ELSEWHERE: dict[str, str] = {
    "version.py": "test_project.py",  # one constant
    "runtime/memory.py": "runtime/test_stores.py",  # the laws of all stores
}

# Modules whose own test file is still to be written. This list only ever gets shorter.
AWAITED_TESTS: set[str] = set()

FILES = sorted(SOURCE.rglob("*.py"))


def room(path: Path) -> str:
    """The first part below the package: a folder or a module."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@dataclass(frozen=True)
class Import:
    """One import of a file.

    ``module``: what is imported, absolute; ``from a import b`` gives ``a.b``.
    ``line``: where it stands.
    ``when``: ``top`` (the module is loaded), ``lazy`` (a function is called) or ``types`` (only type checkers read it).
    """

    module: str
    line: int
    when: str


def _within(tree: ast.Module, wanted: Callable[[ast.AST], bool]) -> set[ast.AST]:
    return {inner for node in ast.walk(tree) if wanted(node) for inner in ast.walk(node)}


def _only_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def read_imports(path: Path) -> tuple[Import, ...]:
    """Every import of a file, wherever it stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    types = _within(tree, _only_types)
    lazy = _within(tree, lambda node: isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide who imports whom"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        when = "types" if node in types else "lazy" if node in lazy else "top"
        found += [Import(name, node.lineno, when) for name in names]
    return tuple(found)


IMPORTS = {path: read_imports(path) for path in FILES}


def imports(path: Path, *, top_only: bool = False) -> Iterator[tuple[str, int]]:
    """(module, line) of what a file imports when it runs: at the top, and inside functions as well."""
    for found in IMPORTS[path]:
        if found.when == "top" or (found.when == "lazy" and not top_only):
            yield found.module, found.line


def module_of(name: str) -> Path | None:
    """The file of this package that importing ``name`` runs; None for other packages."""
    parts = name.split(".")
    if parts[0] != "archsmith":
        return None
    for length in (len(parts), len(parts) - 1):
        base = SOURCE.joinpath(*parts[1:length])
        if length > 1 and base.with_suffix(".py").is_file():
            return base.with_suffix(".py")
        if (base / "__init__.py").is_file():
            return base / "__init__.py"
    return None


def test_every_room_is_known() -> None:
    unknown = {room(path) for path in FILES} - MAY_IMPORT.keys() - {"__init__", "__main__", "version"}
    assert not unknown, f"say in MAY_IMPORT what these rooms may import: {sorted(unknown)}"


@pytest.mark.parametrize("name", sorted({room(path) for path in FILES} & MAY_IMPORT.keys()))
def test_a_room_imports_only_what_it_may(name: str) -> None:
    wrong = []
    for path in FILES:
        if room(path) != name:
            continue
        for module, line in imports(path):
            parts = module.split(".")
            if parts[0] == "archsmith" and len(parts) > 1 and parts[1] not in MAY_IMPORT[name] | {name, "version"}:
                wrong.append(f"{path.relative_to(SOURCE)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_nothing_inside_imports_the_root_package() -> None:
    wrong = []
    for path in FILES:
        for module, line in imports(path):
            if module == "archsmith" or module_of(module) == SOURCE / "__init__.py":
                wrong.append(f"{path.relative_to(SOURCE)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def test_imports_for_type_checkers_go_where_imports_may_go() -> None:
    wrong = []
    for path in FILES:
        for found in IMPORTS[path]:
            target = module_of(found.module)
            if found.when != "types" or target is None or room(path) not in MAY_IMPORT:
                continue
            if room(target) not in MAY_IMPORT[room(path)] | {room(path), "version"}:
                wrong.append((name_of(path), name_of(target)))
    assert set(wrong) == KNOWN_UPWARD_TYPES


def links() -> dict[str, set[str]]:
    """Who imports whom, in any way: at the top, inside a function, or for type checkers only."""
    return {
        name_of(path): {
            name_of(target)
            for found in IMPORTS[path]
            if (target := module_of(found.module)) and target not in (path, SOURCE / "__init__.py")
        }
        for path in FILES
        if path != SOURCE / "__init__.py"
    }


def circle(graph: Mapping[str, set[str]]) -> tuple[str, ...]:
    """A circle of imports; empty when there is none."""
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> tuple[str, ...]:
        if name in trail:
            return (*trail[trail.index(name) :], name)
        if name in done:
            return ()
        for other in sorted(graph[name]):
            if found := visit(other, (*trail, name)):
                return found
        done.add(name)
        return ()

    for name in sorted(graph):
        if found := visit(name, ()):
            return found
    return ()


def test_modules_import_one_another_without_circles() -> None:
    graph = links()
    for importer, imported in ALLOWED_CIRCLE | KNOWN_CIRCLES:
        graph.get(importer, set()).discard(imported)
    assert not circle(graph), " imports ".join(circle(graph))


def reaches(graph: Mapping[str, set[str]], start: str, goal: str) -> bool:
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            waiting += graph[name]
    return False


def test_every_listed_circle_is_still_one() -> None:
    graph = links()
    over = [
        (importer, imported)
        for importer, imported in sorted(ALLOWED_CIRCLE | KNOWN_CIRCLES)
        if imported not in graph.get(importer, set()) or not reaches(graph, imported, importer)
    ]
    assert not over, f"no circle any more, take these out of the list: {over}"


def test_modules_have_a_test_file_of_the_same_name() -> None:
    tests = Path(__file__).parent
    missing = {
        name_of(path)
        for path in FILES
        if path.name != "__init__.py" and not (tests / path.relative_to(SOURCE).parent / f"test_{path.name}").is_file()
    }
    listed = {*TESTED_ELSEWHERE, *AWAITED_TESTS}
    assert sorted(missing - listed) == [], "write these tests"
    assert sorted(listed - missing) == [], "these have a test now, or are no module: take them out"


def test_what_is_tested_elsewhere_names_a_file_that_exists() -> None:
    tests = Path(__file__).parent
    assert [place for place in TESTED_ELSEWHERE.values() if not (tests / place).is_file()] == []


def test_the_table_of_rooms_in_contributing_says_the_same() -> None:
    text = (SOURCE.parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    told = {name: set() if rooms == "nothing of ours" else set(rooms.split(", ")) for name, rooms in rows}
    assert told == MAY_IMPORT


def test_torch_is_imported_at_the_top_only_where_it_belongs() -> None:
    allowed = {SOURCE / name for name in TORCH_AT_TOP} | {path for path in FILES if room(path) in TORCH_ROOMS}
    # Files of the composition root train networks as their whole purpose.
    wrong = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in FILES
        if path not in allowed and room(path) != "automl"
        for module, line in imports(path, top_only=True)
        if module.partition(".")[0] == "torch"
    ]
    assert not wrong, f"import torch inside the function that needs it: {wrong}"


def test_the_command_line_imports_nothing_heavy_at_the_top() -> None:
    reached = {path for path in FILES if room(path) == "cli"}
    while (
        more := {found for path in reached for name, _ in imports(path, top_only=True) if (found := module_of(name))}
        - reached
    ):
        reached |= more
    wrong = [
        f"{path.relative_to(SOURCE)}:{line} imports {module}"
        for path in sorted(reached)
        for module, line in imports(path, top_only=True)
        if module.partition(".")[0] in HEAVY | {"numpy"}
    ]
    assert not wrong, "\n".join(wrong)


def test_no_pickle_anywhere() -> None:
    wrong = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in FILES
        for module, line in imports(path)
        if module.partition(".")[0] in NEVER
    ]
    assert not wrong, f"stored and received files are JSON, npz without objects, safetensors or ONNX: {wrong}"
