"""One case in a process of its own: fenced in, watched, and judged by what it said, did and left behind."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import sys
import threading
import time
import traceback
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from hostile_inputs.kit import CANARY, SECRET, Case

MEMORY = 3 * 2**30  # bytes that a case may take, above what the process has from its start
CPU_SECONDS = 60
LONGEST = 2_100  # characters of a line on standard error
INTERNAL, LEAKED = 70, 71  # exit codes of what no command ends with
NAMING = (
    "CSV with paths of pictures",
    "CSV to predict",
    "Parquet and Arrow",
    "specs and graphs in manifests",
    "classes named in logs",
    "arguments",
    "remembered benchmark files",
)
PROGRAMS = ("gs", "convert", "ffmpeg", "curl", "wget", "xdg-open", "pdftoppm", "dot", "inkscape")
STARTS = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "socket.connect",
    "socket.getaddrinfo",
    "urllib.Request",
)
# what commands start for themselves: the facts of a machine, and processes for decoding
OWN_PROGRAMS = ("fc-list", "nvidia-smi", "uname", "lscpu", "sysctl", sys.executable)
ALLOWED = re.compile(
    r"/(\.cache|\.config/matplotlib|__pycache__|events\.sqlite-(wal|shm)|lease\.(lock|json)|work/(data|studies)$|tmp/\.ses$)"
)
PROGRESS = re.compile(r"^(\d\d:\d\d:\d\d |archsmith: |\s*$|usage:)", re.IGNORECASE)
TURNING = frozenset(map(chr, (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def tools(root: Path) -> None:
    """Programs and modules that leave a mark when they are started or imported."""
    for name in PROGRAMS:
        path = root / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\ntouch "$HOSTILE_MARKS/{name}"\n', encoding="utf-8")
        path.chmod(0o755)
    lib = root / "lib"
    lib.mkdir(exist_ok=True)
    (lib / f"{CANARY}.py").write_text(
        "import os, pathlib\n"
        "pathlib.Path(os.environ['HOSTILE_MARKS'], 'imported').touch()\n"
        "def trap(*args, **more):\n    pathlib.Path(os.environ['HOSTILE_MARKS'], 'called').touch()\n"
        "class Trap:\n    def __init__(self, *args, **more):\n        trap()\n",
        encoding="utf-8",
    )
    (lib / f"{CANARY}_failing.py").write_text("raise RuntimeError('this plug-in fails')\n", encoding="utf-8")


def run(case: Case, place: Path, root: Path, real: bool) -> None:
    """In a forked process: make the input in ``place/case``, and do what the case says. Never returns."""
    code = INTERNAL
    try:
        code = _inside(case, place, root, real)
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # more of them come; what they would meet is not Archsmith
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _inside(case: Case, place: Path, root: Path, real: bool) -> int:
    os.setpgid(0, 0)
    for name in ("case", "cwd", "home", "tmp", "marks"):
        (place / name).mkdir(parents=True)
    (place / "secret.txt").write_text(SECRET, encoding="utf-8")
    home = place / "case" / "home" if case.family == "config.toml" else place / "home"
    os.environ.update(
        HOME=str(home),
        TMPDIR=str(place / "tmp"),
        HOSTILE_MARKS=str(place / "marks"),
        PATH=f"{root / 'bin'}:{os.environ['PATH']}",
        COLUMNS="200",
    )
    os.environ.pop("ARCHSMITH_WORKSPACE", None)
    sys.path.insert(0, str(root / "lib"))
    os.chdir(place / "cwd")
    act = case.make(place / "case")
    (place / "before").write_text("\n".join(sorted(_files(place))), encoding="utf-8", errors="surrogateescape")
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT), number)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process lives
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if real and isinstance(act, list):
        os.environ["PYTHONPATH"] = f"{root / 'lib'}:{os.environ.get('PYTHONPATH', '')}"
        return _as_process(act)
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    _watch(place, case.family in NAMING)
    if not isinstance(act, list) or act[:1] == ["fit"] or any(word.startswith("--data") for word in act):
        _stop_at_a_study()
    return _do(act)


def _do(act: Any) -> int:
    from archsmith.cli.main import main
    from archsmith.core.errors import ArchsmithError

    try:
        if isinstance(act, list):
            main(act)
        else:
            act()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else INTERNAL
    except ArchsmithError as error:
        sys.stderr.write(f"archsmith: {' '.join(str(error).split())}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        sys.stderr.write(f"archsmith: {error}.\n")
        return 2
    return 0


def _as_process(words: list[str]) -> int:
    import subprocess

    return subprocess.call([sys.executable, "-m", "archsmith", *map(os.fsencode, words)])


def _stop_at_a_study() -> None:
    """Data that were accepted are not trained on: as soon as their study is written, Ctrl-C is pressed twice."""
    begun = threading.Event()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "sqlite3.connect" and "mode=rwc" in str(args[0]):
            begun.set()

    def press() -> None:
        begun.wait()
        while True:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)

    sys.addaudithook(hook)
    threading.Thread(target=press, daemon=True).start()


def _watch(place: Path, names_files: bool) -> None:
    """Marks every start of a program, every connection and every look at a secret.

    names_files: the input names files by its nature, so that one is looked at and found to be no picture and no table.
    """

    def mark(name: str) -> None:
        with contextlib.suppress(Exception):
            os.close(os.open(place / "marks" / re.sub(r"[^\w.-]+", "_", name)[:100], os.O_CREAT | os.O_WRONLY))

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in STARTS:
            if not any(own in str(args) for own in OWN_PROGRAMS) and "AF_UNIX" not in str(args):
                mark(f"{event} {args!s}")
        elif event == "open" and isinstance(args[0], str | bytes):
            name = os.fsdecode(args[0])
            if name == str(place / "secret.txt") or (name == "/etc/passwd" and not names_files):
                mark(f"opened {name}")
        elif event == "import" and str(args[0]) == CANARY:
            mark("import")
        elif event == "pickle.find_class" and args[0] in ("posix", "os", "nt", "builtins", CANARY, "subprocess"):
            mark(f"unpickled {args[0]}.{args[1]}")
        elif event == "exec" and CANARY in str(getattr(args[0], "co_names", "")) + str(
            getattr(args[0], "co_consts", "")
        ):
            mark("executed")

    sys.addaudithook(hook)


# -- the judgement -----------------------------------------------------------------------------------------------------


def judge(place: Path, status: int, hung: bool) -> dict[str, Any]:
    """What came of a case: ``verdict`` (refused, accepted, internal, hang), and lists of what must not be."""
    out, err = (_text(place / name) for name in ("stdout", "stderr"))
    code = os.waitstatus_to_exitcode(status)
    lines = [line for line in err.split("\n") if line.strip()]
    said = lines[-1] if lines else ""
    if hung or code in (-signal.SIGXCPU, -signal.SIGKILL):
        verdict = "hang"
    elif code not in (0, 1, 2, 130) or "Internal error" in err or "Traceback" in err:
        verdict = "internal"
    elif code in (0, 130):
        verdict = "accepted"
    else:
        verdict = "refused"
    if not (place / "before").exists():
        verdict = "unmade"  # the input could not be made
    made = sorted(_files(place) - set(_text(place / "before").split("\n")))
    found = {
        "verdict": verdict,
        "code": code,
        "said": said[:LONGEST],
        "bad": _bad_words(verdict, lines, out, err),
        "executed": [path.name for path in (place / "marks").iterdir()] + _acts(place, made, out + err),
        "left": [name for name in made if _is_left(name, verdict)],
    }
    if verdict in ("internal", "hang"):
        found["end"] = err[-3000:]
    return found


def _is_left(name: str, verdict: str) -> bool:
    if name in ("before", "stdout", "stderr") or name.startswith("marks/") or ALLOWED.search("/" + name):
        return False
    if verdict == "accepted":
        return not name.startswith(("case/", "cwd/", "home/.archsmith"))
    return verdict == "refused"


def _bad_words(verdict: str, lines: list[str], out: str, err: str) -> list[str]:
    found = []
    if verdict == "refused":
        if not lines and "Usage:" in out:
            pass  # a command without a word prints its help
        elif not lines or not lines[-1].startswith("archsmith: "):
            found.append("no sentence")
        elif not re.search(r"[.?!)…\"]$|--help$|archsmith [^.]*$|--[\w-]+[^.]*$", lines[-1].strip()):
            found.append("no end of a sentence")
        if any(not PROGRESS.match(line) for line in lines):
            found.append("more than sentences")
    if any(len(line) > LONGEST for line in lines):
        found.append("too long")
    for text in (out, err):
        acting = {c for c in text if (unicodedata.category(c) == "Cc" and c not in "\n\t") or c in TURNING}
        found += [f"raw {hex(ord(c))}" for c in sorted(acting)]
    return found


class _Acting(HTMLParser):
    """Finds what a page would run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.script = tag == "script"
        for name, value in attrs:
            if "HOSTILE" in str(value) and (
                name.startswith("on") or str(value).strip().lower().startswith("javascript")
            ):
                self.found.append(f"{tag} {name}")
            if name.startswith("on") and "HOSTILE" in name + str(value):
                self.found.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if self.script and "HOSTILE" in data:
            self.found.append("script")

    def handle_endtag(self, tag: str) -> None:
        self.script = False


