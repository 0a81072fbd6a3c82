import torch

from stegnet.core.reproducible import make_deterministic


def test_the_seed_determines_random_numbers():
    make_deterministic(4, 1)
    first = torch.rand(3)
    make_deterministic(4, 1)
    assert torch.equal(torch.rand(3), first)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1
