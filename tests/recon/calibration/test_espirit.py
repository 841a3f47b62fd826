import torch

from helpers.objects import discs, object_acquisition, smooth_maps
from recon.calibration.espirit import estimate_sens_maps
from recon.coils import rss
from recon.data.masks import MaskKind, Sampling


def test_the_maps_are_those_of_the_coils_up_to_a_common_phase() -> None:
    full = object_acquisition(6, 64, 60)
    maps = estimate_sens_maps(Sampling(MaskKind.EQUISPACED, 3, 0.3)(full))
    inside = discs(64, 60) > 0.4
    overlap = (maps * smooth_maps(6, 64, 60).conj()).sum(0).abs()
    assert overlap[inside].min() > 0.98


def test_the_maps_have_unit_root_sum_of_squares_everywhere() -> None:
    maps = estimate_sens_maps(object_acquisition())
    torch.testing.assert_close(rss(maps), torch.ones(64, 60), rtol=1e-3, atol=1e-3)
