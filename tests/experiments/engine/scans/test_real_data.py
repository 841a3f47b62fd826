"""Methods reconstruct real measurements as well as they should."""

from pathlib import Path

import pytest

from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import find_files, open_volume
from recon.experiments.engine.run import Runner
from recon.experiments.engine.scores.metrics import score
from recon.models.checkpoints.card import read_card
from recon.models.checkpoints.locate import shipped_weights
from recon.registry import create

BRAINS = ["brain_t1_7ch.h5", "brain_t2_4ch.h5"]


def at_4x(path: Path, method: str) -> tuple[float, float]:
    volume = open_volume(path)
    image = create(method)(Sampling(MaskKind.EQUISPACED_FRACTION, 4, 0.08)(volume.read(0)))
    metrics = score(volume.read_target(), image.numpy()[None])
    return metrics.psnr, metrics.nmse


@pytest.mark.slow
@pytest.mark.parametrize("name", BRAINS)
@pytest.mark.parametrize("method", ["sense", "grappa", "cs-wavelet", "cs-tv"])
def test_every_method_beats_zero_filling_on_real_brains(real_data: Path, name: str, method: str) -> None:
    psnr, nmse = at_4x(real_data / "kspace" / name, method)
    worse_psnr, worse_nmse = at_4x(real_data / "kspace" / name, "zero-filled")
    assert psnr > worse_psnr + 1
    assert nmse < worse_nmse


def test_zero_filling_the_full_scan_gives_the_target(real_data: Path) -> None:
    for path in find_files([real_data / "kspace", real_data / "kspace_lowfield"]):
        volume = open_volume(path)
        acquisition = volume.read(len(volume) // 2)
        image = create("zero-filled")(acquisition)
        assert (image - acquisition.target).norm() < 1e-5 * acquisition.target.norm()


@pytest.mark.parametrize("method", ["zero-filled", "sense", "grappa", "cs-wavelet", "cs-tv"])
def test_a_prospective_scan_is_reconstructed_with_its_reference_scan(real_data: Path, method: str) -> None:
    image = create(method)(open_volume(next((real_data / "kspace_prospective").glob("*.h5"))).read(0))
    # Half the field of view away from the phantom lies its alias: gone, unless nothing was done about it.
    aliased = image[24:40, :6].mean() / image[24:40, 28:36].mean()
    assert (aliased < 0.25) == (method != "zero-filled")


@pytest.mark.slow
@pytest.mark.parametrize("name", [Path(brain).stem for brain in BRAINS])
@pytest.mark.parametrize("kind", ["random", "equispaced_fraction"])
@pytest.mark.parametrize("acceleration", [4, 8])
def test_shipped_weights_score_as_their_card_says(real_data: Path, name: str, kind: str, acceleration: int) -> None:
    card = read_card(shipped_weights()["varnet-general"])
    stated = card.metrics[f"{name}, {kind} {acceleration}x"]
    volume = open_volume(real_data / "kspace" / f"{name}.h5")
    scan = Sampling(MaskKind(kind), acceleration, 0.32 / acceleration)(volume.read(0))
    (result,) = Runner("varnet", create("varnet"), floor=True).slices([scan])
    found = score(volume.read_target(), result.image[None])
    assert found.ssim == pytest.approx(stated["ssim"], abs=0.003)
    assert found.psnr == pytest.approx(stated["psnr"], abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", [Path(brain).stem for brain in BRAINS])
def test_sharp_scores_as_its_card_says_and_better_than_zeros(real_data: Path, name: str) -> None:
    stated = read_card(shipped_weights()["sharp"]).metrics[f"{name}, center 4x"]
    volume = open_volume(real_data / "kspace" / f"{name}.h5")
    scan = Sampling(MaskKind.CENTER, 4, 0.5)(volume.read(0))
    zeros, found = (
        score(volume.read_target(), next(iter(Runner(method, create(method), floor=True).slices([scan]))).image[None])
        for method in ("zero-filled", "sense+sharp")
    )
    assert found.ssim == pytest.approx(stated["ssim"], abs=0.003)
    assert found.psnr == pytest.approx(stated["psnr"], abs=0.05)
    assert found.psnr > zeros.psnr + 0.6
