import pytest

from helpers.objects import object_acquisition
from recon.noise_level import noise_level


@pytest.mark.parametrize("noise", [3e-3, 3e-2])
def test_the_level_is_that_of_the_real_part(noise: float) -> None:
    # The helper adds complex noise of this standard deviation: each part has a half of its variance.
    estimate = float(noise_level(object_acquisition(noise=noise)))
    assert estimate == pytest.approx(noise / 2**0.5, rel=0.15)
