import math

import numpy as np
import pytest
import torch

from recon.simulation.scanner.subject.placement import ObjectPlacement

IMAGE = torch.rand(24, 24, generator=torch.Generator().manual_seed(0))


def placed(**changes) -> torch.Tensor:
    settings = {"angle": 0.0, "mirrored": False, "scale": 1.0, "shift": (0.0, 0.0)} | changes
    return ObjectPlacement(**settings).render(IMAGE, (24, 24), aspect=1)


def test_an_upright_object_is_the_image_itself() -> None:
    torch.testing.assert_close(placed(), IMAGE, atol=1e-5, rtol=0)


def test_quarter_turns_and_mirroring_move_pixels_only() -> None:
    turned = placed(angle=math.pi / 2)
    matches = [torch.allclose(turned, IMAGE.rot90(turns), atol=1e-4) for turns in (1, 3)]
    assert sum(matches) == 1
    torch.testing.assert_close(placed(mirrored=True), IMAGE.flip(1), atol=1e-5, rtol=0)


def test_beyond_the_object_all_is_zero() -> None:
    half = placed(scale=0.5)
    assert not half[:5].any()
    assert not half[:, -5:].any()
    assert half[8:16, 8:16].all()


def test_a_shift_moves_the_object_by_that_part_of_the_field() -> None:
    image = torch.zeros(25, 25)
    image[12, 12] = 1
    shifted = ObjectPlacement(0.0, mirrored=False, scale=1.0, shift=(0.25, -0.125)).render(image, (25, 25), aspect=1)
    assert shifted.argmax() == (12 + 6) * 25 + 12 - 3


@pytest.mark.parametrize("seed", range(20))
def test_drawn_scales_lie_in_the_stated_range(seed: int) -> None:
    assert 0.75 <= ObjectPlacement.draw(np.random.default_rng(seed)).scale <= 1.25
