import numpy as np
import pytest

from recon.data.errors import InputError
from recon.quality.uncertainty_fit import Errors, deviations, fit_calibration


def simulated(spread_factor, noise_factor, exponent=0.0, acceleration=4.0, scale=1.0, seed=0, draw=None):
    rng = np.random.default_rng(seed)
    spread, noise = rng.gamma(1.0, size=20_000), rng.uniform(0.2, 1, 20_000)
    sigma = np.hypot(spread_factor * acceleration**exponent * spread, noise_factor * noise)
    normal = rng.standard_normal(20_000) if draw is None else draw(rng, 20_000)
    return Errors(scale * spread, scale * noise, scale * sigma * normal, acceleration)


def coverage(calibration, scan, times=1):
    return (np.abs(scan.error) < times * deviations(calibration, scan)).mean()


@pytest.mark.parametrize(("spread_factor", "noise_factor"), [(2.5, 0.7), (0.3, 1.2), (1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e5])
def test_factors_are_found_whatever_the_units(spread_factor, noise_factor, scale):
    found = fit_calibration([simulated(spread_factor, noise_factor, scale=scale)])
    assert found.spread == pytest.approx(spread_factor, rel=0.04, abs=0.04)
    assert found.noise == pytest.approx(noise_factor, rel=0.04, abs=0.04)
    assert found.acceleration == 0


@pytest.mark.parametrize("exponent", [-0.4, 0.0, 0.6])
def test_the_growth_with_the_acceleration_is_found(exponent):
    scans = [simulated(1.5, 0.8, exponent, rate, seed=seed) for seed, rate in enumerate((2.5, 4.0, 6.0, 9.0))]
    found = fit_calibration(scans)
    assert found.acceleration == pytest.approx(exponent, abs=0.05)
    for scan in scans:
        assert coverage(found, scan) == pytest.approx(0.683, abs=0.02)
        assert coverage(found, scan, 2) == pytest.approx(0.954, abs=0.01)


def test_heavy_tails_do_not_widen_one_standard_deviation_as_second_moments_do():
    scan = simulated(1.0, 0.5, draw=lambda rng, count: rng.standard_t(2.2, count))
    found = fit_calibration([scan])
    moments = np.sqrt((scan.error**2).mean() / (deviations(found, scan) ** 2).mean())
    assert moments > 1.3, "the root mean square of such errors is far larger"
    assert 0.68 < coverage(found, scan) < 0.78
    assert 0.90 < coverage(found, scan, 2) < 0.96


def test_every_scan_counts_once_whatever_its_brightness_and_size():
    bright, faint = simulated(3.0, 1.0, scale=1e6), simulated(1.0, 1.0, seed=1)
    few = Errors(*(values[:500] for values in faint[:3]), faint.acceleration)
    found = fit_calibration([bright, few])
    assert 1.1 < found.spread < 2.9


def test_the_scans_on_which_the_reconstruction_failed_do_not_count():
    good = [simulated(2.0, 0.5, seed=seed) for seed in range(18)]
    failed = [simulated(60.0, 20.0, seed=seed) for seed in (100, 101)]
    found, alone = fit_calibration(good + failed), fit_calibration(good)
    assert found.spread == pytest.approx(alone.spread, rel=0.05)
    assert found.noise == pytest.approx(alone.noise, rel=0.05)


def test_without_noise_only_the_deviations_count():
    scan = simulated(2.0, 0.0)
    found = fit_calibration([scan._replace(noise=0 * scan.noise)])
    assert found.spread == pytest.approx(2.0, rel=0.03)
    assert found.noise == 0


def test_pixels_in_which_nothing_is_seen_do_not_count():
    scan = simulated(2.0, 0.5)
    black = np.zeros(1000)
    padded = Errors(*(np.concatenate([values, black]) for values in scan[:3]), scan.acceleration)
    assert fit_calibration([padded]) == fit_calibration([scan])
    with pytest.raises(InputError, match="no pixel"):
        fit_calibration([Errors(black, black, black, 4.0)])
