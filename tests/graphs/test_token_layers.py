"""Composite operations on tokens: what they compute, and their parameters."""

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs import token_layers
from archsmith.graphs.cost import cost
from archsmith.graphs.net import Net, Value


def tokens(length: int = 12, channels: int = 16) -> tuple[Net, Value]:
    net = Net({"tokens": (length, channels)})
    return net, net.input("tokens")


def test_attention_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    from archsmith.graphs.network import Network

    net, x = tokens()
    net.output(token_layers.attention(net, x, 4))
    network = Network(net.graph(), seed=0)
    theirs = torch.nn.MultiheadAttention(16, 4, batch_first=True)
    state = network.state_dict()
    parts = ["attention.query", "attention.key", "attention.value"]
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([state[f"{part}.weight"] for part in parts]),
            "in_proj_bias": torch.cat([state[f"{part}.bias"] for part in parts]),
            "out_proj.weight": state["attention.out.weight"],
            "out_proj.bias": state["attention.out.bias"],
        }
    )
    batch = torch.randn(3, 12, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(network(batch), theirs(batch, batch, batch)[0], atol=1e-6)


def test_a_transformer_block_has_the_parameters_of_its_layers() -> None:
    net, x = tokens()
    y = token_layers.transformer_block(net, x, 4, expansion=3)
    net.output(y)
    assert y.shape == x.shape
    units = 16 * 48 + 48 + 48 * 16 + 16
    assert cost(net.graph()).params == 4 * (16 * 16 + 16) + units + 2 * 32


def test_heads_must_share_the_channels() -> None:
    net, x = tokens()
    with pytest.raises(UsageError, match="16 channels cannot be shared by 3 heads"):
        token_layers.attention(net, x, 3)
    with pytest.raises(UsageError, match="takes tokens"):
        token_layers.attention(net, net.op("token_mean", x), 4)
