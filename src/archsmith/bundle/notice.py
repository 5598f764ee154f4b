"""``NOTICE.txt`` of a bundle with weights that were learnt from other data: whose they are, and under which licence."""

from __future__ import annotations

from importlib.resources import files

from archsmith.bundle.manifest import Origin

TEXTS = {"Apache-2.0": "apache-2.0.txt"}  # licences whose text has to go along


def notice(origin: Origin) -> str:
    """The text of the file."""
    lines = [
        "The network in this bundle did not start from scratch. Its weights go back to:",
        "",
        f"  {origin.name}",
        f"  learnt from: {origin.trained_on}",
        f"  licence: {origin.licence}",
        f"  SHA-256 of their file: {origin.sha256}",
    ]
    if origin.notice:
        lines += ["", origin.notice]
    text = TEXTS.get(origin.licence)
    if text is not None:
        lines += ["", "-" * 80, "", (files("archsmith.bundle") / text).read_text(encoding="utf-8").strip("\n")]
    return "\n".join(lines) + "\n"
