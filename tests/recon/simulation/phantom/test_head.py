from itertools import pairwise

import numpy as np
import pytest

from recon.simulation.phantom.contrast import ROUTINE, draw_protocol
from recon.simulation.phantom.head import head

T1, T1_POST, T2, FLAIR, PD = ROUTINE


def draw(seed: int, shape: tuple[int, int] = (80, 72), slices: int = 3, protocol=T2) -> np.ndarray:
    return head(shape, slices, protocol, np.random.default_rng(seed))


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def test_the_same_seed_draws_the_same_person_bit_for_bit():
    np.testing.assert_array_equal(draw(3), draw(3))


def test_no_two_persons_are_alike():
    persons = [draw(seed) for seed in range(4)]
    for index, person in enumerate(persons):
        assert all(likeness(person, other) < 0.95 for other in persons[:index])


@pytest.mark.parametrize("shape", [(80, 72), (65, 81), (33, 32)])
def test_image_is_finite_and_not_negative(shape: tuple[int, int]):
    image = draw(0, shape, slices=2)
    assert image.shape == (2, *shape)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.min() >= 0


def test_finer_matrix_shows_the_same_person():
    coarse, fine = draw(5, (96, 88)), draw(5, (192, 176))
    assert likeness(coarse, fine[:, ::2, ::2]) > 0.95


def test_slices_are_cut_from_one_head():
    """Adjacent slices are more alike than slices half a head apart, and than slices of another person."""
    person, other = draw(1, slices=19), draw(2, slices=19)
    near = np.mean([likeness(a, b) for a, b in pairwise(person)])
    far = np.mean([likeness(a, b) for a, b in zip(person, person[9:], strict=False)])
    foreign = np.mean([likeness(a, b) for a, b in zip(person, other, strict=True)])
    assert near > far + 0.1
    assert near > foreign + 0.03


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(48, 40), (40, 56)])
def test_no_head_reaches_the_edge_of_the_field(shape: tuple[int, int]):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        image = head(shape, 4, draw_protocol(rng), rng)
        edge = np.concatenate([image[:, [0, -1]].ravel(), image[:, :, [0, -1]].ravel()])
        assert edge.max() == 0
        assert image.max() > 0.1


def test_contrast_changes_the_tissues_not_the_person():
    """T2 and FLAIR of one person: fluid is bright in one and nulled in the other, and the outlines agree."""
    t2, flair = draw(4, protocol=T2), draw(4, protocol=FLAIR)
    fluid = t2 > 0.8 * np.quantile(t2, 0.995)
    assert flair[fluid].mean() < 0.3 * np.quantile(flair, 0.995)
    assert likeness(t2 > 0.02, flair > 0.02) > 0.8


def test_anatomy_is_rich_in_edges_and_texture():
    """Edges are a pixel or two wide, and no tissue is flat."""
    image = draw(7, (320, 320), slices=1)[0]
    steps = np.abs(np.diff(image, axis=0))
    assert steps.max() > 0.4 * image.max()
    assert np.mean(steps[image[1:] > 0.1] > 0.1 * image.max()) > 0.05
    inside = image[1:] > 0.1
    assert np.mean(steps[inside] == 0) < 0.01
