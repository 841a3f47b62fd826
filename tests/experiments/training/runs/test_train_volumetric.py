"""3-D scans, written in fastMRI's layout, train a network on masks along both phase encodings, and fine-tune it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from helpers.scans.volumes import kspace_3d, object_3d, write_3d
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.experiments.training.record.log import read_log

Run = Callable[..., Result]
MATRIX = (4, 36, 32)
SMALL = (
    *("network.arguments.num_cascades=1", "network.arguments.chans=2", "network.arguments.pools=1"),
    *("network.arguments.start_iterations=2", "data.mask=poisson", "data.accelerations=[4]"),
    *("data.center_fractions=[0.1]", "epochs=1"),
)
CONFIG = Path(__file__).parents[4] / "experiments" / "configs" / "varnet_small_cpu.yaml"


@pytest.fixture
def head(tmp_path: Path) -> Path:
    kspace, _ = kspace_3d(object_3d(MATRIX), 4)
    (tmp_path / "mrd").mkdir()
    return write_3d(tmp_path / "mrd" / "head.mrd", kspace, MATRIX)[0]


def test_a_3d_scan_trains_and_fine_tunes(run_command: Run, head: Path, tmp_path: Path) -> None:
    run_command("convert", head, tmp_path / "h5" / "head.h5")
    volume = open_volume(tmp_path / "h5" / "head.h5")
    assert volume.header.volumetric
    assert volume.header.geometry == open_volume(head).header.geometry
    data = (f"data.train={tmp_path / 'h5'}", f"data.val={tmp_path / 'h5'}")
    run_command("train", CONFIG, *data, f"output={tmp_path / 'run'}", *SMALL)
    (scored,) = [line for line in read_log(tmp_path / "run" / "log.jsonl") if "psnr" in line]
    assert np.isfinite(scored["psnr"])

    kspace, _ = kspace_3d(object_3d(MATRIX), 4)
    mask = Sampling(MaskKind.POISSON, 3, 0.15).mask(MATRIX[1:], 0).numpy()
    under, _ = write_3d(tmp_path / "mrd" / "under.mrd", kspace, MATRIX, mask=mask)
    run_command("convert", under, tmp_path / "under.h5")
    run_command(
        *("finetune", tmp_path / "run" / "best.safetensors", tmp_path / "under.h5"),
        *("--output", tmp_path / "tuned", "epochs=1"),
    )
    assert (tmp_path / "tuned" / "best.safetensors").is_file()


def test_files_of_other_formats_name_the_command_that_writes_them_for_training(
    run_command: Run, head: Path, tmp_path: Path
) -> None:
    data = f"data.train={head.parent}", f"data.val={head.parent}"
    result = run_command("train", CONFIG, *data, f"output={tmp_path / 'run'}", code=2)
    assert "recon convert head.mrd head_fastmri.h5" in " ".join(result.output.split())
