"""A search space of one's own in twenty lines, and a search of it under a hard limit.

Nothing is trained here: the search looks for the network with the most parameters, while the limit keeps multiply-adds
down. Put a TrainingEvaluator in the place of CostEvaluator, or give the space to ``archsmith fit --space
own_space:Pyramid``, to search for accuracy.

    python examples/own_space.py --trials 200
"""

import argparse
from dataclasses import dataclass

from archsmith import Budget, Constraint, ImageSpace, Objective, Problem, RegularizedEvolution, Search
from archsmith.evaluators.cost import CostEvaluator
from archsmith.graphs.layers import classifier, conv_bn_relu, sep_conv


@dataclass(frozen=True)
class Pyramid(ImageSpace):
    """Two to four levels of convolutions, each half as large and twice as wide as the one before. ``width``: filters of
    the first level.
    """

    width: int = 16

    def build(self, choose, net):
        x = net.input("image")
        for level in range(choose("levels", (2, 3, 4))):
            filters = self.width * 2**level
            with net.scope(f"level{level}", "Level", x=x):
                if choose(f"level{level}/kind", ("plain", "separable")) == "plain":
                    x = conv_bn_relu(net, x, filters, kernel=choose(f"level{level}/kernel", (3, 5)))
                else:
                    x = sep_conv(net, x, filters, repeats=choose(f"level{level}/repeats", (1, 2)))
                x = net.op("max_pool", x, kernel=2, stride=2)
        net.output(classifier(net, x, self.n_outputs))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=200)
    arguments = parser.parse_args()

    space = Pyramid()
    problem = Problem(space, (Objective("params", maximize=True),), (Constraint("macs", upper=6e6),))
    result = Search(problem, RegularizedEvolution(), CostEvaluator(space), budget=Budget(trials=arguments.trials)).run()
    print(f"{len(result.history)} trials, stopped because: {result.reason}")
    print(result.best.architecture, dict(result.best.metrics))


if __name__ == "__main__":
    main()
