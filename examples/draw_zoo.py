"""Draw published networks and their cells as SVG files, with what they cost counted from their graphs.

python examples/draw_zoo.py --out drawings nasnet_a_mobile darts_v2
"""

import argparse
from pathlib import Path

from archsmith.graphs.cost import cost
from archsmith.graphs.drawing import draw
from archsmith.spaces.zoo import ZOO


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="all of the zoo when left out")
    parser.add_argument("--out", type=Path, default=Path("drawings"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    for name in arguments.names or ZOO:
        entry = ZOO[name]
        graph = entry.space.graph(entry.architecture)
        counted = cost(graph)
        print(f"{name}: {counted.params:,} parameters, {counted.macs:,} multiply-adds")
        (arguments.out / f"{name}.svg").write_text(draw(graph, title=name), encoding="utf-8")
        for kind in entry.space.cell_kinds:
            scope = next((path for path, scope in graph.scopes.items() if scope.kind == kind), None)
            if scope is not None:
                (arguments.out / f"{name}_{kind}.svg").write_text(
                    draw(graph, scope=scope, title=f"{name}: {kind}"), encoding="utf-8"
                )


if __name__ == "__main__":
    main()
