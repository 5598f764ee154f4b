"""An operation of one's own in one row: cost, network, drawing and written-out source all know it then.

python examples/own_operation.py
"""

from dataclasses import dataclass

import numpy as np

from archsmith import ImageSpace
from archsmith.graphs.cost import cost
from archsmith.graphs.layers import classifier, conv_bn
from archsmith.graphs.operation import Operation, register, same_shape
from archsmith.graphs.source import source
from archsmith.testing.laws import check_network_space

register(
    Operation(
        "softsign",
        same_shape,  # what comes out has the shape of what goes in
        keeps="inputs",  # what autograd keeps for the backward pass
        code=lambda args, x: f"F.softsign({x[0]})",
    )
)


@dataclass(frozen=True)
class Bent(ImageSpace):
    """One to three convolutions, each followed by one of two activations."""

    def build(self, choose, net):
        x = net.input("image")
        for place in range(choose("depth", (1, 2, 3))):
            x = conv_bn(net, x, 8, kernel=3, name=f"conv{place}")
            x = net.op(choose(f"bend{place}", ("softsign", "relu")), x)
        net.output(classifier(net, x, self.n_outputs))


if __name__ == "__main__":
    space = Bent(input_shape=(1, 8, 8))
    check_network_space(space)  # counts, network, weights and source agree
    graph = space.graph(space.sample(np.random.default_rng(1)))
    print(cost(graph))
    print(source(graph))
