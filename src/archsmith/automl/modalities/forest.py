"""The boosted trees of scikit-learn as a network: the trees that were fitted, decision for decision.

scikit-learn compares float64, networks float32. A threshold is rounded down to float32, so that every float32 falls on
the same side of it as before. What a tree does with missing values, and with categories that it met in training or did
not, becomes part of its forks (see ``archsmith.graphs.modules.Trees``).

Read are attributes that scikit-learn does not document: the nodes of its trees, their sets of categories, and the first
guess that all trees add to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from archsmith.core.errors import ArchsmithError
from archsmith.core.task import Input
from archsmith.graphs.net import Net
from archsmith.graphs.network import Network

TOGETHER = 128  # trees of one group: their forks of 4,096 rows take 63 MB
UNSEEN = -20.7  # logit of a class without training rows: a probability of about 1e-9


@dataclass(frozen=True)
class Source:
    """A column that trees were fitted on.

    ``place``: among the inputs of the trees.
    ``first``: code of its first category; 0 of a number.
    ``n_codes``: how many codes it has; 0 of a number.
    """

    place: int
    first: int = 0
    n_codes: int = 0


@dataclass(frozen=True)
class Fork:
    """One fork of a tree, which is true for what goes right.

    ``place``: of a column, or of a set where ``side`` is given.
    ``missing_right``: where missing values of a number go.
    ``threshold``: the largest number that goes left.
    ``side``: for each code of the column, 1 where it goes right.
    """

    place: int
    missing_right: bool = False
    threshold: np.float32 = np.float32(0.5)
    side: bytes = b""
    first: int = 0


@dataclass(frozen=True)
class Leaf:
    """``value``: what it adds. ``path``: the forks above it by their index, and whether they are true here."""

    value: float
    path: tuple[tuple[int, bool], ...]


Tree = tuple[list[Fork], list[Leaf]]


def network_of(
    model: Any, sources: Sequence[Source], inputs: Sequence[Input], weight: NDArray[Any], bias: NDArray[Any]
) -> Network:
    """The network of a fitted ``HistGradientBoosting…``.

    ``sources``: the columns of the matrix that it was fitted on.
    ``inputs``: of the network; numbers come before categories.
    ``weight``, ``bias``: ``(outputs, sums)`` and ``(outputs,)``, from the sums of the trees to the outputs.
    """
    trees = trees_of(model, sources)
    n_sums = weight.shape[1]
    rounds = len(trees) // n_sums
    groups = -(-rounds // max(1, TOGETHER // n_sums))
    each = -(-rounds // groups) * n_sums
    filled = _Filled(groups, each, sum(entry.shape[0] or 0 for entry in inputs), trees)
    net = Net(inputs)
    given = [net.input(entry.name) for entry in inputs]
    given = [
        value if entry.n_codes is None else net.op("code_numbers", value)
        for value, entry in zip(given, inputs, strict=True)
    ]
    x = net.op("concat", *given) if len(given) > 1 else given[0]
    x = net.op("trees", x, features=n_sums, groups=groups, trees=each, **filled.sizes)
    net.output(net.op("linear", x, name="head", features=len(bias)))
    network = Network(net.graph(), seed=0)
    module, head = network.get_submodule("trees"), network.get_submodule("head")
    tensors = {**dict(module.named_buffers()), **dict(module.named_parameters())}
    with torch.no_grad():
        for name, array in filled.arrays.items():
            tensors[name].copy_(torch.from_numpy(array))
        for name, array in (("weight", weight), ("bias", bias)):
            head.get_parameter(name).copy_(torch.from_numpy(array))
    return network.eval()


class _Filled:
    """The tensors of the operation, as arrays. Trees, forks, leaves and sets that are not there stay zero."""

    def __init__(self, groups: int, each: int, n_columns: int, trees: list[Tree]) -> None:
        n_forks = max(1, *(len(forks) for forks, _ in trees))
        n_leaves = max(len(leaves) for _, leaves in trees)
        self.n_columns = n_columns
        self.sides: dict[bytes, int] = {}  # where each one begins
        self.sets: list[dict[tuple[int, int], int]] = [{} for _ in range(groups)]  # (column, start) -> place
        self.feature = np.zeros((groups, each, n_forks), np.int64)
        self.threshold = np.full((groups, each, n_forks), np.inf, np.float32)
        self.path = np.zeros((groups, each, n_leaves, n_forks), np.int8)
        self.count = np.full((groups, each, n_leaves), -1, np.int16)  # no leaf has it
        self.value = np.zeros((groups, each, n_leaves), np.float32)
        for number, (forks, leaves) in enumerate(trees):
            at = divmod(number, each)
            for place, fork in enumerate(forks):
                self.feature[*at, place] = self._place(at[0], fork)
                self.threshold[*at, place] = fork.threshold
            for place, leaf in enumerate(leaves):
                for index, true in leaf.path:
                    self.path[*at, place, index] = 1 if true else -1
                self.count[*at, place] = sum(true for _, true in leaf.path)
                self.value[*at, place] = leaf.value

    def _place(self, group: int, fork: Fork) -> int:
        """What a fork reads."""
        if not fork.side:
            return fork.place + self.n_columns * fork.missing_right
        if fork.side not in self.sides:
            self.sides[fork.side] = sum(map(len, self.sides))
        sets = self.sets[group]
        return 2 * self.n_columns + sets.setdefault((fork.place, self.sides[fork.side] - fork.first), len(sets))

    @property
    def sizes(self) -> dict[str, Any]:
        """Arguments of the operation."""
        found: dict[str, Any] = {"forks": self.feature.shape[2], "leaves": self.value.shape[2]}
        sets = max(map(len, self.sets))
        return {**found, "sets": sets, "sides": sum(map(len, self.sides))} if sets else found

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {
            "feature": self.feature.reshape(len(self.feature), -1),
            "threshold": self.threshold.reshape(len(self.threshold), -1),
            **{name: getattr(self, name) for name in ("path", "count", "value")},
        }
        if not self.sides:
            return found
        n_sets = max(map(len, self.sets))
        some = next(entry for sets in self.sets for entry in sets)  # what is not used must not read beyond the end
        rows = [[*sets, *[some] * (n_sets - len(sets))] for sets in self.sets]
        column, start = np.array(rows, np.int64).transpose(2, 0, 1)
        side = np.frombuffer(b"".join(self.sides), np.int8).copy()
        return {**found, "column": column.copy(), "start": start.copy(), "side": side}


def trees_of(model: Any, sources: Sequence[Source]) -> list[Tree]:
    """The trees of a fitted ``HistGradientBoosting…``, those of each round side by side. Raises ArchsmithError where
    this version of scikit-learn keeps them otherwise.
    """
    try:
        categorical = model.is_categorical_
        known: list[NDArray[np.float64]] = []
        if categorical is not None:  # then these columns come first
            order = [*np.flatnonzero(categorical), *np.flatnonzero(~categorical)]
            sources = [sources[place] for place in order]
            known = list(model._preprocessor.named_transformers_["encoder"].categories_)
        return [_tree(tree, sources, known) for rounds in model._predictors for tree in rounds]
    except (AttributeError, KeyError, ValueError, IndexError) as error:
        raise ArchsmithError(
            f"The trees of this version of scikit-learn cannot be read: {error}.", "Please report the version."
        ) from error


def baseline_of(model: Any) -> NDArray[np.float64]:
    """What the trees of each class add to, ``(sums,)``."""
    return np.asarray(model._baseline_prediction, np.float64).reshape(-1)


def _tree(tree: Any, sources: Sequence[Source], known: Sequence[NDArray[np.float64]]) -> Tree:
    names = "is_leaf value left right feature_idx num_threshold missing_go_to_left is_categorical bitset_idx"
    nodes = list(zip(*(tree.nodes[name].tolist() for name in names.split()), strict=True))
    forks: list[Fork] = []
    leaves: list[Leaf] = []
    waiting: list[tuple[int, tuple[tuple[int, bool], ...]]] = [(0, ())]
    while waiting:
        number, path = waiting.pop()
        is_leaf, value, left, right, feature, threshold, missing_left, is_set, bits = nodes[number]
        if is_leaf:
            leaves.append(Leaf(value, path))
            continue
        source = sources[feature]
        if is_set:
            side = _side(source, known[feature], tree.raw_left_cat_bitsets[bits], bool(missing_left))
            forks.append(Fork(source.place, side=side, first=source.first))
        else:
            forks.append(Fork(source.place, not missing_left, rounded_down(threshold + source.first)))
        index = len(forks) - 1
        waiting += [(right, (*path, (index, True))), (left, (*path, (index, False)))]
    return forks, leaves


def _side(source: Source, known: NDArray[np.float64], words: NDArray[np.uint32], missing_left: bool) -> bytes:
    """For each code of a column, 1 where it goes right. A code that no training row had goes where missing values go.

    ``known``: the codes of training rows, counted from the column's first.
    ``words``: which of these go left, one bit each.
    """
    left = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")
    side = np.full(source.n_codes, not missing_left, np.int8)
    codes = known[~np.isnan(known)].astype(np.int64)
    side[codes] = 1 - left[: len(codes)]
    return side.tobytes()


def rounded_down(value: float) -> np.float32:
    """The largest finite float32 that is not above ``value``. Values of tables are finite, too."""
    with np.errstate(over="ignore"):
        found = np.float32(min(value, float(np.finfo(np.float32).max)))
    return found if float(found) <= value else np.nextafter(found, np.float32(-np.inf))
