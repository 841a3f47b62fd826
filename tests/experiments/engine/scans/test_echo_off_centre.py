"""Every method gives the same image wherever the echo lies, and so do the maps beside the image and the training."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.files.raw_files import write_raw_file
from helpers.learned.training import make_config
from recon.coils import rss
from recon.contract import UncertaintyCalibration
from recon.data.acquisition import Acquisition
from recon.data.formats.fastmri.layout import write_volume
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.experiments.engine.method_warnings import RangeWarnings
from recon.experiments.engine.run import Runner
from recon.experiments.engine.scores.metrics import score
from recon.experiments.training.input.training_data import open_training_data
from recon.fourier import ifft
from recon.models.checkpoints.locate import shipped_weights
from recon.registry import create, method_names
from recon.simulation.raw_files import simulate_volume

METHODS = [
    name
    for name in method_names()
    if create(name).slab is None and (not create(name).trained or f"{name}-general" in shipped_weights())
]
"""Methods that take single 2-D slices and need no weights but those that ship."""

OFFSETS = [(8, 0), (24, 0), (0, 8), (0, 24), (-8, -24)]
"""Samples by which an echo lies off the middle along readout and phase."""


@cache
def head() -> Acquisition:
    """Return an undersampled head of 4 coils, whose echo is centred."""
    volume = simulate_volume((128, 96), 1, 4, 40.0, np.random.default_rng(3))
    kspace = torch.from_numpy(volume.kspace[0])
    full = Acquisition(
        kspace, torch.ones(96, dtype=torch.bool), volume.header, rss(ifft(kspace)), name="head.h5", slice=0
    )
    return Sampling(MaskKind.EQUISPACED, acceleration=4, center_fraction=0.12)(full)


def shifted(scan: Acquisition, readout: int, phase: int) -> Acquisition:
    return replace(scan, kspace=scan.kspace.roll((readout, phase), (-2, -1)), mask=scan.mask.roll(phase))


@pytest.mark.parametrize("name", METHODS)
def test_the_image_scores_the_same_wherever_the_echo_lies(name: str) -> None:
    scans = [head(), *(shifted(head(), *offset) for offset in OFFSETS)]
    method = create(name, {"iterations": 20} if name.startswith("sigpy") else {})
    images = [result.image[None] for result in Runner(name, method).slices(scans)]
    target = head().target.numpy()[None]
    centred, *others = (score(target, image).psnr for image in images)
    assert others == pytest.approx([centred] * len(others), abs=0.05)


@pytest.mark.parametrize("name", ["zero-filled", "grappa"])
def test_so_do_the_maps_of_noise_and_uncertainty(name: str) -> None:
    runner = Runner(name, create(name), uncertainty=UncertaintyCalibration(), noise=True)
    scans = [
        replace(scan, noise=torch.randn(4, 500, dtype=torch.complex64)) for scan in (head(), shifted(head(), 8, 24))
    ]
    centred, off = runner.slices([scans[0], replace(scans[1], noise=scans[0].noise)])
    for name_of_map in runner.map_names:
        np.testing.assert_allclose(off.maps[name_of_map], centred.maps[name_of_map], rtol=1e-3)


def test_no_calibration_lines_are_said_to_be_missing() -> None:
    method = create("varnet")
    centred = RangeWarnings().check("varnet", method, head)
    assert RangeWarnings().check("varnet", method, lambda: shifted(head(), 8, 24)) == centred


def test_training_sees_slices_as_the_engine_gives_them_to_a_method(tmp_path: Path) -> None:
    for split in ("train", "val"):
        path = write_raw_file(tmp_path / split / "discs.h5")
        volume = open_volume(path)
        kspace = np.stack([volume.read(index).kspace.numpy() for index in range(len(volume))])
        write_volume(
            tmp_path / "off" / split / "discs.h5", np.roll(kspace, 6, -2), volume.header, volume.read_target()
        )
    slices = [
        open_training_data(make_config(folder, tmp_path / "run"), torch.device("cpu")).epoch(0)[0]
        for folder in (tmp_path, tmp_path / "off")
    ]
    assert torch.equal(slices[0].kspace, slices[1].kspace)
