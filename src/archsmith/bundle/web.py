"""A bundle as one static folder: a page that predicts in the browser, without a server of its own and without a
network.

Nothing in it is fetched from elsewhere. The model is run by onnxruntime-web, which ``make web`` puts into this package
and which every released wheel holds.
"""

from __future__ import annotations

import json
import shutil
from importlib.resources import as_file
from pathlib import Path

from archsmith.bundle.folder import Content, check_target, replacing
from archsmith.bundle.manifest import MODEL, NOTICE, check_files
from archsmith.bundle.page import POLICY, SITE, Surroundings, card_of, drawing_of, name_of, page
from archsmith.core.errors import UsageError

PAGE, DRAWING, OFFLINE, VENDOR = "index.html", "network.svg", "offline.js", "vendor"
OURS = {**{name: name for name in ("page.css", "page.js", "numbers.js", "pixels.js")}, "engine.js": "local.js"}
RUNTIME = ("ort.js", "ort-wasm-simd-threaded.wasm", "LICENSE.txt", "ThirdPartyNotices.txt")
FILES_MARK = "[/* files */]"  # in offline.js
WASM = ("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")  # a policy without and with WebAssembly
NEEDED = (
    "This page needs JavaScript, and a web server instead of a file address. In its folder run "
    "<code>python -m http.server</code>, then open <code>http://localhost:8000</code>."
)
FOOT = "Predictions are made on this device. Nothing that you give to this page leaves it. Made with Archsmith."


def write_page(bundle: str | Path, folder: str | Path) -> Path:
    """Write the page of ``bundle`` to ``folder`` and return that; an older page there is replaced.

    Raises UsageError when ``bundle`` is no bundle or its model is damaged, when something else lies at ``folder``, and
    when onnxruntime-web is missing.
    """
    source = Path(bundle)
    check_target(folder, SITE_FOLDER)
    manifest = check_files(source, [MODEL])
    drawing = drawing_of(manifest)
    around = Surroundings(
        assets="",
        drawing=DRAWING if drawing else "",
        needed=NEEDED,
        foot=FOOT,
        policy=f'<meta http-equiv="Content-Security-Policy" content="{POLICY.replace(*WASM)}">',
    )
    with replacing(folder, SITE_FOLDER) as part:
        _copy_runtime(part / VENDOR)
        (part / PAGE).write_text(page(manifest, name_of(manifest), card_of(source), around), encoding="utf-8")
        if drawing:
            (part / DRAWING).write_text(drawing, encoding="utf-8", errors="replace")
        for name, ours in OURS.items():
            (part / name).write_bytes((SITE / ours).read_bytes())
        for name in (MODEL, NOTICE):
            if (source / name).is_file():
                shutil.copyfile(source / name, part / name)
        listed = sorted(path.relative_to(part).as_posix() for path in part.rglob("*") if path.suffix != ".txt")
        files = ["./", *(name for name in listed if name != VENDOR)]
        text = (SITE / OFFLINE).read_text(encoding="utf-8").replace(FILES_MARK, json.dumps(files))
        (part / OFFLINE).write_text(text, encoding="utf-8")
    return check_target(folder, SITE_FOLDER)


def _copy_runtime(folder: Path) -> None:
    folder.mkdir()
    for name in RUNTIME:
        with as_file(SITE / VENDOR / name) as path:
            if not path.is_file():
                raise UsageError(
                    f"This installation has no onnxruntime-web ({name}), which the page runs the model with.",
                    "Install a released wheel, or run `make web` in a checkout (it needs npm).",
                )
            shutil.copyfile(path, folder / name)


def _is_page(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (PAGE, OFFLINE, MODEL))


SITE_FOLDER = Content("web page", frozenset((PAGE, DRAWING, OFFLINE, VENDOR, MODEL, NOTICE, *OURS)), _is_page)
