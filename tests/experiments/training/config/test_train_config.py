from pathlib import Path
from typing import Any

import pytest

from helpers.learned.training import make_config
from recon.data.errors import InputError
from recon.experiments.training.config.train_config import TrainConfig, as_protocol


def test_step_uses_as_many_slices_for_any_number_of_processes(tmp_path: Path) -> None:
    config = make_config(tmp_path, tmp_path, batch_size=2, effective_batch=8)
    assert {processes: config.accumulation(processes) for processes in (1, 2, 4)} == {1: 4, 2: 2, 4: 1}
    with pytest.raises(InputError, match="8 cannot be shared by 3 processes .* multiple of 6"):
        config.accumulation(3)
    assert make_config(tmp_path, tmp_path).accumulation(5) == 1


def test_protocol_contains_no_folders() -> None:
    folder = Path("/home/someone")
    config: TrainConfig = make_config(folder, folder / "out", network={"weights": str(folder / "best.safetensors")})
    assert "someone" not in str(as_protocol(config))
    assert as_protocol(config)["data"]["train"] == "train"
    assert as_protocol(config)["network"]["weights"] == "best.safetensors"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"training": {"mode": "denoise"}}, "trains denoisers .* and no other network"),
        ({"network": {"name": "dlr", "arguments": {}}}, "and only it does"),
        ({"training": {"mode": "enlarge"}}, "trains enlargers .* and no other network"),
        ({"network": {"name": "sharp", "arguments": {}}}, "trains enlargers .* and only it does"),
        (
            {
                "training": {"mode": "enlarge"},
                "network": {"name": "sharp", "arguments": {}},
                "data": {"patches": {"phase": False}},
            },
            "no k-space to enlarge",
        ),
        ({"data": {"mask": "center"}}, "mask center is for"),
        ({"data": {"patches": {"noise": (0.2, 0.1)}}}, "noise from 0.2 to 0.1 is not a range"),
        (
            {
                "training": {"mode": "denoise"},
                "network": {"name": "dlr", "arguments": {}},
                "data": {"patches": {"size": 97}},
            },
            "patches.size is larger",
        ),
    ],
)
def test_settings_of_denoisers_that_contradict_others_are_refused(
    tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(tmp_path, tmp_path, **values)
