"""Fetch what the pages of ``archsmith bundles web`` run models with: onnxruntime-web from npm.

npm compares every package with the SHA-512 in ``package-lock.json``. Only two files of it are kept, with the licences
that the Python package onnxruntime brings (the same program, built for another machine). They go into the package, are
ignored by git, and are part of a wheel that is built afterwards.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "src" / "archsmith" / "bundle" / "site" / "vendor"
# As .js: some servers do not know what .mjs is.
KEPT = {"ort.wasm.bundle.min.mjs": "ort.js", "ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm"}
LICENCES = {"LICENSE": "LICENSE.txt", "ThirdPartyNotices.txt": "ThirdPartyNotices.txt"}


def main() -> int:
    npm, runtime = shutil.which("npm"), find_spec("onnxruntime")
    if npm is None or runtime is None or runtime.origin is None:
        print(f"{'npm' if npm is None else 'onnxruntime'} is not installed, and is needed here.", file=sys.stderr)
        return 1
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    TARGET.mkdir(exist_ok=True)
    built = HERE / "node_modules" / "onnxruntime-web" / "dist"
    for name, ours in KEPT.items():
        shutil.copyfile(built / name, TARGET / ours)
    for name, ours in LICENCES.items():
        shutil.copyfile(Path(runtime.origin).parent / name, TARGET / ours)
    shutil.rmtree(HERE / "node_modules")
    print(f"Wrote {', '.join(sorted(path.name for path in TARGET.iterdir()))} to {TARGET}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
