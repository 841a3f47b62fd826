"""`recon tune` finds lamda and iterations on scans with a target."""

import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from helpers.files.raw_files import write_raw_file
from helpers.programs.command import run
from recon.classical.sense import Sense
from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition, Header
from recon.data.masks.kind import MaskKind
from recon.data.open import open_volume
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.metrics import score
from recon.experiments.engine.tuning.fit import WORTHWHILE, fit
from recon.experiments.engine.tuning.settings import TunedEntry, read_tuned
from recon.experiments.engine.tuning.tune import Tuning, tune

PROTOCOL = ("--accelerations", 3, "--mask", "random", "--center-fraction", 0.2)


@dataclass(frozen=True)
class Model:
    """A method that is best at one weight and hardly gains from more than so many iterations."""

    lamda: float | None = 1.0
    iterations: int = 100

    def psnr(self, best: float, enough: float) -> float:
        if self.lamda is None:
            return -math.inf
        return 30 - math.log10(self.lamda / best) ** 2 - 5 * math.exp(-self.iterations / enough)


@pytest.mark.parametrize("best", [2e-4, 7e-3, 0.6])
@pytest.mark.parametrize("enough", [3, 12, 60])
def test_fit_finds_the_best_weight_and_no_needless_iterations(best: float, enough: float) -> None:
    found = fit(Model(), lambda model: model.psnr(best, enough))
    assert found.lamda == pytest.approx(best, rel=0.15)
    fewer = Model(found.lamda, found.iterations // 2)
    assert found.iterations == 25 or fewer.psnr(best, enough) < found.psnr(best, enough) - WORTHWHILE


def test_defaults_that_cannot_be_beaten_are_kept() -> None:
    assert fit(Model(), lambda model: 40.0 if model == Model() else model.psnr(0.01, 10)) == Model()


def test_tuned_settings_are_better_than_the_defaults_and_compare_uses_them(tmp_path: Path, raw_file: Path) -> None:
    method, path = Sense(lamda=0.5, iterations=20), tmp_path / "tuned.yaml"
    tuning = Tuning({"sense": method}, (3.0,), MaskKind.RANDOM, 0.2, slices=2)
    (entry,) = tune([raw_file], tuning, path, torch.device("cpu")).settings
    volume = open_volume(raw_file)
    better = read_tuned(path).adapt("sense", method, SampledVolume(volume, tuning.sampling(3.0)))
    acquisition = tuning.sampling(3.0)(volume.read(1))
    before, after = (
        score(acquisition.target.numpy()[None], each(acquisition).numpy()[None]).psnr for each in (method, better)
    )
    assert after > before + 1
    assert entry.psnr["sense"]["tuned"] > entry.psnr["sense"]["default"] + 1
    run("compare", raw_file, "--methods", "sense", *PROTOCOL, "--settings", path, "--output", tmp_path / "out")


@dataclass(frozen=True)
class Unstable(Reconstruction):
    """A method whose image is finite only for large weights."""

    lamda: float = 1e-3
    smallest: float = 0.1

    def __call__(self, acquisition: Acquisition) -> torch.Tensor:
        image = Sense(self.lamda, iterations=3)(acquisition)
        return image if self.lamda >= self.smallest else image * torch.nan


def test_weights_without_finite_images_lose(tmp_path: Path, raw_file: Path) -> None:
    def tuned(method: Unstable) -> TunedEntry:
        tuning = Tuning({"unstable": method}, (3.0,), MaskKind.RANDOM, 0.2, slices=1)
        (entry,) = tune([raw_file], tuning, tmp_path / f"{method.smallest}.yaml", torch.device("cpu")).settings
        return entry

    assert tuned(Unstable()).methods["unstable"]["lamda"] >= 0.1
    with pytest.raises(SystemExit):
        tuned(Unstable(smallest=2.0))


def test_earlier_results_are_kept(tmp_path: Path, raw_file: Path) -> None:
    path = tmp_path / "tuned.yaml"
    command = ("tune", raw_file, *PROTOCOL, "--slices", 1, "--output", path)
    first = run(*command, "--methods", "sense").output
    written = path.stat().st_mtime_ns
    assert run(*command, "--methods", "sense").output == first
    assert path.stat().st_mtime_ns == written
    run(*command, "--methods", "sense,grappa")
    assert set(read_tuned(path).settings[0].methods) == {"sense", "grappa"}
    assert "another protocol" in run(*command, "--methods", "sense", "--seed", 1, code=2).output


@pytest.mark.parametrize("text", ["", "colour: blue\n", "- 1\n", "not: [yaml", "\x89PNG"])
def test_a_file_that_holds_no_settings_is_kept(tmp_path: Path, raw_file: Path, text: str) -> None:
    path = tmp_path / "tuned.yaml"
    path.write_text(text)
    run("tune", raw_file, *PROTOCOL, "--methods", "sense", "--output", path, code=2)
    assert path.read_text() == text


def test_results_for_other_samples_and_halves_of_results_do_not_count(tmp_path: Path, raw_file: Path) -> None:
    path = tmp_path / "tuned.yaml"
    command = ("tune", raw_file, *PROTOCOL, "--slices", 1, "--methods", "grappa", "--output", path)
    run(*command)
    text = path.read_text()
    path.write_text(text.partition("  psnr:")[0])
    run(*command)
    assert path.read_text() == text
    write_raw_file(raw_file, coils=3)
    assert "another protocol" in run(*command, code=2).output


def test_contrasts_are_tuned_separately_and_files_without_target_are_reported(tmp_path: Path, raw_file: Path) -> None:
    write_raw_file(raw_file.with_name("blind.h5"), target=False)
    write_raw_file(raw_file.with_name("other.h5"), header=Header((48, 40), (0, 40), contrast="OTHER"))
    result = run("tune", raw_file.parent, "--methods", "grappa", *PROTOCOL, "-o", tmp_path / "tuned.yaml", code=2)
    assert "blind.h5: is not fully sampled or has no target" in result.output.replace("\n", "")
    found = read_tuned(tmp_path / "tuned.yaml")
    assert [entry.contrast for entry in found.settings] == ["DISCS", "OTHER"]
    assert found.protocol["files"] == ["discs.h5", "other.h5"]


def test_a_method_without_a_weight_is_an_error(tmp_path: Path, raw_file: Path) -> None:
    result = run("tune", raw_file, "--methods", "zero-filled", "-o", tmp_path / "tuned.yaml", code=2)
    assert "no setting lamda" in result.output


def test_help_shows_an_example() -> None:
    assert "Example: recon tune" in run("tune", "--help").output
