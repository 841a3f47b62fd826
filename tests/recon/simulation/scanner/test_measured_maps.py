import numpy as np

from recon.simulation.scanner.measured_maps import fill_maps, vary_maps


def test_varied_maps_gain_no_energy() -> None:
    measured = np.ones((4, 16, 16), np.complex64) * np.array([1, 1j, -1, -1j])[:, None, None].astype(np.complex64)
    for seed in range(4):
        varied = vary_maps(measured, (20, 24), 4, np.random.default_rng(seed))
        assert varied.shape == (4, 20, 24)
        np.testing.assert_allclose((np.abs(varied) ** 2).sum(0), 4, rtol=1e-4)


def test_filling_keeps_given_values_and_extends_constants() -> None:
    maps = np.zeros((2, 16, 16), np.complex64)
    maps[:, 4:12, 4:12] = 2 + 1j
    full = fill_maps(maps)
    assert np.array_equal(full[:, 4:12, 4:12], maps[:, 4:12, 4:12])
    np.testing.assert_allclose(full, 2 + 1j, rtol=1e-5)
