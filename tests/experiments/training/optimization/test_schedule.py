from pathlib import Path

import pytest

from helpers.learned.training import make_config
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.optimization.schedule import Schedule
from recon.experiments.training.record.state import Position

EPOCHS = 10


def config(tmp_path: Path, max_minutes: float | None = None) -> TrainConfig:
    early = {"share": 0.5}
    return make_config(tmp_path, tmp_path, epochs=EPOCHS, max_minutes=max_minutes, early=early)


def test_without_a_limit_the_place_is_the_number_of_epochs(tmp_path: Path) -> None:
    schedule = Schedule(config(tmp_path), Position())
    for done in (0, 0.3, 1 / 3, 7.1):
        assert schedule.advance(done) == done


def test_time_moves_the_place_to_the_end(tmp_path: Path) -> None:
    schedule = Schedule(config(tmp_path, 60), Position())
    assert schedule.advance(0.1, elapsed=0.25) == 2.5
    assert schedule.advance(0.2, elapsed=1) == EPOCHS
    assert schedule.advance(0.3, elapsed=1.5) == EPOCHS


def test_epochs_move_the_place_when_they_are_faster_than_time(tmp_path: Path) -> None:
    schedule = Schedule(config(tmp_path, 60), Position())
    assert schedule.advance(4, elapsed=0.1) == 4


def test_the_place_never_moves_back(tmp_path: Path) -> None:
    schedule = Schedule(config(tmp_path, 60), Position())
    schedule.advance(1, elapsed=0.5)
    assert schedule.advance(1.1, elapsed=0.2) == 5


def test_a_resumed_run_fits_what_is_left_into_its_time(tmp_path: Path) -> None:
    position = Position()
    Schedule(config(tmp_path, 60), position).advance(1, elapsed=0.4)
    resumed = Schedule(config(tmp_path, 30), position)
    assert resumed.advance(1) == 4
    assert resumed.advance(1.5, elapsed=0.5) == 7
    assert resumed.advance(2, elapsed=1) == EPOCHS


def test_what_a_limited_run_left_is_spread_over_the_remaining_epochs(tmp_path: Path) -> None:
    position = Position()
    Schedule(config(tmp_path, 60), position).advance(1, elapsed=0.4)
    position.epochs = 1
    resumed = Schedule(config(tmp_path), position)
    assert resumed.advance(5.5) == pytest.approx(7)
    assert resumed.advance(EPOCHS) == EPOCHS


def test_a_run_resumed_at_the_end_of_its_time_starts_its_schedule_again(tmp_path: Path) -> None:
    position = Position()
    Schedule(config(tmp_path, 60), position).advance(2, elapsed=1)
    position.epochs = 2
    again = Schedule(config(tmp_path), position)
    assert again.advance(2) == 0
    assert again.advance(EPOCHS) == EPOCHS


def test_the_early_part_is_a_share_of_the_schedule(tmp_path: Path) -> None:
    schedule = Schedule(config(tmp_path, 60), Position())
    schedule.advance(0, elapsed=0.49)
    assert schedule.is_early
    schedule.advance(0, elapsed=0.51)
    assert not schedule.is_early
