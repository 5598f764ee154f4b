"""The command ``archsmith``, also as ``python -m archsmith``: imports the rest inside, so that Ctrl-C ends it quietly
from the very beginning.
"""

from __future__ import annotations

import sys

from archsmith.core import launch


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    launch.note()
    try:
        from archsmith.cli.main import main as command

        command()
    except KeyboardInterrupt:
        sys.stderr.write("archsmith: Stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
