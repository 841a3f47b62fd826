"""The Python door: what `import recon` offers, used as a newcomer would."""

import ast
import copy
import pickle
import pkgutil
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import h5py
import nibabel as nib
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import recon
from helpers.scans.objects import object_acquisition
from recon.data.acquisition import Acquisition, Geometry, Header
from recon.data.formats.fastmri.layout import write_volume
from recon.data.images.nifti import write_nifti
from recon.data.images.placement import stack
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.experiments.cli import app

GEOMETRY = tuple(
    Geometry((5.0, -7.0, 3.0 * number), (0.0, 0.6, 0.8), (-1.0, 0.0, 0.0), (0.0, -0.8, 0.6), (48.0, 60.0, 3.0))
    for number in range(2)
)


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_recon_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'scipy', 'h5py', 'pydantic', 'numba', 'matplotlib', 'sigpy', 'fastmri', 'typer'}"
    assert run_python(f"import sys, recon; print({heavy} & set(sys.modules))") == "set()"


def test_no_submodule_shadows_a_public_name() -> None:
    for module in pkgutil.walk_packages(recon.__path__, "recon."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    door = import_module("recon.door")
    assert recon.__all__ == door.__all__
    for name in recon.__all__:
        assert getattr(recon, name) is getattr(door, name)
        assert not isinstance(getattr(recon, name), ModuleType)
    assert set(recon.__all__) <= set(dir(recon))
    with pytest.raises(AttributeError, match="has no attribute 'opne'"):
        _ = recon.opne  # type: ignore[attr-defined]


def test_waiting_threads_sleep_unless_torch_was_first(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = "print(os.environ['OMP_WAIT_POLICY'])"
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert run_python(f"import os, recon; {policy}") == "PASSIVE"
    told = "import torch, warnings; warnings.showwarning = lambda *told: print(told[0])"
    assert run_python(f"{told}; warnings.simplefilter('default'); import recon, recon.coils").startswith(
        "torch was imported before recon"
    )
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert run_python(f"import os, torch, recon; {policy}") == "ACTIVE"


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "recon", "--help"], capture_output=True, text=True, check=True)
    assert "reconstruct" in done.stdout


def test_a_file_from_opening_to_its_score(raw_file: Path) -> None:
    scan = recon.open(str(raw_file))
    assert (len(scan), scan.shape, scan.header.crop) == (2, (2, 4, 48, 40), (48, 40))
    assert [slice_.slice for slice_ in scan] == [0, 1]
    assert scan[-1].slice == 1
    with pytest.raises(IndexError, match=r"discs\.h5: has no slice 2, only 2 slices"):
        _ = scan[2]
    slice_ = scan[0]
    under = recon.undersample(slice_, acceleration=2)
    image = recon.reconstruct(under, "sense", lamda=0.01)
    assert image.dtype == np.float32
    assert (
        recon.score(slice_.target, image).psnr
        > recon.score(slice_.target, recon.reconstruct(under, "zero-filled")).psnr
    )
    np.testing.assert_array_equal(recon.method("sense", lamda=0.01)(under), image)
    whole = recon.reconstruct(recon.undersample(scan, acceleration=2), "sense", lamda=0.01)
    assert whole.shape == (2, 48, 40)
    np.testing.assert_array_equal(whole[0], image)
    assert scan.target is not None
    assert recon.score(scan.target, whole).ssim > 0.5
    assert "2 slices, 4 coils, 48 readout, 40 phase" in repr(scan)


