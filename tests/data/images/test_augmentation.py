from __future__ import annotations

import pytest

from archsmith.core.errors import UsageError
from archsmith.data.images.augmentation import ImageAugmentation


@pytest.mark.parametrize("field", ["shift", "cutout"])
@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_is_from_0_up_to_but_not_including_1(field: str, share: float) -> None:
    with pytest.raises(UsageError, match=field):
        ImageAugmentation(**{field: share})  # type: ignore[arg-type]


def test_nothing_at_all_is_allowed() -> None:
    assert ImageAugmentation(shift=0.0) == ImageAugmentation(shift=0.0, flip=False, cutout=0.0)
