"""What only its owner changes."""

from __future__ import annotations

import copy
import json
import operator
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from archsmith.core.kept import KeptDict, KeptError, KeptList


def kept_list() -> KeptList[int]:
    kept: KeptList[int] = KeptList(name="history.trials")
    for i in range(3):
        list.append(kept, i)
    return kept


def kept_dict() -> KeptDict[int, int]:
    kept: KeptDict[int, int] = KeptDict(name="history.pending")
    dict.__setitem__(kept, 1, 2)
    return kept


LIST_WRITES: dict[str, Callable[[Any], object]] = {
    "append": lambda kept: kept.append(1),
    "extend": lambda kept: kept.extend([1]),
    "insert": lambda kept: kept.insert(0, 1),
    "remove": lambda kept: kept.remove(1),
    "pop": lambda kept: kept.pop(0),
    "clear": lambda kept: kept.clear(),
    "sort": lambda kept: kept.sort(key=lambda i: -i),
    "reverse": lambda kept: kept.reverse(),
    "set": lambda kept: operator.setitem(kept, 0, 1),
    "delete": lambda kept: operator.delitem(kept, slice(1)),
    "+=": lambda kept: operator.iadd(kept, [1]),
    "*=": lambda kept: operator.imul(kept, 2),
}
DICT_WRITES: dict[str, Callable[[Any], object]] = {
    "pop": lambda kept: kept.pop(1),
    "popitem": lambda kept: kept.popitem(),
    "clear": lambda kept: kept.clear(),
    "update": lambda kept: kept.update({1: 1}),
    "setdefault": lambda kept: kept.setdefault(3, 1),
    "set": lambda kept: operator.setitem(kept, 1, 1),
    "delete": lambda kept: operator.delitem(kept, 1),
    "|=": lambda kept: operator.ior(kept, {3: 1}),
}


@pytest.mark.parametrize("write", LIST_WRITES.values(), ids=LIST_WRITES)
def test_no_write_changes_a_kept_list(write: Callable[[Any], object]) -> None:
    kept = kept_list()
    with pytest.raises(KeptError, match=r"^history.trials cannot be changed: .* a copy: list\(history.trials\)"):
        write(kept)
    assert kept == [0, 1, 2]


@pytest.mark.parametrize("write", DICT_WRITES.values(), ids=DICT_WRITES)
def test_no_write_changes_a_kept_dict(write: Callable[[Any], object]) -> None:
    kept = kept_dict()
    with pytest.raises(KeptError, match=r"^history.pending cannot be changed: .* a copy: dict\(history.pending\)"):
        write(kept)
    assert kept == {1: 2}


def test_copies_may_be_changed() -> None:
    kept = kept_list()
    for copied in (list(kept), kept[1:], kept.copy(), copy.copy(kept), copy.deepcopy(kept), [*kept], sorted(kept)):
        copied.append(9)
        assert type(copied) is list and 9 in copied
    assert kept == [0, 1, 2]
    for pending in (dict(kept_dict()), kept_dict().copy(), copy.deepcopy(kept_dict())):
        pending[9] = 9


def test_what_holds_one_is_told_as_plain_data() -> None:
    @dataclass
    class Holder:
        kept: list[int]
        pending: dict[int, int]

    assert asdict(Holder(kept_list(), kept_dict())) == {"kept": [0, 1, 2], "pending": {1: 2}}
    assert json.dumps([kept_list(), kept_dict()]) == '[[0, 1, 2], {"1": 2}]'
