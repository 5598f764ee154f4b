"""Finds the nested part of a space that asks under its parent's path.

A path that is asked again gets the answer that it got before. In a loop that is a way to share a decision. In a part
inside a part it is a slip: the inner part then has no decisions of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType

from archsmith.core.architecture import Scalar
from archsmith.core.space import Answer, Options, Trace
from archsmith.testing.need import need


class NestingTrace(Trace):
    """A Trace that looks at who asks.

    Raises AssertionError, law ``own paths``, for a path that a part and a part inside it have both asked. Parts are
    calls of one function, or methods of different objects.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self._askers: dict[str, FrameType] = {}

    def __call__(self, path: str, options: Options, weights: Sequence[float] | None = None) -> Scalar:
        asker = _asker(sys._getframe(1))
        first = self._askers.setdefault(path, asker)
        need(
            first is asker or not _inside(asker, first),
            "own paths",
            f"{asker.f_code.co_qualname} asks {path!r} inside of a part that has asked it, so both have one answer. "
            "Give a nested part paths of its own; where they are to share a decision, ask once and hand the answer "
            "down.",
        )
        return super().__call__(path, options, weights)


def _asker(frame: FrameType) -> FrameType:
    """The function that asks, behind lambdas and objects that only pass a question on."""
    while frame.f_back is not None and (frame.f_code.co_name == "__call__" or frame.f_code.co_name.startswith("<")):
        frame = frame.f_back
    return frame


def _inside(inner: FrameType, outer: FrameType) -> bool:
    """Is ``inner`` another part than ``outer``, and was it called by it?"""
    if inner.f_code is not outer.f_code:
        ours, theirs = inner.f_locals.get("self"), outer.f_locals.get("self")
        if ours is theirs or ours is None or theirs is None:
            return False  # two methods of one object, or a function that asks once more what it has to know
    above = inner.f_back
    while above is not None and above is not outer:
        above = above.f_back
    return above is not None
