"""An architecture: one point of a search space, as plain data.

It is a frozen, ordered, hashable mapping *decision path -> scalar*, and can be written as JSON. It holds no tensors, no
results and no reference to its space. So an architecture in a log can be read, compared and rebuilt from what is
printed there. Decisions under ``recipe/`` describe training and are no part of the graph.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from archsmith.core import markup
from archsmith.core.errors import UsageError
from archsmith.core.fields import said
from archsmith.core.files import json_value, reason

Scalar = bool | int | float | str | None

RECIPE = "recipe/"


def same(a: Scalar, b: Scalar) -> bool:
    """Equal in value *and* type: ``True`` is not ``1`` and ``1`` is not ``1.0``."""
    return type(a) is type(b) and a == b


class Architecture(Mapping[str, Scalar]):
    """One point of a search space: decision path to answer.

    It keeps the order in which the decisions were asked. Equality and hash look at the content only. They tell
    ``True``,
    ``1`` and ``1.0`` apart.
    """

    def __init__(self, decisions: Mapping[str, Scalar] | Iterable[tuple[str, Scalar]] = ()) -> None:
        try:
            self._decisions: dict[str, Scalar] = dict(decisions)
        except (TypeError, ValueError):
            raise UsageError(
                f"An architecture {said(decisions)}.", 'Give its decisions and answers: {"depth": 3, "width": 16}.'
            ) from None
        for path, answer in self._decisions.items():
            if not isinstance(path, str) or not path:
                raise UsageError(f"A decision path must be a non-empty string, not {path!r}.")
            if not (answer is None or type(answer) in (bool, int, float, str)):
                raise UsageError(
                    f"Decision {path!r} has the answer {answer!r} of type {type(answer).__name__}.",
                    "Answers are bool, int, float, str or None.",
                )
            if isinstance(answer, float) and not math.isfinite(answer):
                raise UsageError(f"Decision {path!r} has the answer {answer}, which is not a finite number.")

    def __getitem__(self, path: str) -> Scalar:
        return self._decisions[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decisions)

    def __len__(self) -> int:
        return len(self._decisions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self._canonical == other._canonical

    def __hash__(self) -> int:
        return hash(self._canonical)

    def __repr__(self) -> str:
        return f"Architecture({self.to_json()})"

    def _repr_html_(self) -> str:
        n = len(self)
        return markup.table(
            ((path, answer) for path, answer in self.items()),
            ("decision", "answer"),
            f"{n} decision{'' if n == 1 else 's'}, {self.key}",
        )

    @cached_property
    def _canonical(self) -> str:
        return json.dumps(self._decisions, sort_keys=True, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """16 hexadecimal digits that name this content; the same on every machine."""
        return hashlib.blake2b(self._canonical.encode(), digest_size=8).hexdigest()

    @property
    def recipe(self) -> Architecture:
        """The decisions about training (those under ``recipe/``)."""
        return Architecture((path, answer) for path, answer in self.items() if path.startswith(RECIPE))

    @property
    def structure(self) -> Architecture:
        """The decisions about the network (all but those under ``recipe/``)."""
        return Architecture((path, answer) for path, answer in self.items() if not path.startswith(RECIPE))

    def replace(self, changes: Mapping[str, Scalar]) -> Architecture:
        """A copy with some answers changed or added; the order of known paths is kept."""
        return Architecture({**self._decisions, **changes})

    def to_json(self) -> str:
        return json.dumps(self._decisions)

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Raises UsageError for anything but a JSON object of scalars."""
        try:
            decisions = json_value(text)
        except ValueError as error:
            raise UsageError(
                f"This is not an architecture: {reason(error)}.",
                'An architecture is a JSON object such as {"depth": 3}.',
            ) from error
        if not isinstance(decisions, dict):
            raise UsageError(f"An architecture is a JSON object of decisions, not {type(decisions).__name__}.")
        return cls(decisions)
