from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.learned.weights import TRAINED, write_weights
from helpers.scans.objects import object_acquisition
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.models.checkpoints.card import Card, card_path, read_card, write_card
from recon.models.checkpoints.checkpoint import load_model


def test_a_written_card_is_read_back(tmp_path: Path) -> None:
    card = Card(
        sha256="0" * 64,
        licence="MIT",
        trained=TRAINED,
        data=({"name": "heads", "origin": "somewhere", "licence": "CC0"},),
        metrics={"brain, random 4x": {"ssim": 0.9, "psnr": 35.0, "slices": 2}},
    )
    write_card(tmp_path / "weights.safetensors", card)
    assert read_card(tmp_path / "weights.safetensors") == card


def test_weights_load_without_a_card(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "weights.safetensors")
    assert load_model(path).card is not None
    card_path(path).unlink()
    assert load_model(path).card is None


def test_weights_that_do_not_match_their_card_are_refused(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "weights.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.safetensors: is damaged, or not the file that weights\.json"):
        load_model(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": "short"}', f'{{"sha256": "{"0" * 64}", "noise": 3}}'])
def test_an_invalid_card_is_named_in_one_line(tmp_path: Path, text: str) -> None:
    path = write_weights(tmp_path / "weights.safetensors")
    card_path(path).write_text(text)
    with pytest.raises(InputError, match=r"weights\.json: not a valid card") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_the_range_prints_as_one_line() -> None:
    assert str(TRAINED) == "2 to 10x, 3 to 16 % at the centre, 2 to 32 coils, matrix 24 to 384"


def test_masks_along_both_axes_are_within_the_range_of_weights_that_saw_them() -> None:
    slice_ = Sampling(MaskKind.POISSON, 4, 0.1)(object_acquisition(6, 48, 100))
    assert TRAINED.warnings(slice_) == ["undersampled along both axes, trained on whole lines"]
    seen = TRAINED.model_copy(update={"planes": True})
    assert seen.warnings(slice_) == []
    assert str(seen) == f"{TRAINED}, 2-D masks too"


def sampled(acceleration: float, fraction: float = 0.1, coils: int = 6, phase: int = 100) -> Acquisition:
    full = object_acquisition(coils, 48, phase)
    return Sampling(MaskKind.EQUISPACED_FRACTION, acceleration, fraction)(full)


def test_scans_within_the_range_give_no_warning() -> None:
    for acceleration, fraction in [(2, 0.16), (4, 0.08), (8, 0.04), (10, 0.03)]:
        assert not TRAINED.warnings(sampled(acceleration, fraction))


@pytest.mark.parametrize(
    ("acquisition", "words"),
    [
        (sampled(14, 0.05), "acceleration 14"),
        (object_acquisition(), "acceleration 1, trained on 2 to 10"),
        (sampled(4, coils=1), "1 coil, trained on 2 to 32"),
        (sampled(4, phase=390), "matrix 48x390, trained on 24 to 384"),
        (object_acquisition(phase=99).undersample(torch.arange(99) % 4 == 0), "no calibration lines, trained on 3"),
        (object_acquisition(phase=99).undersample(torch.arange(99) % 4 == 1), "1 calibration lines"),
        (object_acquisition().undersample(torch.rand(64, 60) < 0.25), "along both axes"),
    ],
)
def test_each_property_outside_the_range_gives_a_warning(acquisition: Acquisition, words: str) -> None:
    (warning,) = TRAINED.warnings(acquisition)
    assert words in warning


def test_every_reason_is_listed_and_a_reference_scan_counts_as_calibration_lines() -> None:
    outside = object_acquisition(coils=1, phase=399).undersample(torch.arange(399) % 20 == 0)
    assert len(TRAINED.warnings(outside)) == 4
    scanned = replace(outside, calibration=outside.kspace[..., :20])
    assert len(TRAINED.warnings(scanned)) == 3


def test_a_card_says_in_words_what_the_weights_were_trained_on() -> None:
    known = {"sha256": "0" * 64}
    assert Card(**known).trained_on == "unknown"
    assert Card(**known, trained=TRAINED).trained_on == str(TRAINED)
    assert Card(**known, noise=(0.01, 0.15)).trained_on == "images with noise of 1 to 15 %"
