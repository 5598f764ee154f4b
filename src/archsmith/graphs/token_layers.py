"""Composite operations on tokens ``(L, C)``: attention, and the transformer block around it.

Sources: ``attention``: Vaswani et al. 2017, arXiv 1706.03762, section 3.2.2, with biases as in BERT (Devlin et al.
  2019,
arXiv 1810.04805). ``transformer_block``: layer norm in front of each half, as in GPT-2 and Xiong et al. 2020, arXiv
2002.04745; the original has it behind.

``name`` is the scope's name, and ``role`` is its entry in the weight keys (see archsmith.graphs.net).
"""

from __future__ import annotations

from archsmith.core.errors import UsageError
from archsmith.graphs.net import Net, Value


def attention(net: Net, x: Value, heads: int, *, name: str = "attention", role: str | None = None) -> Value:
    """Multi-head self-attention over tokens ``(L, C)``: each of ``heads`` reads ``C / heads`` channels."""
    length, channels = _tokens(x)
    if heads < 1 or channels % heads:
        raise UsageError(f"{channels} channels cannot be shared by {heads} heads.", "Choose a divisor.")
    with net.scope(name, "Attention", role, tokens=x):
        query, key, value = (
            net.op(
                "permute",
                net.op(
                    "reshape",
                    net.op("linear", x, features=channels, name=part),
                    shape=(length, heads, channels // heads),
                ),
                order=(1, 0, 2),
            )
            for part in ("query", "key", "value")
        )
        scores = net.op("matmul", query, key, transpose=True, scale="sqrt", name="scores")
        mixed = net.op("matmul", net.op("softmax", scores, axis=-1), value, name="mixed")
        joined = net.op("reshape", net.op("permute", mixed, order=(1, 0, 2)), shape=(length, channels))
        return net.op("linear", joined, features=channels, name="out")


def transformer_block(
    net: Net,
    x: Value,
    heads: int,
    expansion: int = 4,
    *,
    activation: str = "gelu",
    dropout: float = 0.0,
    name: str = "block",
    role: str | None = None,
) -> Value:
    """Attention, then two linear layers with ``expansion * C`` units between them, each around a shortcut."""
    _, channels = _tokens(x)

    def dropped(y: Value) -> Value:
        return net.op("dropout", y, p=dropout) if dropout else y

    with net.scope(name, "TransformerBlock", role, x=x):
        y = attention(net, net.op("layer_norm", x, name="norm_attention"), heads)
        x = net.op("add", x, dropped(y))
        y = net.op("linear", net.op("layer_norm", x, name="norm_units"), features=expansion * channels, name="expand")
        y = net.op("linear", net.op(activation, y), features=channels, name="project")
        return net.op("add", x, dropped(y))


def _tokens(x: Value) -> tuple[int, int]:
    if len(x.shape) != 2:
        raise UsageError(f"Attention takes tokens (L, C), not the shape {x.shape}.")
    return x.shape[0], x.shape[1]
