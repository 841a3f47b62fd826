from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from recon.data.errors import InputError
from recon.simulation.scanner.subject.anatomy import draw_heads, load_anatomies, load_maps


def test_heads_are_named_have_three_slices_and_repeat_with_the_seed() -> None:
    (head,), (again,) = draw_heads(1, seed=0), draw_heads(1, seed=0)
    assert len(head) == 3
    assert head.path == Path("head_0")
    np.testing.assert_array_equal(head.image, again.image)


def test_slices_are_scaled_to_one_and_empty_ones_left_out(tmp_path: Path) -> None:
    image = np.zeros((3, 20, 30), np.int16)
    image[1:, 5:15, 5:25] = 700
    np.savez(tmp_path / "volume.npz", image=image)
    (anatomy,) = load_anatomies([tmp_path])
    assert anatomy.used == (1, 2)
    assert anatomy.name == "volume.npz"
    assert anatomy.slice(0).dtype == np.float32
    assert anatomy.slice(0).max() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"picture": np.ones((1, 8, 8))}, "holds no readable array 'image'"),
        ({"image": np.ones((8, 8))}, "its 'image' is not finite and real"),
        ({"image": np.full((1, 8, 8), np.nan)}, "its 'image' is not finite and real"),
        ({"image": np.zeros((1, 8, 8))}, "its 'image' is empty"),
    ],
)
def test_unusable_images_are_refused(tmp_path: Path, values: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "volume.npz", **values)
    with pytest.raises(InputError, match=f"volume.npz: {message}"):
        load_anatomies([tmp_path])


def test_images_of_viewers_serve_too_where_there_are_no_arrays(tmp_path: Path) -> None:
    image = np.zeros((12, 10, 3), np.float32)
    image[3:9, 2:8] = 50
    nib.save(nib.Nifti1Image(image, np.eye(4)), tmp_path / "head.nii.gz")
    (tmp_path / "notes.txt").write_text("not an image")
    (anatomy,) = load_anatomies([tmp_path])
    assert anatomy.shape == (3, 12, 10)
    assert load_anatomies([tmp_path / "head.nii.gz"])[0].slice(0).max() == pytest.approx(1)
    np.savez(tmp_path / "head.npz", image=image.transpose(2, 0, 1))
    assert [anatomy.name for anatomy in load_anatomies([tmp_path])] == ["head.npz"]


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \.npz file"):
        load_anatomies([tmp_path])


@pytest.mark.parametrize("maps", [np.ones((4, 8, 8)), np.ones((8, 8)) + 0j, np.full((4, 8, 8), np.inf + 0j)])
def test_unusable_maps_are_refused(tmp_path: Path, maps: np.ndarray) -> None:
    np.savez(tmp_path / "maps.npz", maps=maps)
    with pytest.raises(InputError, match="its 'maps' are not finite complex"):
        load_maps([tmp_path])
