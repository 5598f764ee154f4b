"""A round of hostile inputs through the command line and the Python interface: is anything executed, does anything end
in an internal error or never, is anything left behind?

    python benchmarks/hostile.py [--only WORDS] [--fresh] [--say] [--real] [--folder FOLDER]

Every input is made by hand in ``hostile_inputs``. Each is tried in a process of its own, forked from one that has
everything imported, with limits on its memory and time and with traps around it: programs and modules that leave a mark
when they are started or imported, a file that nothing may read, and a hook that sees every start of a program and every
connection. The first input of each family is tried as ``python -m archsmith`` as well. Data that are accepted are not
trained on: Ctrl-C is pressed twice when their study begins.

A round that was stopped goes on; ``--fresh`` begins anew. ``--only`` takes families (or inputs) with that in their
names, ``--say`` prints every sentence that was said.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import record
from hostile_inputs import (
    arguments,
    arrays,
    bundle_files,
    bundles,
    comparisons,
    doors,
    guard,
    options,
    parts,
    pictures,
    studies,
    tables,
)
from hostile_inputs.kit import Case

PARTS = (arrays, pictures, tables, doors, bundles, bundle_files, studies, comparisons, options, arguments, parts)
AT_ONCE = 20
PATIENCE = 240.0  # seconds of the wall clock after which a case hangs, on a busy machine, too
COLUMNS = ("refused", "accepted", "internal", "hang", "unmade")
FAULTS = ("executed", "bad", "left")


def all_cases() -> list[Case]:
    found = [case for part in PARTS for case in part.cases()]
    assert len({case.key for case in found}) == len(found), "two inputs have one name"
    return found


def imported(root: Path) -> None:
    """Everything heavy, once, so that a case takes a fraction of a second. Nothing here starts a thread."""
    import archsmith
    from archsmith.cli.main import main as command

    for name in (
        "onnx",
        "onnxruntime",
        "pandas",
        "pyarrow.parquet",
        "sklearn.linear_model",
        "torch",
        "jinja2",
        "PIL",
        "torch._dynamo.functional_export",
        "pyarrow.pandas_compat",
        "rich._emoji_codes",
    ):
        importlib.import_module(name)
    for module in pkgutil.walk_packages(archsmith.__path__, "archsmith."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name, content in (("a.csv", "a,target\n"), ("a.npz", "x")):  # what is imported while data are read
        (root / name).write_text(content, encoding="utf-8")
        with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
            command(["fit", str(root / name), "--trials", "1"])
    gc.collect()
    gc.freeze()  # so that a forked process shares it


def rounds(cases: list[Case], root: Path, real: bool) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Tries all cases, some at once, and gives each with what came of it."""
    waiting, running = list(enumerate(cases)), dict[int, tuple[Case, Path, float]]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, case = waiting.pop(0)
            place = root / "cases" / f"{'real' if real else 'case'}{number}"
            _remove(place)
            sys.stdout.flush()
            process = os.fork()
            if process == 0:
                guard.run(case, place, root, real)
            running[process] = (case, place, time.monotonic())
        process, status = os.waitpid(-1, os.WNOHANG)
        hung = 0
        if process == 0:
            now = time.monotonic()
            hung = next((each for each, (_, _, began) in running.items() if now - began > PATIENCE), 0)
            if not hung:
                time.sleep(0.01)
                continue
            _end(hung)
            process, status = os.waitpid(hung, 0)
        _end(process)
        case, place, began = running.pop(process)
        yield case, {**guard.judge(place, status, bool(hung)), "seconds": round(time.monotonic() - began, 2)}
        _remove(place)


def _end(process: int) -> None:
    """End a case with all processes that it started."""
    with contextlib.suppress(OSError):
        os.killpg(process, signal.SIGKILL)


def _remove(place: Path) -> None:
    for folder in [place, *place.rglob("*")] if place.exists() else []:
        with contextlib.suppress(OSError):
            if folder.is_dir() and not folder.is_symlink():
                folder.chmod(0o755)
    shutil.rmtree(place, ignore_errors=True)


def tried(cases: list[Case], root: Path, real: bool) -> dict[str, dict[str, Any]]:
    """What came of each case, by its key. Those of an earlier round are not tried again."""
    file = root / ("real.jsonl" if real else "tried.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    known = {row.pop("key"): row for row in map(json.loads, lines)}
    left = [case for case in cases if case.key not in known]
    with file.open("a", encoding="utf-8") as log:
        for n, (case, found) in enumerate(rounds(left, root, real), 1):
            known[case.key] = found
            log.write(json.dumps({"key": case.key, **found}) + "\n")
            log.flush()
            if n % 100 == 0:
                sys.stderr.write(f"{n} of {len(left)}\n")
    return {case.key: known[case.key] for case in cases}


def forget(root: Path, keys: set[str]) -> None:
    """What came of these cases in earlier rounds."""
    for file in (root / "tried.jsonl", root / "real.jsonl"):
        if file.exists():
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            file.write_text("".join(line for line in lines if json.loads(line)["key"] not in keys), encoding="utf-8")


def show(found: dict[str, dict[str, Any]], title: str) -> int:
    """Print the table, then every fault. Returns the number of faults."""
    heads = ("n", *COLUMNS, *FAULTS)
    rows: dict[str, dict[str, int]] = {}
    for key, row in found.items():
        counts = rows.setdefault(key.partition(":")[0], dict.fromkeys(heads, 0))
        counts["n"] += 1
        counts[row["verdict"]] += 1
        for fault in FAULTS:
            counts[fault] += bool(row[fault])
    rows["all"] = {head: sum(counts[head] for counts in rows.values()) for head in heads}
    print(
        f"| {title} | n | refused in a sentence | accepted | internal errors | hangs | unmade | executions "
        "| badly said | left behind |"
    )
    print("|---" * 10 + "|")
    for name, counts in rows.items():
        print(f"| {name} | " + " | ".join(str(counts[head]) for head in heads) + " |")
    print()
    faulty = {
        key: row
        for key, row in found.items()
        if row["verdict"] in ("internal", "hang", "unmade") or any(map(row.get, FAULTS))
    }
    for key, row in faulty.items():
        faults = {fault: row[fault][:5] for fault in FAULTS if row[fault]}
        print(f"{key!a}: {row['verdict']} ({row['code']}) {faults or ''} {row['said'][:300]!a}")
    return len(faulty)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--only", default="", help="families or inputs with this in their names")
    parser.add_argument("--fresh", action="store_true", help="forget what was tried before")
    parser.add_argument("--say", action="store_true", help="print what was said of each input")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "archsmith-hostile")
    parser.add_argument("--real", action="store_true", help="only those that are tried as processes of their own")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    root = given.folder
    root.mkdir(exist_ok=True)
    guard.tools(root)
    cases = [case for case in all_cases() if given.only in case.key]
    if given.fresh:
        forget(root, {case.key for case in cases})
    began = time.monotonic()
    faults = 0
    imported(root)
    if not given.real:
        found = tried(cases, root, real=False)
        faults += show(found, "family")
        if given.say:
            for key, row in found.items():
                print(f"{row['verdict']} {key!a}: {row['said']!a}")
    firsts = list({case.family: case for case in reversed(cases) if case.family != "plug-ins"}.values())[::-1]
    faults += show(tried(firsts, root, real=True), "as a process")
    print(f"{len(cases):,} inputs, {faults} with faults, in {time.monotonic() - began:.0f} s.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(record.run(main))
