from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.files.raw_files import write_raw_file
from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask, random_kspace
from recon.classical.zero_filled import ZeroFilled
from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import sample_mask
from recon.data.open import open_volume
from recon.fourier import ifft
from recon.preprocessing.steps import STEPS, Steps, parse_steps, stepped

FEWER = ("remove_oversampling", "virtual_coils=8")
ALL = ("prewhiten", *FEWER, "geometric_coils=6", "pocs", "homodyne", "zero_pad")


def with_noise_scan(acquisition: Acquisition, scale: float = 3.0) -> Acquisition:
    return replace(acquisition, target=None, noise=scale * random_kspace(acquisition.coils, 4000))


def test_no_steps_change_nothing(raw_file: Path) -> None:
    volume = open_volume(raw_file)
    assert stepped(volume, parse_steps("none")) is volume
    assert parse_steps("") == Steps()


def test_steps_are_done_in_the_order_given() -> None:
    acquisition = object_acquisition(crop=(32, 60))
    assert parse_steps("remove_oversampling,virtual_coils=3")(acquisition).kspace.shape == (3, 32, 60)
    assert parse_steps("geometric_coils=2, remove_oversampling")(acquisition).kspace.shape == (2, 32, 60)


def test_auto_prewhitens_where_there_is_a_noise_scan_and_no_target() -> None:
    plain = object_acquisition()
    assert parse_steps("auto")(plain) is plain
    scored = replace(plain, noise=random_kspace(plain.coils, 4000))
    assert parse_steps("auto")(scored) is scored
    whitened = parse_steps("auto")(with_noise_scan(plain, scale=3.0))
    image = rss(ifft(whitened.kspace))
    torch.testing.assert_close(image, rss(ifft(plain.kspace)) / 3.0, rtol=0.1, atol=0.05)
    assert whitened.noise is None


@pytest.mark.parametrize("name", STEPS)
def test_a_fully_sampled_scan_of_the_images_size_keeps_its_image(name: str) -> None:
    acquisition = object_acquisition(noise=1e-3)
    if name == "prewhiten":
        acquisition = with_noise_scan(acquisition, scale=1.0)
    found, wanted = ZeroFilled()(STEPS[name](acquisition)), ZeroFilled()(acquisition)
    torch.testing.assert_close(found, wanted, rtol=0.1 if name == "prewhiten" else 1e-5, atol=1e-5)


@pytest.mark.parametrize("words", [(), ("virtual_coils=8",), ("geometric_coils=8", "zero_pad"), FEWER, ALL])
@pytest.mark.parametrize(("coils", "readout"), [(4, 64), (12, 100)])
def test_what_comes_out_is_told_beforehand(words: tuple[str, ...], coils: int, readout: int) -> None:
    full = object_acquisition(coils, readout, 60, noise=1e-3, crop=(64, 70))
    fov = (200.0, 210.0)
    header = replace(full.header, field_of_view=fov, encoded_field_of_view=(200.0 * readout / 64, 210.0))
    steps = Steps(words)
    done = steps(replace(full, header=header))
    assert (done.header, done.kspace.shape) == steps.outline(header, (coils, readout, 60))


def test_fewer_samples_give_nearly_the_same_image() -> None:
    full = object_acquisition(12, 100, 60, noise=1e-3, crop=(64, 60))
    found, wanted = ZeroFilled()(Steps(FEWER)(full)), ZeroFilled()(full)
    assert (found - wanted).norm() < 0.02 * wanted.norm()


def test_undersampling_may_come_before_or_after() -> None:
    full = object_acquisition(12, 100, 60, noise=1e-3, crop=(64, 60))
    mask = sample_mask(MaskKind.RANDOM, 60, 2, 0.4, 0)  # measures the calibration lines in full
    before, after = Steps(FEWER)(full.undersample(mask)), Steps(FEWER)(full).undersample(mask)
    assert torch.equal(before.mask, after.mask)
    torch.testing.assert_close(rss(before.kspace), rss(after.kspace), rtol=1e-3, atol=1e-5)


def test_a_config_says_the_same_as_the_command_line() -> None:
    settings = {"prewhiten": True, "remove_oversampling": False, "virtual_coils": 8, "geometric_coils": None}
    assert Steps.of(settings) == parse_steps("prewhiten,virtual_coils=8")
    assert Steps.of({"remove_oversampling": False, "virtual_coils": None}) == Steps()
    with pytest.raises(InputError, match="did you mean 'zero_pad'"):
        Steps.of({"zero_pads": True})


def test_chains_have_keys_of_their_own() -> None:
    chains = [(), ("virtual_coils=4",), ("virtual_coils=8",), FEWER, ("remove_oversampling",)]
    assert len({Steps(words).key for words in chains}) == len(chains)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prewhite", "did you mean 'prewhiten'"),
        ("virtual_coils", "needs the number of virtual coils, for example virtual_coils=8"),
        ("virtual_coils=0", "needs the number"),
        ("pocs=3", "unknown preprocessing step 'pocs=3'"),
    ],
)
def test_a_wrong_step_is_told(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_steps(text)


def test_a_volume_tells_what_its_slices_are_after_the_steps(tmp_path: Path) -> None:
    volume = stepped(open_volume(write_raw_file(tmp_path / "scan.h5", slices=3)), parse_steps("virtual_coils=2"))
    assert volume.shape == (3, 2, 48, 40) == (len(volume), *volume.read(1).kspace.shape)
    assert volume.read_target() is not None
    whitened = stepped(open_volume(tmp_path / "scan.h5"), parse_steps("prewhiten"))
    assert whitened.target_name is None
    assert whitened.read_target() is None


def test_undersampling_along_the_readout_cannot_lose_its_oversampling() -> None:
    acquisition = object_acquisition(crop=(32, 60))
    both = acquisition.undersample(torch.rand(64, 60) > 0.5)
    for words in ("remove_oversampling", "geometric_coils=2"):
        with pytest.raises(InputError, match="undersampled along the readout"):
            parse_steps(words)(both)


def test_calibration_lines_apart_go_through_the_same_steps() -> None:
    full = object_acquisition(crop=(32, 60))
    under = full.undersample(line_mask(60, center=0).reshape(60))
    apart = replace(under, calibration=full.kspace[..., 20:40], target=None)
    for words, coils, rows in (
        ("remove_oversampling", 6, 32),
        ("virtual_coils=3", 3, 64),
        ("geometric_coils=3", 3, 64),
    ):
        done = parse_steps(words)(apart)
        assert done.calibration is not None
        assert done.calibration.shape == (coils, rows, 20)