def test_images_are_those_of_the_command(raw_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "images"
    words = f"--method sense --acceleration 2 --mask random --device cpu --output {output}"
    assert CliRunner().invoke(app, ["reconstruct", str(raw_file), *words.split()]).exit_code == 0
    image = recon.reconstruct(recon.undersample(recon.open(raw_file), 2, "random"), "sense", device="cpu")
    with h5py.File(output / raw_file.name) as file:
        np.testing.assert_array_equal(image, file["reconstruction"])


def test_masks_are_fastmris_for_the_name_and_a_nameless_slice_has_a_seed_too() -> None:
    named = object_acquisition()
    expected = Sampling(MaskKind.RANDOM, 4, 0.08)(named)
    torch.testing.assert_close(recon.undersample(named, 4, "random").mask, expected.mask)
    nameless = recon.undersample(replace(named, name=""), 4, "random")
    called_array = recon.undersample(replace(named, name="array"), 4, "random")
    assert nameless.name == ""
    torch.testing.assert_close(nameless.mask, called_array.mask)
    assert not torch.equal(nameless.mask, recon.undersample(replace(named, name=""), 4, "random", seed=1).mask)
    torch.testing.assert_close(recon.undersample(recon.from_arrays(named.kspace), 4, "random")[0].mask, nameless.mask)


def test_what_is_undersampled_already_is_left_alone() -> None:
    under = recon.undersample(object_acquisition(), 4)
    with pytest.raises(recon.InputError, match=r"discs\.h5: is undersampled already"):
        recon.undersample(under, 4)
    scan = recon.undersample(recon.from_arrays(object_acquisition().kspace), 4)
    with pytest.raises(recon.InputError, match="array: is undersampled already"):
        recon.undersample(scan, 4)


def test_arrays_of_any_kind_and_order_make_the_same_scan() -> None:
    full = object_acquisition(3, 24, 20)
    scan = recon.from_arrays(full.kspace.numpy().astype(np.complex128))
    assert scan.shape == (1, 3, 24, 20)
    torch.testing.assert_close(scan[0].kspace, full.kspace)
    assert recon.score(full.target, scan.target).ssim > 0.99
    for axes, array in (
        ("phase, readout, coils", full.kspace.permute(2, 1, 0)),
        ("readout slices phase coils", full.kspace.permute(1, 2, 0).unsqueeze(1).numpy()),
    ):
        torch.testing.assert_close(recon.from_arrays(array, axes=axes)[0].kspace, full.kspace)
    assert recon.from_arrays(full.kspace[0]).shape == (1, 1, 24, 20)
    assert recon.from_arrays(full.kspace.expand(2, -1, -1, -1)).shape == (2, 3, 24, 20)


def test_a_mask_beside_the_arrays_is_kept() -> None:
    full = object_acquisition(3, 24, 20)
    mask = np.arange(20) % 2 == 0
    scan = recon.from_arrays(full.kspace, mask)
    assert scan.target is None
    assert scan[0].acceleration == 2
    assert not scan[0].kspace[..., 1::2].any()
    torch.testing.assert_close(recon.from_arrays(scan[0].kspace)[0].mask, scan[0].mask)
    assert recon.from_arrays(full.kspace, np.tile(mask, (24, 1)))[0].mask.shape == (24, 20)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"kspace": np.zeros((2, 3, 4))}, "kspace is of type float64; expected complex numbers"),
        ({"kspace": np.array(["a"])}, "kspace is of type <U1; expected numbers"),
        ({"kspace": np.zeros(4, complex)}, r"kspace has shape \(4,\); expected \(coils, readout, phase\)"),
        ({"kspace": np.zeros((0, 4, 4), complex)}, r"kspace has shape \(0, 4, 4\); expected at least one sample"),
        ({"kspace": np.full((2, 4, 4), np.nan, complex)}, "kspace holds values that are not finite"),
        (
            {"axes": "frames coils readout phase"},
            "kspace has axes that are not read: frames; available: slices, coils",
        ),
        ({"axes": "coils readout"}, r"kspace has shape \(2, 6, 4\); expected the axes 'coils readout'"),
        ({"mask": np.ones(5, bool)}, r"mask has shape \(5,\); expected \(4,\) or \(6, 4\)"),
        (
            {"calibration": np.ones((3, 6, 4), complex)},
            r"calibration has shape \(1, 3, 6, 4\); expected \(2, 6, lines\)",
        ),
        ({"header": Header((6, 4), (0, 4), geometry=GEOMETRY)}, "the header places 2 slices; kspace has 1"),
        ({"noise": np.ones((3, 9), complex)}, r"noise has shape \(3, 9\); expected \(2, samples\)"),
    ],
)
def test_a_wrong_array_is_answered_in_one_sentence(arguments: dict[str, object], sentence: str) -> None:
    given = {"kspace": np.ones((2, 6, 4), complex)} | arguments
    with pytest.raises(recon.InputError, match=sentence):
        recon.from_arrays(**given)  # type: ignore[arg-type]


def test_wrong_words_are_answered_in_one_sentence(raw_file: Path) -> None:
    slice_ = recon.open(raw_file)[0]
    for call, sentence in (
        (lambda: recon.reconstruct(slice_, "senze"), "did you mean 'sense'"),
        (lambda: recon.method("sense", lambda_=1), "did you mean 'lamda'"),
        (lambda: recon.reconstruct(slice_, recon.method("sense"), lamda=1), "'lamda' needs the name of a method"),
        (lambda: recon.reconstruct(slice_, "sense", device="tpu"), "unknown device 'tpu'"),
        (lambda: recon.undersample(slice_, 4, "spiral"), "unknown mask 'spiral'"),
        (lambda: recon.open("nowhere.h5"), r"nowhere\.h5"),
        (lambda: recon.reconstruct(replace(slice_, kspace=slice_.kspace[None]), "sense"), "expected one slice"),
        (lambda: recon.score(None, slice_.target), "there is no target"),
        (lambda: recon.score(slice_.target, np.ones(3)), r"shape \(3,\) was given"),
        (lambda: recon.score(np.ones((3, 9, 9)), np.ones((2, 9, 9))), "2 images do not match 3 targets"),
        (recon.show, "at least one image"),
        (lambda: recon.show(slice_.target, titles=["a", "b"]), "2 titles were given for 1 images"),
    ):
        with pytest.raises(recon.InputError, match=sentence):
            call()


