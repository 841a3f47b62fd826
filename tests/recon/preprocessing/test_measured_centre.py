"""The measured centre of k-space is a scan of its own, of the same object on larger pixels."""

from dataclasses import replace

import pytest
import torch

from helpers.scans.objects import object_acquisition
from recon.crop import center_pad
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.preprocessing.measured_centre import measured_centre

FULL = object_acquisition(coils=4, readout=64, phase=60)


@pytest.mark.parametrize(
    ("sampling", "size"),
    [
        (Sampling(MaskKind.CENTER, 4, 0.5), (32, 30)),
        (Sampling(MaskKind.CENTER_PHASE, 2, 0.5), (64, 30)),
        (Sampling(MaskKind.CENTER, 2.25, 0.7), (43, 40)),
        (Sampling(MaskKind.EQUISPACED, 2, 0.16, within=(2, 1.5)), (32, 40)),
    ],
)
def test_the_samples_are_those_measured_and_the_brightness_stays(sampling: Sampling, size: tuple[int, int]) -> None:
    scan = sampling(FULL)
    centre = measured_centre(scan)
    assert centre.matrix == pytest.approx(size, abs=1)
    scale = (centre.kspace[0].numel() / scan.kspace[0].numel()) ** 0.5
    torch.testing.assert_close(center_pad(centre.kspace, scan.matrix) / scale, scan.kspace)
    assert centre.mask.ndim == 1
    assert bool(centre.mask.all()) == (sampling.kind != MaskKind.EQUISPACED)
    assert centre.crop == centre.matrix
    assert centre.target is None


@pytest.mark.parametrize("sampling", [Sampling(kind, 4, 0.08) for kind in (MaskKind.RANDOM, MaskKind.EQUISPACED)])
def test_a_scan_of_the_whole_matrix_is_left_as_it_is(sampling: Sampling) -> None:
    for scan in (FULL, sampling(FULL)):
        assert measured_centre(scan) is scan


def test_the_field_of_view_of_the_image_stays() -> None:
    header = replace(FULL.header, crop=(32, 60), field_of_view=(160.0, 200.0), encoded_field_of_view=(320.0, 200.0))
    scan = Sampling(MaskKind.CENTER, 4, 0.5)(replace(FULL, header=header))
    centre = measured_centre(scan)
    assert scan.crop == (32, 60)
    assert centre.crop == (16, 30)
    encoded = centre.header.encoded_field_of_view
    assert encoded is not None
    pixels = [mm / size for mm, size in zip(encoded, centre.matrix, strict=True)]
    assert [pixel * size for pixel, size in zip(pixels, centre.crop, strict=True)] == pytest.approx([160, 200])


def test_a_reference_scan_is_cut_to_the_same_resolution() -> None:
    scan = replace(Sampling(MaskKind.CENTER, 4, 0.5)(FULL), calibration=FULL.kspace[..., 18:42])
    reference = measured_centre(scan).reference_kspace()
    assert reference is not None
    torch.testing.assert_close(reference[..., 3:27] / 0.5, FULL.kspace[:, 16:48, 18:42])
