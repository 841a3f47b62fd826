import numpy as np

from recon.simulation.phantom.anatomy.hull import cerebral_hull, cranial_cavity

POINTS = np.random.default_rng(0).uniform(-100, 100, (3, 5000)).astype(np.float32)


def test_hulls_are_symmetric():
    mirrored = POINTS * np.array([[-1], [1], [1]], np.float32)
    np.testing.assert_allclose(cerebral_hull(mirrored), cerebral_hull(POINTS), atol=1e-3)
    np.testing.assert_allclose(cranial_cavity(mirrored), cranial_cavity(POINTS), atol=1e-3)


def test_cavity_contains_the_cerebrum_and_more_only_below():
    cerebrum, cavity = cerebral_hull(POINTS), cranial_cavity(POINTS)
    assert (cavity >= cerebrum).all()
    fossa = (cavity > 0) & (cerebrum < 0)
    assert fossa.any()
    assert POINTS[2, fossa].max() < 0


def test_volume_is_that_of_a_brain():
    """1.2 to 1.7 litres in the cube of 200 mm."""
    litres = (cranial_cavity(POINTS) > 0).mean() * 2.0**3
    assert 1.2 < litres < 1.7
