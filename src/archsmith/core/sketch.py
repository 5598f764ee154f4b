"""What may be known of an architecture without evaluating it: the plain data that surrogates learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsmith.core.architecture import Scalar


@dataclass(frozen=True)
class Sketch:
    """An architecture as a surrogate sees it.

    ``live``: the decisions that its outcome can depend on.
    ``numbers``: quantities that can be compared between architectures, such as the number of parameters, or where an
        answer lies among ordered options.
    ``paths``: how often each sequence of operations leads from an input to an output. None: this is no network. Empty:
        the output of the network does not depend on its input.
    """

    live: Mapping[str, Scalar]
    numbers: Mapping[str, float] = field(default_factory=dict)
    paths: Mapping[str, int] | None = None
