"""Published networks as plain architectures of the spaces here, at their published scale.

Cells are written down compactly. A block is ``op(state) op(state)``. State 0 is prev (c_{k-2}), 1 is cur (c_{k-1}), and
2, 3, … are the blocks, as DARTS and ENAS count. Sources: the papers named in each entry; cells as in their released
code. Counts are trainable parameters without an auxiliary head, and multiply-adds per image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import UsageError
from archsmith.graphs.graph import Graph
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces import enas_micro
from archsmith.spaces.cells import states
from archsmith.spaces.conv_stages import ConvStages
from archsmith.spaces.darts import AMOEBANET_OPERATIONS, Darts, DartsScale
from archsmith.spaces.efficientnet import EfficientNetLite
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.spaces.nasnet import NasNet, NasNetScale
from archsmith.spaces.pnas import Pnas


@dataclass(frozen=True)
class ZooEntry:
    """One published network.

    ``space``: at the published scale.
    ``architecture``: the network as a point of it.
    ``params``: the exact number of trainable parameters.
    ``macs``: multiply-adds in the publication; None where there is no figure for this form.
    ``source``: where it was published.
    """

    space: NetworkSpace
    architecture: Architecture
    params: int
    macs: float | None
    source: str

    def graph(self) -> Graph:
        return self.space.graph(self.architecture)


def cell(name: str, blocks: str, output: Sequence[int] | None = None, ordered: bool = False) -> dict[str, Scalar]:
    """The decisions of one cell from its compact form.

    ``output``: the states that leave, written as explicit decisions; None: they follow from the rules of the space.
    ``ordered``: whether the lower state of a block comes first, as where the two must differ.
    """
    decisions: dict[str, Scalar] = {}
    rows = [row.strip() for row in blocks.split(",")]
    known = states(len(rows))
    for i, row in enumerate(rows):
        sides = [(known[int(state)], operation, int(state)) for operation, state in re.findall(r"(\w+)\((\d+)\)", row)]
        if len(sides) != 2:
            raise UsageError(
                f"{row!r} is not a block.", "Write two operations on states, such as sep3x3(0) identity(1)."
            )
        left, right = sorted(sides, key=lambda side: side[2]) if ordered else sides
        path = f"{name}/block{i}"
        decisions |= {
            f"{path}/left/input": left[0],
            f"{path}/right/input": right[0],
            f"{path}/left/op": left[1],
            f"{path}/right/op": right[1],
        }
    if output is not None:
        decisions |= {f"{name}/output/{state}": index in output for index, state in enumerate(known)}
    return decisions


def from_enas(name: str, tokens: str) -> dict[str, Scalar]:
    """The decisions of one cell from ENAS's numbers: state, operation, state, operation for each node."""
    rows = [[int(token) for token in node.split()] for node in tokens.split("|")]
    operations = enas_micro.OPERATIONS
    return cell(name, ", ".join(f"{operations[row[1]]}({row[0]}) {operations[row[3]]}({row[2]})" for row in rows))


# Cells. What leaves the cells of NASNet-A follows no rule: prev leaves the normal cell although it is used, block 1 the
# reduction cell.
NASNET_A = Architecture(
    cell(
        "normal",
        "sep5x5(1) sep3x3(0), sep5x5(0) sep3x3(0), avg3x3(1) identity(0), avg3x3(0) avg3x3(0), sep3x3(1) identity(1)",
        output=(0, 2, 3, 4, 5, 6),
    )
    | cell(
        "reduction",
        "sep5x5(1) sep7x7(0), max3x3(1) sep7x7(0), avg3x3(1) sep5x5(0), identity(3) avg3x3(2), sep3x3(2) max3x3(1)",
        output=(3, 4, 5, 6),
    )
)
PNASNET_5 = Architecture(
    {"blocks": 5}
    | cell(
        "cell",
        "sep5x5(0) max3x3(0), sep7x7(1) max3x3(1), sep5x5(1) sep3x3(1), sep3x3(4) max3x3(1), sep3x3(0) identity(1)",
    )
)
AMOEBANET_A = Architecture(
    cell(
        "normal",
        "avg3x3(0) max3x3(1), sep3x3(0) sep5x5(2), sep3x3(0) avg3x3(3), sep3x3(1) identity(1), identity(0) avg3x3(1)",
        output=(4, 5, 6),
    )
    | cell(
        "reduction",
        "avg3x3(0) sep3x3(1), max3x3(0) sep7x7(2), sep7x7(0) avg3x3(1), max3x3(0) max3x3(1), conv1x7_7x1(0) sep3x3(5)",
        output=(3, 4, 6),
    )
)
DARTS_V1 = Architecture(
    cell(
        "normal",
        "sep3x3(1) sep3x3(0), identity(0) sep3x3(1), identity(0) sep3x3(1), sep3x3(0) identity(2)",
        ordered=True,
    )
    | cell(
        "reduction",
        "max3x3(0) max3x3(1), identity(2) max3x3(0), max3x3(0) identity(2), identity(2) avg3x3(0)",
        ordered=True,
    )
)
DARTS_V2 = Architecture(
    cell(
        "normal",
        "sep3x3(0) sep3x3(1), sep3x3(0) sep3x3(1), sep3x3(1) identity(0), identity(0) dil_sep3x3(2)",
        ordered=True,
    )
    | cell(
        "reduction",
        "max3x3(0) max3x3(1), identity(2) max3x3(1), max3x3(0) identity(2), identity(2) max3x3(1)",
        ordered=True,
    )
)
ENAS_MICRO = Architecture(
    from_enas("normal", "0 2 0 0 | 0 4 0 1 | 0 4 1 1 | 1 0 0 1 | 0 2 1 1")
    | from_enas("reduction", "1 0 1 0 | 0 3 0 2 | 1 1 3 1 | 1 0 0 4 | 0 3 1 1")
)

