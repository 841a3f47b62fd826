from pathlib import Path

import pytest

from helpers.training import make_config
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
