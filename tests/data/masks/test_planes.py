import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from recon.data.errors import InputError
from recon.data.masks.kind import PLANES, STEPPED, MaskKind
from recon.data.masks.planes import whole_steps
from recon.data.masks.sampling import Sampling, default_center_fraction
from recon.experiments.commands.arguments.samplings import parse_protocol, parse_sampling, parse_samplings

sides = st.integers(33, 96)
matrices = st.tuples(sides, sides)
few = hypothesis_settings(max_examples=20)


def drawn(
    kind: MaskKind, acceleration: float, matrix: tuple[int, int], seed: int = 0, **more: object
) -> torch.Tensor:
    center = more.pop("center_fraction", default_center_fraction(acceleration, kind))
    return Sampling(kind, acceleration, center, **more).mask(matrix, seed)  # type: ignore[arg-type]


@few
@given(st.sampled_from(PLANES), st.integers(2, 9), matrices, st.integers(0, 999))
def test_a_rectangle_about_dc_is_measured_and_the_same_seed_gives_the_same_mask(
    kind: MaskKind, acceleration: int, matrix: tuple[int, int], seed: int
) -> None:
    mask = drawn(kind, acceleration, matrix, seed)
    assert mask.shape == matrix
    rows, columns = (slice(size // 2 - 8, size // 2 + 8) for size in matrix)
    assert mask[rows, columns].all()
    assert torch.equal(mask, drawn(kind, acceleration, matrix, seed))


@few
@given(st.floats(1.5, 12), matrices, st.integers(0, 999))
def test_poisson_disc_measures_one_over_the_acceleration_within_the_ellipse(
    acceleration: float, matrix: tuple[int, int], seed: int
) -> None:
    mask = drawn(MaskKind.POISSON, acceleration, matrix, seed, center_fraction=0.0)
    assert int(mask.sum()) == round(mask.numel() / acceleration)
    rows, columns = (2 * (torch.arange(size) - size // 2) / size for size in matrix)
    assert not mask[rows[:, None] ** 2 + columns**2 > 1.0001].any()


def test_poisson_disc_keeps_samples_apart_and_the_more_the_farther_from_dc() -> None:
    mask = drawn(MaskKind.POISSON, 10, (128, 128))
    reach = torch.hypot(*torch.meshgrid(*[torch.arange(128.0) - 64] * 2, indexing="ij"))
    points = mask.nonzero().float()
    nearest = (torch.cdist(points, points) + 999 * torch.eye(len(points))).amin(1)
    assert nearest[reach[mask] > 50].min() > 2.8
    density = [float(mask[(reach >= low) & (reach < low + 16)].float().mean()) for low in (12, 28, 44)]
    assert density[0] > 1.5 * density[1] > 2 * density[2]


@few
@given(st.sampled_from(STEPPED), st.integers(1, 12), matrices, st.integers(0, 999))
def test_a_lattice_measures_one_sample_of_every_cell(
    kind: MaskKind, acceleration: int, matrix: tuple[int, int], seed: int
) -> None:
    mask = drawn(kind, acceleration, matrix, seed, center_fraction=0.0)
    down, across, shift = whole_steps(kind, acceleration)
    assert down * across == acceleration
    rows, columns = (size // step for size, step in zip(matrix, (down, across), strict=True))
    cells = mask[: rows * down, : columns * across].reshape(rows, down, columns, across)
    assert (cells.sum((1, 3)) == 1).all()
    assert torch.equal(mask[down:, shift:], mask[: len(mask) - down, : mask.shape[1] - shift])


def test_steps_and_shift_can_be_named() -> None:
    named = parse_sampling("caipi:2x3:2", 4, None, 0)
    assert (named.acceleration, named.steps, named.name) == (6, (2, 3, 2), "caipi:2x3:2")
    assert parse_sampling("caipi:2x2", 4, None, 0).mask((64, 60), 5).equal(drawn(MaskKind.CAIPI, 4, (64, 60), 5))
    assert parse_samplings("caipi:2x2:1:4, poisson:8")[0].steps == (2, 2, 1)
    assert len(parse_protocol("regular:3x2,poisson", "4,8", None, "0")) == 3


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ("poisson:2x2", "only caipi and regular have steps"),
        ("caipi:2x2:2", "less than the step 2"),
        ("regular:2x2:1", "regular has none"),
        ("caipi:2", "not of the form"),
        ("caipi:0x2", "not of the form"),
        ("caipi:2x2:a", "not of the form"),
    ],
)
def test_impossible_steps_are_refused(mask: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_sampling(mask, 4, None, 0)


def test_a_mask_along_both_axes_can_be_limited_to_the_centre() -> None:
    mask = drawn(MaskKind.CAIPI, 4, (128, 96), 3, within=(2, 1.5))
    assert torch.equal(mask[32:96, 16:80], drawn(MaskKind.CAIPI, 4, (64, 64), 3))
    assert int(mask.sum()) == int(mask[32:96, 16:80].sum())
