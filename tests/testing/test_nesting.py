"""Parts inside parts that ask under one path: which are slips, and which share a decision on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from archsmith.core.space import Choose, Space, draw
from archsmith.testing.need import Broken
from archsmith.testing.nesting import NestingTrace


def ask(space: Space, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    space.decide(NestingTrace(lambda path, options, weights: draw(options, weights, rng)))


@dataclass(frozen=True)
class Recursion(Space):
    """A part in itself, under its own path."""

    def decide(self, choose: Choose) -> None:
        self.part(choose, "root", 2)

    def part(self, choose: Choose, path: str, depth: int) -> None:
        choose(f"{path}/kind", ("leaf", "pair"))
        if depth:
            self.part(choose, path, depth - 1)


@dataclass(frozen=True)
class Part(Space):
    """A part that may hold another one, as an object; all of them ask for their kernel."""

    inner: Any = None

    def decide(self, choose: Choose) -> None:
        choose("kernel", (3, 5))
        if self.inner is not None:
            self.inner.decide(choose)


@dataclass(frozen=True)
class OtherPart(Part):
    def decide(self, choose: Choose) -> None:
        choose("kernel", (3, 5))


@dataclass(frozen=True)
class Behind(Recursion):
    """The questions go through a function that only passes them on."""

    def decide(self, choose: Choose) -> None:
        super().decide(lambda path, options, weights=None: choose(f"net/{path}", options, weights))


@pytest.mark.parametrize(
    ("space", "who", "path"),
    [
        (Recursion(), "Recursion.part", "root/kind"),
        (Part(Part()), "Part.decide", "kernel"),
        (Part(OtherPart()), "OtherPart.decide", "kernel"),
        (Behind(), "Recursion.part", "net/root/kind"),
    ],
    ids=["recursion", "same class", "other class", "behind a function"],
)
def test_a_nested_part_with_its_parents_path_is_found(space: Space, who: str, path: str) -> None:
    with pytest.raises(Broken, match=rf"^own paths: {who} asks '{path}' inside of a part that has asked it, so both"):
        ask(space)


@dataclass(frozen=True)
class Loop(Space):
    """One decision for all turns, asked in place and by a function."""

    def decide(self, choose: Choose) -> None:
        for _ in range(3):
            choose("kernel", (3, 5))
            self.block(choose)

    def block(self, choose: Choose) -> None:
        choose("kernel", (3, 5))
        choose("expansion", (1, 2))


@dataclass(frozen=True)
class Extended(Part):
    """What a subclass wants to know before its superclass asks."""

    def decide(self, choose: Choose) -> None:
        if choose("kernel", (3, 5)) == 3:
            choose("dilation", (1, 2))
        super().decide(choose)


@dataclass(frozen=True)
class Proper(Space):
    """Recursion with a path for each part."""

    def decide(self, choose: Choose) -> None:
        self.part(choose, "root", 2)

    def part(self, choose: Choose, path: str, depth: int) -> None:
        choose(f"{path}/kind", ("leaf", "pair"))
        if depth:
            self.part(choose, f"{path}/inner", depth - 1)


def helper(choose: Choose) -> None:
    choose("norm", ("batch", "none"))


@dataclass(frozen=True)
class Helped(Space):
    """A function that asks once more what it has to know."""

    def decide(self, choose: Choose) -> None:
        choose("norm", ("batch", "none"))
        helper(choose)


@pytest.mark.parametrize("space", [Loop(), Extended(), Proper(), Helped()], ids=lambda space: type(space).__name__)
def test_a_decision_that_is_shared_on_purpose_is_not(space: Space) -> None:
    ask(space)
