from pathlib import Path
from typing import Any

import pytest
import yaml

from recon.data.errors import InputError
from recon.data.training.selection import Filter
from recon.experiments.training.config.config_file import load_config
from recon.experiments.training.config.data_config import DataConfig, PreprocessingConfig
from recon.experiments.training.config.train_config import TrainConfig, as_protocol
from recon.preprocessing.steps import COMPRESSIONS, STEPS, Steps


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text("output: out\ndata: {train: knees, val: [more/knees, one.h5]}\n")
    return path


def test_sections_become_filters_and_steps(file: Path) -> None:
    data = load_config(
        file,
        [
            "data.filter.acquisitions=[AXT2]",
            "data.filter.coils=[4, 16]",
            "data.filter.slices=[5, null]",
            "data.preprocessing={remove_oversampling: true, virtual_coils: 8}",
        ],
    ).data
    assert data.filter.filter == Filter(("AXT2",), (4, 16), (5, None))
    assert data.preprocessing.steps == Steps(("remove_oversampling", "virtual_coils=8"))
    assert (data.train, data.val) == (Path("knees"), (Path("more/knees"), Path("one.h5")))


def test_every_step_of_the_command_line_is_a_key() -> None:
    assert set(PreprocessingConfig.model_fields) == {*STEPS, *COMPRESSIONS} - {"auto"}


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        (
            "data.filter.acquisition=AXT2",
            "unknown key 'data.filter.acquisition'; did you mean 'data.filter.acquisitions'",
        ),
        ("data.train_fraction.volumes=1.5", "data.train_fraction.volumes: .* less than or equal to 1"),
        ("data.val_fraction.slices=0", "data.val_fraction.slices: .* greater than 0"),
        ("data.preprocessing.virtual_coils=0", "data.preprocessing.virtual_coils: .* greater than or equal to 1"),
        ("data.train=[]", "data.train: give a folder or a file, or a list of them"),
        ("data.filter.coils=4", "data.filter.coils: "),
    ],
)
def test_wrong_override_is_reported_in_one_sentence(file: Path, override: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_config(file, [override])


def test_data_section_is_a_round_trip_through_yaml(file: Path) -> None:
    config = load_config(file, ["data.filter.coils=[4, 16]", "data.cache=/scratch/slices"])
    again = yaml.safe_load(yaml.safe_dump(config.model_dump(mode="json")))
    assert TrainConfig.model_validate(again) == config


def test_protocol_contains_names_but_no_folders(file: Path) -> None:
    config = load_config(file, ["data.train=[/home/someone/a, /home/someone/b]", "data.cache=/home/someone/cache"])
    protocol: dict[str, Any] = as_protocol(config)["data"]
    assert "someone" not in str(protocol)
    assert (protocol["train"], protocol["val"]) == (["a", "b"], ["knees", "one.h5"])
    assert DataConfig.model_validate(protocol).samplings == config.data.samplings
