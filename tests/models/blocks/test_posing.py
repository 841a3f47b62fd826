import torch

from helpers.objects import object_acquisition
from helpers.slices import line_mask
from recon.classical.compressed_sensing import CSWavelet
from recon.crop import center_crop, center_pad
from recon.models.blocks.posing import masks_of, pose


def test_a_mask_of_lines_is_one_value_a_line_and_any_other_stays_as_it_is() -> None:
    lines = line_mask(12)
    points = lines.expand(1, 1, 8, 12).clone()
    points[..., 3, 5] ^= True
    (along_phase,), (of_points,) = masks_of(lines.expand(1, 1, 8, 12), 1), masks_of(points, 1)
    assert torch.equal(along_phase, lines[0, 0, 0])
    assert torch.equal(of_points, points[0, 0])


def test_one_mask_serves_all_slices_of_a_batch() -> None:
    full, mask = object_acquisition(coils=4), line_mask(60, center=16)
    kspace = torch.where(mask, full.kspace[None], 0)
    alone = pose(kspace, mask, None, None)[0]
    for problem in pose(kspace.repeat(3, 1, 1, 1), mask, None, None):
        torch.testing.assert_close(problem.encoding.sens_maps, alone.encoding.sens_maps)


def test_the_empty_part_of_a_reference_scan_is_not_calibrated_on() -> None:
    full, mask = object_acquisition(coils=4), line_mask(60, center=16)
    kspace = torch.where(mask, full.kspace[None], 0)
    reference = center_pad(center_crop(full.kspace, (48, 16)), full.kspace.shape[-2:])[None]
    (from_scan,), (from_reference,) = pose(kspace, mask, None, None), pose(kspace, mask, None, reference)
    images = [problem.image(CSWavelet(iterations=16).solve(problem, 3)) for problem in (from_scan, from_reference)]
    assert (images[1] - images[0]).norm() < 0.02 * images[0].norm()
