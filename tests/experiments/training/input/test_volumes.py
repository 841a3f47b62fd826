from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.files.raw_files import write_raw_file
from recon.data.acquisition import Header
from recon.data.errors import InputError
from recon.data.open import Volume
from recon.experiments.training.config.data_config import DataConfig
from recon.experiments.training.input.volumes import open_volumes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, contrast in enumerate(("AXT1", "AXT2", "AXT2", "AXFLAIR")):
        header = Header(crop=(16, 12), padding=(0, 12), contrast=contrast)
        write_raw_file(tmp_path / "raw" / f"{index}.h5", 5, coils=2 + 3 * index, matrix=(32, 12), header=header)
    return tmp_path / "raw"


def opened(train: Any, split: Any = "train", **values: Any) -> list[Volume]:
    return open_volumes(DataConfig.model_validate({"train": train, "val": train, **values}), split)


def names(volumes: list[Volume]) -> list[str]:
    return [volume.name for volume in volumes]


def test_a_folder_several_folders_or_a_list_of_files(folder: Path, tmp_path: Path) -> None:
    other = write_raw_file(tmp_path / "more" / "0.h5")
    assert names(opened(folder)) == ["0.h5", "1.h5", "2.h5", "3.h5"]
    assert names(opened([str(folder), str(tmp_path / "more")])) == ["0.h5", "1.h5", "2.h5", "3.h5", "0.h5"]
    assert names(opened([folder / "2.h5", other])) == ["2.h5", "0.h5"]


def test_filters_apply_to_both_splits_and_fractions_to_one(folder: Path) -> None:
    settings = {
        "filter": {"acquisitions": ["AXT2", "AXFLAIR"], "coils": [1, 8], "slices": [1, -1]},
        "train_fraction": {"volumes": 0.5},
        "val_fraction": {"slices": 0.5},
    }
    assert [len(volume) for volume in opened(folder, "train", **settings)] == [3]
    assert sum(map(len, opened(folder, "val", **settings))) == 3
    assert set(names(opened(folder, "val", **settings))) <= {"1.h5", "2.h5"}


def test_preprocessing_and_cache(folder: Path, tmp_path: Path) -> None:
    settings = {"preprocessing": {"remove_oversampling": True, "virtual_coils": 4}, "cache": tmp_path / "cache"}
    volumes = opened(folder, **settings)
    assert [volume.shape for volume in volumes] == [(5, coils, 16, 12) for coils in (2, 4, 4, 4)]
    volumes[2].read(3)
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 1


def test_unusable_files_are_named_and_counted_or_stop_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (folder / "0.h5").read_bytes()
    (folder / "bad.h5").write_bytes(whole[:-200])
    write_raw_file(folder / "test.h5", target=False)
    write_raw_file(folder / "fast.h5", mask=np.arange(40) % 2 == 0)
    assert names(opened(folder)) == ["0.h5", "1.h5", "2.h5", "3.h5"]
    printed = capsys.readouterr().err
    assert "bad.h5: the HDF5 file is truncated" in printed
    assert "test.h5: has no target" in printed
    assert "fast.h5: was undersampled by the scanner" in printed
    assert "3 of 7 files were left out" in printed
    with pytest.raises(InputError, match=r"bad\.h5: the HDF5 file is truncated"):
        opened(folder, strict=True)
    (folder / "bad.h5").unlink()
    with pytest.raises(InputError, match=r"fast\.h5: was undersampled"):
        opened(folder, strict=True)


def test_scans_without_targets_are_used_where_none_are_needed(folder: Path) -> None:
    write_raw_file(folder / "fast.h5", mask=np.arange(40) % 2 == 0, target=False)
    config = DataConfig.model_validate({"train": folder, "val": folder})
    assert "fast.h5" in names(open_volumes(config, "train", supervised=False))


def test_no_slice_left_is_an_error(folder: Path) -> None:
    with pytest.raises(InputError, match=r"data\.train: none of the slices in .*raw can be used"):
        opened(folder, filter={"acquisitions": ["SAGT2"]})
    with pytest.raises(InputError, match="no such file or folder"):
        opened(folder / "none")


@pytest.mark.parametrize("value", [[], None, 3, {"a": 1}, [3]])
def test_other_values_than_paths_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="give a folder or a file, or a list of them"):
        opened(value)
