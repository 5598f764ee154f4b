"""Lists and dicts that everybody reads and only their owner changes: what a history tells its strategies.

They are read as fast as any other, and never copied. Their owner writes with ``list.append(kept, x)`` and the like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from archsmith.core.errors import UsageError

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class KeptError(UsageError):
    """Somebody tried to change what only its owner may change."""


def _refuse(kept: KeptList[Any] | KeptDict[Any, Any], *args: object, **options: object) -> NoReturn:
    kind = "list" if isinstance(kept, list) else "dict"
    raise KeptError(
        f"{kept.name} cannot be changed: it is the record of the study.", f"Work on a copy: {kind}({kept.name})."
    )


class KeptList(list[T]):
    """A list whose writes raise KeptError. Slices and copies of it are lists like any other. ``name``: as people write
    it.
    """

    __slots__ = ("name",)

    def __init__(self, items: Iterable[T] = (), *, name: str = "This list") -> None:
        super().__init__(items)
        self.name = name

    def __reduce__(self) -> Any:
        return list, (list(self),)

    append = extend = insert = remove = pop = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse


class KeptDict(dict[K, V]):
    """A dict whose writes raise KeptError; its copies are dicts like any other. ``name``: as people write it."""

    __slots__ = ("name",)

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = (), *, name: str = "This dict") -> None:
        super().__init__(items)
        self.name = name

    def __reduce__(self) -> Any:
        return dict, (dict(self),)

    pop = popitem = clear = update = setdefault = _refuse
    __setitem__ = __delitem__ = __ior__ = _refuse
