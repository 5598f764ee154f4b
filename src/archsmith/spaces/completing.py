"""From some decisions to an architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsmith.core.architecture import RECIPE, Architecture, Scalar
from archsmith.core.errors import UsageError
from archsmith.core.space import Options, Space, allowed


def completed(space: Space, name: str, answers: Mapping[str, Scalar]) -> Architecture:
    """The architecture with ``answers``, and the first options of everything else. A recipe's answer that is no option
    is left out. Raises UsageError where another one is not used; ``name`` says of whom the error speaks.
    """

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        if path in answers and allowed(answers[path], options):
            return answers[path]
        return options[0]  # type: ignore[index]

    architecture = space.trace(answer).architecture
    unused = [path for path, given in answers.items() if path not in architecture or architecture[path] != given]
    if unused and not all(path.startswith(RECIPE) for path in unused):
        raise UsageError(f"The seed {name!r} wants {unused[0]} = {answers[unused[0]]!r}, which the space lacks.")
    return architecture
