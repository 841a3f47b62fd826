from pathlib import Path

import pytest

from helpers.files.raw_files import edit
from recon.classical.sense import Sense
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.experiments.engine.scores.metrics import score
from recon.experiments.engine.tuning.best_weight import BestWeight
from recon.registry import create

SAMPLING = Sampling(MaskKind.RANDOM, 3, 0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sense", "cs-wavelet", "cs-tv"])
def test_no_other_weight_is_better(raw_file: Path, name: str) -> None:
    acquisition = SAMPLING(open_volume(raw_file).read(0))
    assert acquisition.target is not None
    truth = acquisition.target.numpy()[None]

    def psnr(method: object) -> float:
        return score(truth, method(acquisition).numpy()[None]).psnr

    best = psnr(BestWeight(create(name)))
    others = [psnr(create(name)), *(psnr(create(name, {"lamda": weight})) for weight in (1e-4, 1e-3, 1e-2, 0.1, 1))]
    assert best >= max(others) - 0.3  # the score of a non-convex prior has several maxima over the weight


def test_weights_without_finite_images_are_never_chosen(raw_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solve = Sense.__call__
    monkeypatch.setattr(
        Sense, "__call__", lambda method, scan: solve(method, scan) / (0 if method.lamda < 0.1 else 1)
    )
    assert BestWeight(Sense())(SAMPLING(open_volume(raw_file).read(0))).isfinite().all()


def test_a_slice_without_target_is_an_error(raw_file: Path) -> None:
    edit(raw_file, reconstruction_rss=None)
    with pytest.raises(InputError, match="has no target"):
        BestWeight(create("sense"))(SAMPLING(open_volume(raw_file).read(0)))
