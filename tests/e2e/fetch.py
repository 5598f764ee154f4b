"""Fetch axe-core from npm, with which the tests here look for what keeps people with disabilities out.

npm compares the package with the SHA-512 in ``package-lock.json``. The one file of it that is kept is ignored by git
and is part of no release.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE / "vendor" / "axe.min.js"


def main() -> int:
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed, and is needed here.", file=sys.stderr)
        return 1
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    TARGET.parent.mkdir(exist_ok=True)
    shutil.copyfile(HERE / "node_modules" / "axe-core" / "axe.min.js", TARGET)
    shutil.rmtree(HERE / "node_modules")
    print(f"Wrote {TARGET}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
