"""Train and score variants, run after run."""

from pathlib import Path

import pytest

from recon.data.errors import InputError
from recon.experiments.benchmark.ablation import benchmark
from recon.experiments.benchmark.ablation.benchmark import ablation


def small(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Make everything quick, and return settings that make slices small."""
    monkeypatch.setattr(benchmark, "SHAPE", (4, 64, 48))
    monkeypatch.setattr(benchmark, "REPEATS", 1)
    return ("data.simulation.matrix=[48, 64]", "data.simulation.heads=0", "batch_size=2")


@pytest.mark.slow
def test_runs_are_kept_and_another_protocol_is_rejected(
    raw_file: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small(monkeypatch)
    scans = {"real": [raw_file]}
    first = ablation(scans, images, None, 0, ["paper"], tmp_path, settings=settings)["paper"]
    assert [run.steps for run in first] == [1]
    assert {score.acceleration for score in first[0].scores} == {4, 8}
    names = ["paper", "untrained"]
    both = ablation(scans, images, None, 0, names, tmp_path, runs=2, settings=settings)
    assert both["paper"][0] == first[0]
    assert [run.seed for run in both["paper"]] == [0, 1]
    assert both["paper"][1].scores != first[0].scores
    assert [run.steps for run in both["untrained"]] == [0]
    with pytest.raises(InputError, match="another protocol"):
        ablation(scans, images, None, 1, ["paper"], tmp_path, settings=settings)


@pytest.mark.slow
def test_given_weights_are_what_an_addition_starts_from(
    raw_file: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (*small(monkeypatch), "optimizer.lr=1e-12")
    names = ["untrained", "weighted-consistency"]
    result = ablation(
        {"real": [raw_file]}, images, None, 0, names, tmp_path, weights="varnet-general", settings=settings
    )
    untrained, trained = (result[name][0].scores for name in names)
    assert [one.psnr for one in trained] == pytest.approx([one.psnr for one in untrained], abs=1e-3)


def test_weights_that_do_not_fit_are_rejected_before_anything_runs(
    raw_file: Path, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="does not fit the variant: 6 cascades"):
        ablation({"real": [raw_file]}, images, None, 0, ["six-cascades"], tmp_path, weights="varnet-general")


def test_an_unknown_variant_is_rejected_before_anything_runs(raw_file: Path, images: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown variant 'from-sens'; did you mean"):
        ablation({"real": [raw_file]}, images, None, 0, ["from-sens"], tmp_path)
