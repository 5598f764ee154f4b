"""What importing costs: nothing heavy is loaded, and little time is spent. Each case runs in a fresh interpreter."""

from __future__ import annotations

import importlib
import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "ray", "pandas", "sklearn", "scipy", "matplotlib", "onnx", "onnxruntime", "nicegui", "uvicorn")
RUNS = 5


def python(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=True
    )
    return done.stdout


def loaded(code: str, environment: dict[str, str]) -> list[str]:
    return json.loads(
        python(
            f"{code}\nimport json, sys\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))",
            environment,
        ).splitlines()[-1]
    )


def seconds(module: str, environment: dict[str, str]) -> float:
    """Median of several fresh interpreters, each timing one import from within."""
    code = f"import time; began = time.perf_counter(); import {module}; print(time.perf_counter() - began)"
    return statistics.median(float(python(code, environment)) for _ in range(RUNS))


@pytest.mark.parametrize(
    "code",
    [
        "import archsmith",
        "import archsmith; archsmith.Search, archsmith.Problem, archsmith.RandomSearch, archsmith.NetworkSpace, "
        "archsmith.FunctionEvaluator",
        "import archsmith.catalog",
        "import archsmith.client",
        "import archsmith.cli.main",
    ],
)
def test_nothing_heavy_is_loaded(code: str, environment: dict[str, str]) -> None:
    assert loaded(code, environment) == []


def test_help_loads_nothing_heavy(environment: dict[str, str]) -> None:
    code = (
        "from archsmith.cli.main import main\ntry:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert not end.code"
    )
    assert loaded(code, environment) == []


def test_the_predictor_needs_no_torch(environment: dict[str, str]) -> None:
    assert "torch" not in loaded("import archsmith; archsmith.Predictor", environment)


@pytest.mark.parametrize("name, package", [("ImageClassifier", "sklearn"), ("Network", "torch")])
def test_without_the_extra_a_name_says_what_to_install(name: str, package: str, environment: dict[str, str]) -> None:
    code = (
        f"import sys\nsys.modules[{package!r}] = None\n"  # as if it were not installed
        f"try:\n    from archsmith import {name}\nexcept ImportError as error:\n"
        "    print(error, error.__cause__, error.__suppress_context__)"
    )
    said = python(code, environment)
    assert said.startswith(f"archsmith.{name} needs the package '{package}'")
    assert 'pip install "archsmith[train]"' in said
    assert said.rstrip().endswith("None True")  # one traceback, not two


@pytest.mark.clock
def test_importing_takes_at_most_50_ms_more_than_numpy(environment: dict[str, str]) -> None:
    seconds("numpy", environment)  # fills the caches of the disk
    extra = 0.0
    for _ in range(3):  # a busy machine may disturb one measurement, not all three
        extra = seconds("archsmith", environment) - seconds("numpy", environment)
        if extra <= 0.050:
            return
    pytest.fail(
        f"import archsmith took {extra * 1000:.0f} ms more than import numpy, the third time in a row over 50 ms"
    )


def test_every_export_exists() -> None:
    import archsmith

    for name in archsmith.__all__:
        assert getattr(archsmith, name) is not None
    assert set(archsmith.__all__) <= set(dir(archsmith))


def test_editors_see_the_same_exports_as_python() -> None:
    import ast

    import archsmith

    tree = ast.parse(Path(archsmith.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        (alias.name, node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == {(name, module) for name, module in archsmith._HOME.items()}


def test_an_unknown_name_is_an_attribute_error() -> None:
    import archsmith

    with pytest.raises(AttributeError, match="no attribute 'Magic'"):
        archsmith.Magic  # noqa: B018


def test_an_old_name_works_and_says_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import archsmith
    from archsmith.core.budget import Budget

    monkeypatch.setitem(archsmith._DEPRECATED, "Limit", "archsmith.core.budget:Budget")
    with pytest.warns(DeprecationWarning, match=r"archsmith\.Limit is now archsmith\.core\.budget\.Budget"):
        assert archsmith.Limit is Budget
    assert "Limit" not in dir(archsmith)


def test_old_names_lead_to_something() -> None:
    import archsmith

    for path in archsmith._DEPRECATED.values():
        module, _, name = path.partition(":")
        assert hasattr(importlib.import_module(module), name)
