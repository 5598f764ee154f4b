"""Manifests of earlier formats, brought to the present one in memory. Bundles of every earlier format are read for
ever; nothing writes those formats.

Format 1 was for classes, format 2 for regression targets, both for pictures only. They kept what the model takes in
and the constants of its output in one mapping, ``preprocessing``.
"""

from __future__ import annotations

from typing import Any

from archsmith.core.targets import target_kind
from archsmith.data.images.decode import IMAGE

PICTURES = ("height", "width", "channels", "mean", "std")


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """The manifest ``data`` in the present format. Raises KeyError, TypeError or UsageError for a damaged one."""
    if data["format_version"] >= 3:
        return data
    settings, told = data["preprocessing"], data["task"]["outputs"][0]
    kind = target_kind(told["kind"])
    image = {"name": IMAGE, "kind": IMAGE, **{name: settings[name] for name in PICTURES}}
    image["resize"] = settings.get("resize", "triangle")
    output = {"name": kind.output, "kind": kind.name}
    if told["classes"]:
        output.update(classes=told["classes"], temperature=settings.get("temperature", 1.0))
    else:
        output.update(target=told["name"], mean=settings.get("target_mean", 0.0), std=settings.get("target_std", 1.0))
    verification = data["verification"]
    if verification is not None and "images" in verification:
        verification = {**verification, "examples": verification["images"]}
    rest = {name: value for name, value in data.items() if name != "preprocessing"}
    return {
        **rest,
        "format_version": 3,
        "modality": IMAGE,
        "inputs": [image],
        "output": output,
        "verification": verification,
    }
