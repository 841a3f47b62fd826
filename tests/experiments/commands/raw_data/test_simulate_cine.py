"""`recon simulate cine` writes series, and does not change `recon simulate`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from typer.testing import Result

from recon.data.open import open_volume

SMALL = ("--volumes", 1, "--coils", 2, "--size", "40x36")


def test_series_are_simulated_from_a_measured_cine_and_measured_maps(
    run_command: Callable[..., Result], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "cine.npz", image=random.random((6, 20, 20)).astype(np.float32))
    np.savez(tmp_path / "maps.npz", maps=np.ones((3, 8, 8), np.complex64))
    measured = ("--anatomy", tmp_path / "cine.npz", "--maps", tmp_path / "maps.npz")
    run_command("simulate", "cine", tmp_path / "out", *SMALL, "--frames", 5, *measured)
    volume = open_volume(tmp_path / "out" / "cine_0000.h5")
    assert volume.shape == (5, 2, 40, 36)
    assert volume.header.series == ((0, 1, 2, 3, 4),)
    assert volume.header.frame_interval is None
    assert "1 slice x 5 frames" in run_command("info", tmp_path / "out").output


def test_too_few_measured_coils_are_refused_in_one_sentence(
    run_command: Callable[..., Result], tmp_path: Path
) -> None:
    np.savez(tmp_path / "maps.npz", maps=np.ones((1, 8, 8), np.complex64))
    output = run_command("simulate", "cine", tmp_path / "out", *SMALL, "--maps", tmp_path / "maps.npz", code=2).output
    assert "the measured coil maps have at most 1 coils, fewer than the 2 asked for" in " ".join(output.split())


def test_a_folder_of_heads_may_have_any_name(run_command: Callable[..., Result], tmp_path: Path) -> None:
    run_command("simulate", tmp_path / "cine", *SMALL, "--slices", 1)
    assert open_volume(tmp_path / "cine" / "simulated_0000.h5").header.frames is None
    assert "beating hearts" in run_command("simulate", "cine", "--help").output
    assert "head-like phantoms" in run_command("simulate", "--help").output
