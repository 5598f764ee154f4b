from __future__ import annotations

import pytest
import torch

from archsmith.data.images.augment import _shift_by_pixels, _shift_by_runs, augment, cutout, mirror, shift
from archsmith.data.images.augmentation import ImageAugmentation


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 64, height: int = 10, width: int = 12, channels: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (n, height, width, channels), generator=generator(9), dtype=torch.uint8)


def test_a_shifted_picture_is_the_old_one_moved_with_repeated_edges() -> None:
    old = pictures()
    new = shift(old, 0.2, generator())
    rows, columns = torch.arange(10), torch.arange(12)
    moves = set()
    for before, after in zip(old, new, strict=True):
        fits = [
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if torch.equal(after, before[(rows + dy).clamp(0, 9)][:, (columns + dx).clamp(0, 11)])
        ]
        assert len(fits) == 1
        moves.add(fits[0])
    assert len(moves) > 15  # of 25; fewer than 16 in 64 draws has a chance below 1e-6


def test_a_mirror_turns_about_half() -> None:
    old = pictures()
    new = mirror(old, generator())
    turned = [torch.equal(b, a.flip(1)) for a, b in zip(old, new, strict=True)]
    same = [torch.equal(b, a) for a, b in zip(old, new, strict=True)]
    assert all(t != s for t, s in zip(turned, same, strict=True))
    assert 15 < sum(turned) < 49  # outside with chance 1e-5


def test_cutout_covers_at_most_its_square_with_the_mean() -> None:
    old = torch.zeros((64, 10, 12, 3), dtype=torch.uint8)
    fill = torch.tensor([1, 2, 3], dtype=torch.uint8)
    new = cutout(old, 0.4, fill, generator())
    covered = (new == fill).all(-1).sum((1, 2))
    assert covered.max() == 16
    assert covered.min() >= 4
    assert ((new == 0).all(-1) | (new == fill).all(-1)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_all_of_it_keeps_shape_and_type_and_leaves_the_input_alone(channels: int) -> None:
    old = pictures(channels=channels)
    copy = old.clone()
    fill = torch.zeros(channels, dtype=torch.uint8)
    new = augment(old, ImageAugmentation(shift=0.1, flip=True, cutout=0.3), fill, generator())
    assert (new.shape, new.dtype) == (old.shape, torch.uint8)
    assert torch.equal(old, copy)


def test_same_generator_same_pictures_and_nothing_global() -> None:
    recipe, fill = ImageAugmentation(shift=0.1, flip=True, cutout=0.3), torch.zeros(3, dtype=torch.uint8)
    before = torch.random.get_rng_state()
    one, same, other = (augment(pictures(), recipe, fill, generator(s)) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_nothing_asked_nothing_done() -> None:
    old = pictures()
    assert augment(old, ImageAugmentation(shift=0.0), torch.zeros(3, dtype=torch.uint8), generator()) is old


def test_both_ways_of_shifting_make_the_same_pictures() -> None:
    old = pictures()
    top, left = (
        torch.randint(-3, 4, (64, 1), generator=generator()),
        torch.randint(0, 5, (64, 1), generator=generator(1)),
    )
    assert torch.equal(_shift_by_runs(old, top, left, 2), _shift_by_pixels(old, top, left, 2))


def test_nothing_is_left_on_the_cpu_when_the_pictures_are_elsewhere() -> None:
    # The meta device computes no values and refuses to be mixed with another device.
    old = pictures().to("meta")
    new = augment(
        old, ImageAugmentation(shift=0.1, flip=True, cutout=0.3), torch.zeros(3, dtype=torch.uint8), generator()
    )
    assert (new.device.type, new.shape, new.dtype) == ("meta", old.shape, torch.uint8)
