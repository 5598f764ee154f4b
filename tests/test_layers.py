"""Who may import whom, read from the source with ast: imports at the top of a module and inside its functions alike."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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
    "data": {"core", "graphs"},
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
    "web": {"core", "graphs", "catalog", "analysis", "runtime", "bundle", "data"},
    "cli": {"core", "graphs", "spaces", "catalog", "analysis", "runtime", "bundle", "data", "automl", "web"},
}

# Where torch may be imported at the top of a module; elsewhere only inside functions.
TORCH_AT_TOP = (
    "graphs/network.py",
    "graphs/bank.py",
    "evaluators/training.py",
    "evaluators/proxies.py",
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
    "optuna",
    "mlflow",
}
NEVER = {"pickle", "cloudpickle", "dill", "joblib", "torchvision"}

FILES = sorted(SOURCE.rglob("*.py"))


def room(path: Path) -> str:
    """The first part below the package: a folder or a module."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path, *, top_only: bool = False) -> Iterator[tuple[str, int]]:
    """(absolute module, line) of every import; ``from a import b`` gives ``a.b``. What only type checkers read
    (TYPE_CHECKING) is left out.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        hidden = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        if hidden or (top_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            skipped.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide who imports whom"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


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


def test_modules_import_one_another_without_cycles() -> None:
    graph = {
        path: {found for name, _ in imports(path, top_only=True) if (found := module_of(name)) and found != path}
        for path in FILES
    }
    done: set[Path] = set()

    def visit(path: Path, trail: tuple[Path, ...]) -> None:
        assert path not in trail, "cycle: " + " -> ".join(
            str(p.relative_to(SOURCE)) for p in (*trail[trail.index(path) :], path)
        )
        if path not in done:
            for other in sorted(graph[path]):
                visit(other, (*trail, path))
            done.add(path)

    for path in FILES:
        visit(path, ())


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