def test_a_method_of_ones_own_is_checked_for_finite_images() -> None:
    class Nothing(recon.Reconstruction):
        def __call__(self, acquisition: Acquisition) -> torch.Tensor:
            return torch.full(acquisition.crop, torch.nan)

    with pytest.raises(recon.InputError, match="is not finite"):
        recon.reconstruct(object_acquisition(), Nothing())


def test_geometry_is_that_of_the_nifti_file(tmp_path: Path) -> None:
    header = Header((40, 36), (0, 60), (48.0, 60.0), geometry=GEOMETRY, encoded_field_of_view=(96.0, 100.0))
    kspace = object_acquisition(2, 64, 60).kspace.expand(2, -1, -1, -1)
    write_volume(tmp_path / "scan.h5", kspace.numpy(), header)
    scan = recon.open(tmp_path / "scan.h5")
    volume, single = recon.reconstruct(scan, "zero-filled"), recon.reconstruct(scan[1], "zero-filled")
    (path,) = write_nifti(tmp_path / "image.nii", stack(np.asarray(volume), scan.header, scan.shape[2:]))
    reference = nib.load(path)
    assert volume.affine is not None
    assert single.affine is not None
    order = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])  # (row, column, slice) of the file
    np.testing.assert_allclose(volume.affine @ order.T, reference.affine, atol=1e-5)
    np.testing.assert_allclose(volume.voxel_size, np.roll(reference.header.get_zooms(), 1), rtol=1e-6)
    np.testing.assert_allclose(single.voxel_size, reference.header.get_zooms()[:2], rtol=1e-6)
    corner = volume.affine @ [1, 3, 5, 1]
    np.testing.assert_allclose(single.affine @ [3, 5, 0, 1], corner, atol=1e-9)
    nib.Nifti1Image(volume, volume.affine)


def test_geometry_that_the_header_does_not_say_is_none() -> None:
    full = object_acquisition(2, 32, 30)
    image = recon.reconstruct(full, "zero-filled")
    assert image.voxel_size is None
    assert image.affine is None
    sized = replace(full, header=replace(full.header, field_of_view=(64.0, 90.0)))
    assert recon.reconstruct(sized, "zero-filled").voxel_size == (2.0, 3.0)
    scan = recon.from_arrays(full.kspace, header=sized.header)
    size = recon.reconstruct(scan, "zero-filled").voxel_size
    assert size is not None
    np.testing.assert_equal(size, (np.nan, 2.0, 3.0))


def test_an_image_is_an_array_and_keeps_its_geometry_in_copies_alone() -> None:
    image = recon.Image(np.ones((3, 4), np.float32), (1.0, 2.0), np.eye(4))
    target = torch.zeros(3, 4)
    for twin in (image.copy(), copy.copy(image), copy.deepcopy(image), pickle.loads(pickle.dumps(image))):  # noqa: S301
        assert twin.voxel_size == (1.0, 2.0)
        np.testing.assert_array_equal(twin.affine, np.eye(4))
    assert image[1:].voxel_size is None
    for result in (image - target, target - image, image + 1, np.sqrt(image)):
        assert type(result) is np.ndarray
    assert torch.as_tensor(image).dtype == torch.float32
    assert float(image.max()) == 1
    with pytest.raises(AttributeError):
        _ = np.asarray(image).affine  # type: ignore[attr-defined]


def test_show_draws_target_images_and_errors(tmp_path: Path) -> None:
    target = np.random.default_rng(0).random((3, 32, 24), np.float32)
    figure = recon.show(target, torch.from_numpy(target) * 0.9, target[:, :20], titles=["truth", "dark", "cut"])
    drawn = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in drawn] == ["truth", "dark", "cut", "error x 5", "error x 5"]
    windows = {axis.images[0].get_clim() for axis in drawn}
    assert len(windows) == 1
    np.testing.assert_array_equal(drawn[0].images[0].get_array(), target[1])
    np.testing.assert_allclose(drawn[3].images[0].get_array(), 0.5 * target[1], rtol=1e-4)
    figure.savefig(tmp_path / "figure.png")
    assert len(recon.show(target[0]).axes) == 1
    import_module("matplotlib.pyplot").close("all")


def test_methods_are_named() -> None:
    assert {"sense", "varnet", "sigpy-sense"} <= set(recon.methods())
    assert recon.__version__.count(".") == 2


def test_what_a_network_was_not_trained_on_is_warned_of() -> None:
    far = recon.undersample(recon.from_arrays(object_acquisition(2, 32, 160).kspace), 16, center_fraction=0.03)
    with pytest.warns(UserWarning, match="array: outside the training range of varnet: "):
        image = recon.reconstruct(far)
    assert image.shape == (1, 32, 160)


def test_type_checkers_see_every_public_name() -> None:
    tree = ast.parse(Path(recon.__file__).read_text(encoding="utf-8"))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert set(recon.__all__) <= set(imported)
