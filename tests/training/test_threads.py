import torch

from archsmith.training.threads import candidates, limited


def test_candidates_go_from_all_to_one():
    found = candidates()
    assert found[0] == torch.get_num_threads() and found[-1] == 1 and len(set(found)) == len(found)


def test_the_number_before_comes_back():
    before = torch.get_num_threads()
    with limited(1):
        assert torch.get_num_threads() == 1
    with limited(None):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before
