"""``Dockerfile`` and ``requirements.txt`` of a bundle: a server of it in a container, without torch."""

from __future__ import annotations

import re

from archsmith.bundle.manifest import CARD, MANIFEST, MODEL, NOTICE
from archsmith.version import VERSION

DOCKERFILE = """\
# A server of this bundle, without torch. In this folder:
#
#     docker build -t {name} .
#     docker run --rm -e ARCHSMITH_TOKEN -p 127.0.0.1:8000:8000 {name}
#
# The environment variable ARCHSMITH_TOKEN is a secret of 16 characters or more. Callers send it along:
# "Authorization: Bearer TOKEN". It is never part of the image.

FROM python:3.13-slim

# A wheel of Archsmith that lies in this folder is used; otherwise pip looks for one.
COPY requirements.txt *.whl* /srv/
RUN python -m pip install --no-cache-dir --find-links /srv --requirement /srv/requirements.txt

COPY {files} /srv/{name}/

RUN useradd --system --no-create-home archsmith
USER archsmith

# Inside the container it listens on all addresses. `docker run -p` above lets only this machine in.
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \\
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["archsmith", "serve", "/srv/{name}", "--host", "0.0.0.0", "--port", "8000", "--log", "json"]
"""

REQUIREMENTS = """\
# What predicts with this bundle and serves it.
archsmith[serve]=={version}
"""


def dockerfile(name: str) -> str:
    """The text of the file. ``name``: of the bundle."""
    # [t]: a pattern may match nothing
    return DOCKERFILE.format(name=service(name), files=" ".join((MODEL, MANIFEST, CARD, f"{NOTICE[:-1]}[t]")))


def requirements() -> str:
    """The text of the file."""
    return REQUIREMENTS.format(version=VERSION)


def service(name: str) -> str:
    """``name`` as images, folders and paths of a server may be called: small letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].rstrip("-") or "model"
