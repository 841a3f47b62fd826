import numpy as np
import pytest

from recon.data.errors import InputError
from recon.quality.uncertainty_fit import fit_calibration


def simulated(spread_factor, noise_factor, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    spread, noise = rng.gamma(1.0, size=50_000), rng.uniform(0.2, 1, 50_000)
    sigma = np.hypot(spread_factor * spread, noise_factor * noise)
    return scale * spread, scale * noise, scale * sigma * rng.standard_normal(50_000)


@pytest.mark.parametrize(("spread_factor", "noise_factor"), [(2.5, 0.7), (0.3, 1.2), (1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e5])
def test_factors_are_found_whatever_the_units(spread_factor, noise_factor, scale):
    found = fit_calibration(*simulated(spread_factor, noise_factor, scale))
    assert found.spread == pytest.approx(spread_factor, rel=0.03, abs=0.03)
    assert found.noise == pytest.approx(noise_factor, rel=0.03, abs=0.03)


def test_bright_images_do_not_drown_faint_ones():
    bright, faint = simulated(3.0, 1.0, 1e6), simulated(1.0, 1.0, seed=1)
    alone = fit_calibration(*faint)
    both = fit_calibration(*np.concatenate([bright, faint], axis=1))
    assert alone.spread < both.spread < 2.8


def test_without_noise_only_the_deviations_count():
    spread, noise, error = simulated(2.0, 0.0)
    found = fit_calibration(spread, 0 * noise, error)
    assert found.spread == pytest.approx(2.0, rel=0.03)
    assert found.noise == 0


def test_pixels_in_which_nothing_is_seen_do_not_count():
    spread, noise, error = simulated(2.0, 0.5)
    black = np.zeros((3, 1000))
    assert fit_calibration(*np.concatenate([(spread, noise, error), black], axis=1)) == fit_calibration(
        spread, noise, error
    )
    with pytest.raises(InputError, match="no pixel"):
        fit_calibration(*black)