IMAGENET_MOBILE, IMAGENET_LARGE = (3, 224, 224), (3, 331, 331)
CIFAR_FINAL = DartsScale(filters=36, cells=20)


def _nasnet(shape: tuple[int, int, int], n_outputs: int, scale: NasNetScale) -> NasNet:
    return NasNet(input_shape=shape, n_outputs=n_outputs, combines=("add",), output="chosen", scale=scale)


def _pnas(
    shape: tuple[int, int, int],
    n_outputs: int,
    filters: int,
    cells: int,
    stem: str = "cifar",
    stem_filters: int | None = None,
) -> Pnas:
    scale = NasNetScale(filters=filters, cells=cells, stem=stem, stem_filters=stem_filters, skip_reduction_input=True)
    return Pnas(input_shape=shape, n_outputs=n_outputs, scale=scale)


_NASNET_SOURCE = "Zoph et al. 2018, arXiv 1707.07012"
_PNAS_SOURCE = "Liu et al. 2018, arXiv 1712.00559"
_DARTS_SOURCE = "Liu, Simonyan, Yang 2019, arXiv 1806.09055"

ZOO: dict[str, ZooEntry] = {
    "nasnet_a_mobile": ZooEntry(
        _nasnet(IMAGENET_MOBILE, 1000, NasNetScale(filters=44, cells=4, stem="imagenet", stem_filters=32)),
        NASNET_A,
        5_289_978,
        564e6,
        _NASNET_SOURCE,
    ),
    "nasnet_a_large": ZooEntry(
        _nasnet(
            IMAGENET_LARGE,
            1000,
            NasNetScale(filters=168, cells=6, stem="imagenet", stem_filters=96, skip_reduction_input=True),
        ),
        NASNET_A,
        88_753_150,
        23.8e9,
        _NASNET_SOURCE,
    ),
    "nasnet_a_cifar": ZooEntry(
        _nasnet((3, 32, 32), 10, NasNetScale(filters=32, cells=6)), NASNET_A, 3_346_538, None, _NASNET_SOURCE
    ),
    "pnasnet5_mobile": ZooEntry(
        _pnas(IMAGENET_MOBILE, 1000, 54, 3, "imagenet", 32), PNASNET_5, 5_064_487, 588e6, _PNAS_SOURCE
    ),
    "pnasnet5_large": ZooEntry(
        _pnas(IMAGENET_LARGE, 1000, 216, 4, "imagenet", 96), PNASNET_5, 86_057_668, 25.0e9, _PNAS_SOURCE
    ),
    "pnasnet5_cifar": ZooEntry(_pnas((3, 32, 32), 10, 48, 3), PNASNET_5, 3_189_082, None, _PNAS_SOURCE),
    "amoebanet_a": ZooEntry(
        Darts(operations=AMOEBANET_OPERATIONS, nodes=5, distinct=False, output="chosen", scale=CIFAR_FINAL),
        AMOEBANET_A,
        3_145_078,
        None,
        "Real et al. 2019, arXiv 1802.01548, in the DARTS form of network",
    ),
    "darts_v1": ZooEntry(Darts(scale=CIFAR_FINAL), DARTS_V1, 3_169_414, None, f"{_DARTS_SOURCE}, first order"),
    "darts_v2": ZooEntry(Darts(scale=CIFAR_FINAL), DARTS_V2, 3_349_342, None, f"{_DARTS_SOURCE}, second order"),
    "enas_micro": ZooEntry(
        EnasMicro(scale=EnasMicroScale(filters=36, layers=15)),
        ENAS_MICRO,
        3_894_372,
        None,
        "Pham et al. 2018, arXiv 1802.03268",
    ),
    "efficientnet_lite0": ZooEntry(
        EfficientNetLite(), Architecture(), 4_652_008, None, "Tan and Le 2019, arXiv 1905.11946; Lite0 by Google 2020"
    ),
    "residual_3x3": ZooEntry(
        ConvStages(), ConvStages().first(), 304_154, None, "Ours: the hand-made network of conv_stages"
    ),
}
