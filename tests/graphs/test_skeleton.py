"""The data of a written class."""

from archsmith.graphs.skeleton import Hole, Module, unused_name, walk


def test_walk_replaces_the_holes_in_order_and_keeps_the_rest() -> None:
    module = Module(
        "nn.Conv2d", (Hole("in_channels"), (Hole("kernel"), 1)), (("bias", False), ("stride", Hole("stride")))
    )
    numbers = iter((3, 5, 2))
    assert walk(module, lambda hole: (hole.role, next(numbers))) == (
        [("in_channels", 3), (("kernel", 5), 1)],
        [("bias", False), ("stride", ("stride", 2))],
    )


def test_an_unused_name_is_counted_up_until_no_group_has_it() -> None:
    assert unused_name("x", [], {}) == "x"
    assert unused_name("x", ["x"], {"x2": 0}) == "x3"
