"""The benchmark of small details, on methods whose mistakes are known."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from typer.testing import CliRunner

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.experiments.benchmark.quality.details import DetailResult, details, open_pair
from recon.experiments.cli import app
from recon.simulation.raw_files import ScanVariant, simulate_folder

SAMPLINGS = (Sampling(MaskKind.RANDOM, 4, 0.08), Sampling(MaskKind.RANDOM, 8, 0.04))


@dataclass(frozen=True)
class Perfect(Reconstruction):
    """Returns the truth."""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        return acquisition.target


@dataclass(frozen=True)
class Faint(Reconstruction):
    """Shows a share of all contrast."""

    share: float = 0.3

    def __call__(self, acquisition: Acquisition) -> Tensor:
        smooth = avg_pool2d(acquisition.target[None], 13, 1, 6)[0]
        return smooth + self.share * (acquisition.target - smooth)


@dataclass(frozen=True)
class Inventive(Reconstruction):
    """Adds a bright spot of two pixels in the air."""

    height: float = 0.05

    def __call__(self, acquisition: Acquisition) -> Tensor:
        rows, columns = torch.meshgrid(*(torch.arange(size) for size in acquisition.target.shape), indexing="ij")
        spot = torch.exp2(-((rows - 8) ** 2 + (columns - 8) ** 2))
        return acquisition.target + self.height * acquisition.target.max() * spot


@dataclass(frozen=True)
class Ringing(Reconstruction):
    """Shows a faint copy of the image two pixels beside it, with the opposite sign."""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        return acquisition.target - 0.3 * acquisition.target.roll(2, 0)


@dataclass(frozen=True)
class Ghostly(Reconstruction):
    """Shows half of the image once more, half a field of view away."""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        return acquisition.target + 0.5 * acquisition.target.roll(acquisition.target.shape[0] // 2, 0)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    simulate_folder(folder, 1, 1, 4, (112, 88), 5, 300.0, variant=ScanVariant(implants=8))
    return folder


@pytest.fixture
def count(pairs: Path, tmp_path: Path):
    def run(method: Reconstruction) -> DetailResult:
        return details([pairs], {"method": method}, SAMPLINGS[:1], tmp_path)[0]

    return run


def test_the_truth_keeps_every_implant_and_invents_nothing(count) -> None:
    row = count(Perfect())
    assert row.kept == pytest.approx(dict.fromkeys(("1", "2", "3", "4", "all"), 1.0))
    assert (row.implants, row.lost, row.invented_without, row.invented_with) == (8, 0, 0, 0)
    assert (row.largest_invented, row.largest_ghost) == (0, 0)


def test_faint_implants_are_kept_in_part_and_lost_below_half(count) -> None:
    row = count(Faint(0.3))
    assert row.kept["1"] == pytest.approx(0.3, abs=0.05)
    assert row.lost == 8
    assert count(Faint(0.8)).lost == 0


def test_an_invented_detail_is_counted_in_both_images_and_is_no_ghost(count) -> None:
    row = count(Inventive())
    assert (row.invented_without, row.invented_with) == (1, 1)
    assert row.largest_invented > 0.5
    assert row.largest_ghost < 0.05
    assert row.lost == 0


def test_ringing_beside_an_implant_is_no_ghost(count) -> None:
    assert count(Ringing()).largest_ghost < 0.05


def test_a_ghost_of_the_implants_is_one_although_they_are_kept(count) -> None:
    row = count(Ghostly())
    assert 0.4 < row.largest_ghost <= 1  # more where a bright ghost lies beside a dark implant
    assert row.lost == 0


def test_both_scans_of_a_pair_have_the_same_mask_and_results_are_kept(pairs: Path, tmp_path: Path) -> None:
    masks = []

    @dataclass(frozen=True)
    class Recorder(Perfect):
        def __call__(self, acquisition: Acquisition) -> Tensor:
            masks.append(acquisition.mask)
            return super().__call__(acquisition)

    run = partial(details, [pairs], {"method": Recorder()}, SAMPLINGS, tmp_path)
    rows = run()
    assert [(row.acceleration, row.slices) for row in rows] == [(4, 1), (8, 1)]
    assert len(masks) == 4
    assert torch.equal(masks[0], masks[1])
    assert torch.equal(masks[2], masks[3])
    assert run() == rows
    assert len(masks) == 4


def test_a_method_that_fails_is_reported_and_the_others_are_measured(pairs: Path, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Failing(Perfect):
        def __call__(self, acquisition: Acquisition) -> Tensor:
            raise InputError(f"{acquisition.name}: too few lines")

    with pytest.raises(SystemExit, match="2"):
        details([pairs], {"failing": Failing(), "perfect": Perfect()}, SAMPLINGS[:1], tmp_path)
    report = json.loads((tmp_path / "details.json").read_text())
    assert [row["method"] for row in report["rows"]] == ["perfect"]
    with pytest.raises(InputError, match="nothing could be reconstructed"):
        details([pairs], {"failing": Failing()}, SAMPLINGS[:1], tmp_path / "other")


def test_the_command_writes_a_report(pairs: Path, tmp_path: Path) -> None:
    command = ["benchmark", "details", str(pairs), "--methods", "zero-filled", "--mask", "random", "--output"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "out")])
    assert result.exit_code == 0
    report = json.loads((tmp_path / "out" / "details.json").read_text())
    assert [row["acceleration"] for row in report["rows"]] == [4, 8]
    assert report["rows"][0]["implants"] == 8
    assert report["protocol"]["methods"] == {"zero-filled": {}}


def edited(folder: Path, pairs: Path, table: object) -> Path:
    (folder / "implants").mkdir(parents=True)
    for part in (".", "implants"):
        (folder / part / "a.h5").write_bytes((pairs / part / "simulated_0000.h5").read_bytes())
    with h5py.File(folder / "implants" / "a.h5", "r+") as file:
        del file["implants"]
        if table is not None:
            file["implants"] = table
    return folder / "a.h5"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "holds no table of implants: slice, row, column, width, height"),
        ([[0.0, 1.0]], "holds no table"),
        ([[0, 1, 2, float("nan"), 1]], "holds no table"),
        ([[0, 112, 2, 1, 1.0]], "outside the image"),
        ([[0, 1, 2, 0, 1.0]], "without width"),
    ],
)
def test_damaged_tables_are_refused(tmp_path: Path, pairs: Path, table: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_pair(edited(tmp_path / "new", pairs, table))


def test_a_scan_without_partner_is_refused(pairs: Path) -> None:
    with pytest.raises(InputError, match=r"there is no .*implants/simulated_0000\.h5 to compare with"):
        open_pair(pairs / "implants" / "simulated_0000.h5")
