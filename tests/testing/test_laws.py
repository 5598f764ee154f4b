from archsmith.testing import laws


def test_each_law_of_the_list_can_be_called() -> None:
    assert all(callable(getattr(laws, name)) for name in laws.__all__)
