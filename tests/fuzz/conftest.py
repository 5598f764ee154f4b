"""What all fuzzers share: edits of good files, and what may come of a bad one.

Good files are edited, rather than made of noise, so that most of a reader is reached. The examples are the same every
time: a few in ``make test``, thousands in ``make slow``. Whatever is read ends well or with an ``ArchsmithError`` of
one sentence, soon, without much memory.
"""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsmith.core.errors import ArchsmithError

resource = pytest.importorskip("resource", reason="limits of memory are a thing of Unix")

FEW, MANY = 12, 300  # examples of each fuzzer in ``make test`` and in ``make slow``
MEMORY = 2 * 2**30  # bytes that reading a file of some kilobytes may take, above what the process has
PATIENCE = 60  # seconds after which an example hangs, on a busy machine, too; no judgement of speed
LONGEST = 2_010  # characters of a message with its hint

NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
WORDS = [
    *(
        number.to_bytes(n, order)
        for n in (1, 2, 4, 8)
        for number in NUMBERS
        if 0 <= number < 256**n
        for order in ("little", "big")
    ),
    *(str(number).encode() for number in (*NUMBERS, -(2**63), 10**30, "1e999", "nan", "-0.0", "1_0", "0x10", "١٢")),
    *(
        b"null",
        b"[]",
        b"{}",
        b'""',
        b'"',
        b"'",
        b",",
        b";",
        b"\n",
        b"\r",
        b"\t",
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"~nobody123/x",
    ),
    *(
        b"True",
        b"L",
        b"(",
        b")",
        b"[" * 200,
        b"(" * 200,
        b"-" * 200,
        b"../" * 5,
        b"/dev/zero",
        b"\x1b[31m",
        b"x" * 5000,
    ),
]

Edit = tuple[str, float, float, bytes]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "cut", "delete", "insert", "repeat", "swap", "number"]),
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(WORDS),
    ),
    min_size=1,
    max_size=3,
)
EDITS_NEAR = st.tuples(EDITS, st.sampled_from([1.0, 0.25, 0.05, -0.25, -0.05]))


def edited(content: bytes, edits: list[Edit], share: float = 1.0) -> bytes:
    """``content`` with ``edits`` in its first ``share`` (or its last, below zero), where files keep their structure."""
    n = max(1, round(abs(share) * len(content)))
    if n < len(content):
        head, part, tail = (content[:n], b"", content[n:]) if share > 0 else (b"", content[:-n], content[-n:])
        return edited(head, edits) + tail if share > 0 else part + edited(tail, edits)
    found = bytearray(content)
    for kind, first, second, word in edits:
        at, other = int(first * len(found)), int(second * len(found))
        few = 1 + int(second * 16)
        if kind == "insert":
            found[at:at] = word
        elif not found:
            continue
        elif kind == "flip":
            found[at] ^= 1 << int(second * 8)
        elif kind == "set":
            found[at : at + len(word)] = word
        elif kind == "cut":
            del found[at:]
        elif kind == "delete":
            del found[at : at + few]
        elif kind == "repeat":
            found[at:at] = found[at : at + few] * few
        elif kind == "swap":
            one, two = found[at : at + few], found[other : other + few]
            found[at : at + few], found[other : other + few] = two, one
        else:
            found[:] = _other_number(bytes(found), first, word)
    return bytes(found)


def _other_number(content: bytes, place: float, word: bytes) -> bytes:
    """``content`` with one of the numbers that are written in it replaced by ``word``."""
    numbers = list(re.finditer(rb"\d+", content))
    if not numbers:
        return content
    found = numbers[int(place * len(numbers))]
    return content[: found.start()] + word + content[found.end() :]


class Hangs(BaseException):
    """An example takes far too long."""


@dataclass(frozen=True)
class Hunt:
    """Tries examples.

    ``edits``: (edits, share of the file in which they are), for ``edited``.
    """

    n: int
    edits: Any = EDITS_NEAR
    edited: Callable[..., bytes] = edited

    def __call__(self, examples: Any, tried: Callable[[Any], None]) -> None:
        """Call ``tried`` with examples. It may raise an ArchsmithError, and nothing else."""

        @settings(max_examples=self.n, suppress_health_check=list(HealthCheck))
        @given(examples)
        def holds(example: Any) -> None:
            self.once(tried, example)

        holds()

    def once(self, tried: Callable[[Any], None], example: Any) -> bool:
        """Does ``tried`` end well with this ``example``? False: it is refused in a sentence."""
        try:
            with _bounded(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tried(example)
        except ArchsmithError as error:
            said = str(error)
            assert len(said) <= LONGEST, f"a message of {len(said)} characters: {said[:300]}"
            assert error.message.strip().endswith((".", "!", "?")), said
            assert not _wanted_memory(error), f"memory was asked for before the size was looked at: {said}"
            return False
        return True


def _wanted_memory(error: BaseException | None) -> bool:
    """Does a MemoryError stand behind ``error``? Python's parser raises one for deep brackets, too; that is none."""
    while error is not None:
        if isinstance(error, MemoryError) and not any(
            frame.name in ("literal_eval", "parse") for frame in _frames(error)
        ):
            return True
        error = error.__cause__
    return False


def _frames(error: BaseException) -> list[Any]:
    return list(traceback.extract_tb(error.__traceback__))


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Within the block, memory is limited, and what hangs is ended."""
    before = resource.getrlimit(resource.RLIMIT_AS)

    def ring(*_: Any) -> None:
        raise Hangs

    handler = signal.signal(signal.SIGALRM, ring)
    signal.alarm(PATIENCE)
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:
            held = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)


@pytest.fixture(params=[pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)])
def hunt(request: pytest.FixtureRequest) -> Hunt:
    return Hunt(request.param)


@pytest.fixture
def hunt_one() -> Callable[[Callable[[Any], None], Any], bool]:
    """Tries one example: does it end well? False: it is refused in a sentence."""
    return Hunt(1).once
