from archsmith.core.sketch import Sketch


def test_what_is_no_network_has_no_paths() -> None:
    assert Sketch({"rate": 0.1}).paths is None and Sketch({"rate": 0.1}).numbers == {}