def _acts(place: Path, made: list[str], said: str) -> list[str]:
    """What would run when somebody opens what was written, and secrets that came through."""
    found = []
    for name in made:
        path = place / name
        if name == "before" or not path.is_file() or path.is_symlink() or path.stat().st_size > 50_000_000:
            continue
        text = _text(path)
        if SECRET in text:
            found.append(f"a secret in {name}")
        if path.suffix in (".html", ".svg", ".md"):
            page = _Acting()
            page.feed(text)
            found += [f"{what} in {name}" for what in page.found]
        if path.suffix in (".html", ".svg", ".py", ".md") and "94011" in text:
            found.append(f"a template in {name}")
        if path.suffix == ".csv" and re.search(r'(^|,)"?[=+@\t\r-][^,\n]*HOSTILE', text, re.MULTILINE):
            found.append(f"a formula in {name}")
    if SECRET in said or "root:x:0:0" in said:
        found.append("a secret")
    return found


def _files(place: Path) -> set[str]:
    """All files below ``place``, and folders without any."""
    found = set()
    for folder, inner, names in os.walk(place):
        here = os.path.relpath(folder, place)
        found |= {os.path.normpath(os.path.join(here, name)) for name in names}
        if not names and not inner:
            found.add(os.path.normpath(here))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
