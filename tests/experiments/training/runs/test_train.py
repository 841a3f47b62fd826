import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import yaml
from accelerate import Accelerator

from helpers.files.raw_files import write_raw_file
from helpers.learned.training import (
    NETWORK,
    after_step,
    assert_equal,
    fresh_accelerator,
    make_config,
    read_lines,
    read_weights,
    write_config,
)
from recon.data.errors import InputError
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.record.folder import BEST, CONFIG, LAST, STATE
from recon.experiments.training.record.log import LOG
from recon.experiments.training.record.provenance import RUN
from recon.experiments.training.train import Run, train
from recon.models.checkpoints import checkpoint
from recon.models.checkpoints.checkpoint import load_model
from recon.quality.noise_floor import RULE

pytestmark = pytest.mark.usefixtures("no_pictures")

STEPS = 6
"""Steps of an epoch."""

DROPPING = {"name": "unet", "arguments": {"chans": 4, "pools": 2, "drop_prob": 0.2}}


@pytest.fixture(scope="module")
def finished(folders: Path) -> TrainConfig:
    """Config of a run of four epochs that has finished."""
    config = make_config(folders, folders / "finished", epochs=4)
    with fresh_accelerator():
        train(config)
    return config


@pytest.fixture(scope="module")
def varied(folders: Path) -> TrainConfig:
    """Config of a finished run that uses all that a state must restore."""
    config = make_config(
        folders,
        folders / "varied",
        network=DROPPING,
        effective_batch=2,
        ema=0.9,
        optimizer={"name": "muon", "schedule": "cosine", "warmup_steps": 2, "clip": 1.0},
        log_every=2,
        epochs=2,
    )
    with fresh_accelerator():
        train(config)
    return config


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def run_out_of_memory() -> None:
    raise MemoryError


def losses_of(output: Path) -> list[float]:
    return [line["loss"] for line in read_lines(output) if "loss" in line]


TORCHRUN = "-m torch.distributed.run --standalone --local-addr 127.0.0.1 --nproc_per_node 2"
ACCELERATE = (
    "-m accelerate.commands.launch --multi_gpu --num_machines 1 --num_processes 2 --main_process_port 0 "
    "--mixed_precision no --dynamo_backend no"
)


def command(config: Path, *options: str, launcher: str = "") -> list[str]:
    program = Path(__file__).parents[3] / "helpers" / "programs" / "recon_command.py"
    return [sys.executable, *launcher.split(), str(program), "train", str(config), *options]


def kill_after_line(run: psutil.Process, log: Path, number: int) -> None:
    """Kill a run and all its processes as soon as its log has `number` lines."""
    deadline = time.monotonic() + 120
    while not log.exists() or log.read_text().count("\n") < number:
        assert run.status() != psutil.STATUS_ZOMBIE, "the run ended before it was killed"
        assert time.monotonic() < deadline, "the run did not start"
        time.sleep(0.01)
    for process in (run, *run.children(recursive=True)):
        process.kill()


def test_loss_falls_and_the_scores_rise(finished: TrainConfig) -> None:
    scores = [line["ssim"] for line in read_lines(finished.output) if "ssim" in line]
    losses = losses_of(finished.output)
    assert len(losses) == 4 * STEPS
    assert sum(losses[-STEPS:]) < 0.7 * sum(losses[:STEPS])
    assert scores[-1] > scores[0]


def test_weights_contain_how_they_were_trained(finished: TrainConfig) -> None:
    loaded = load_model(finished.output / BEST)
    scores = [line["ssim"] for line in read_lines(finished.output) if "ssim" in line]
    assert loaded.arguments == NETWORK
    assert loaded.protocol["training"]["data"]["accelerations"] == [2]
    assert loaded.protocol["validation"]["ssim"] == max(scores)
    assert loaded.protocol["noise floor"] == RULE
    assert load_model(finished.output / LAST).protocol["validation"]["ssim"] == scores[-1]


def test_learning_rate_falls_with_the_epochs(finished: TrainConfig) -> None:
    rates = [line["lr"] for line in read_lines(finished.output) if "lr" in line]
    assert rates == pytest.approx([3e-3] * 2 * STEPS + [1.5e-3] * 2 * STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3, 5])
@pytest.mark.parametrize(("action", "error"), [(interrupt, KeyboardInterrupt), (run_out_of_memory, MemoryError)])
def test_resumed_run_ends_like_one_that_never_stopped(
    varied: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
    action: Callable[[], None],
    error: type[BaseException],
) -> None:
    stopped = varied.model_copy(update={"output": tmp_path})
    with monkeypatch.context() as patch:
        after_step(patch, steps, action)
        with pytest.raises(error):
            train(stopped)
    train(stopped, resume=True)
    assert_equal(read_weights(stopped.output), read_weights(varied.output))
    assert_equal(read_weights(stopped.output, BEST), read_weights(varied.output, BEST))
    assert read_lines(stopped.output) == read_lines(varied.output)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Use one thread, as a forked process must, so that its results are bitwise the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_killed_run_repeats_the_losses_of_one_that_was_not(folders: Path, tmp_path: Path) -> None:
    endless = make_config(folders, tmp_path / "killed", checkpoint_minutes=0, epochs=1000)
    process = multiprocessing.get_context("fork").Process(target=train, args=(endless,), daemon=True)
    process.start()
    assert process.pid is not None
    kill_after_line(psutil.Process(process.pid), endless.output / LOG, 4)
    process.join()
    steps = load_steps(endless.output)
    assert 0 < steps < 1000 * STEPS
    epochs = steps // STEPS + 2
    straight, killed = (make_config(folders, tmp_path / name, epochs=epochs) for name in ("straight", "killed"))
    train(straight)
    train(killed, resume=True)
    assert read_lines(killed.output) == read_lines(straight.output)
    assert_equal(read_weights(killed.output), read_weights(straight.output))
    assert not list(killed.output.glob(".*"))


def load_steps(output: Path) -> int:
    """Read the number of steps in the state of a run."""
    with checkpoint.safe_open(output / STATE, framework="pt") as file:
        return int(re.findall(r'"steps": (\d+)', file.metadata()["position"])[0])


@pytest.mark.slow
def test_two_processes_match_one_and_survive_being_killed(folders: Path, tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "data": {"val": [str(folders / "val"), str(folders / "train" / "a.h5")]},  # three, which two cannot share
        "network": DROPPING,
        "effective_batch": 4,
        "ema": 0.9,
        "optimizer": {"clip": 0.1},
        "checkpoint_minutes": 0,
        "epochs": 2,
    }
    train(make_config(folders, tmp_path / "one", **values))
    file = write_config(tmp_path / "run.yaml", folders, tmp_path / "two", **values)
    torchrun = command(file, launcher=TORCHRUN)
    with subprocess.Popen(torchrun, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        kill_after_line(psutil.Process(started.pid), tmp_path / "two" / LOG, 2)
    subprocess.run(command(file, "--resume", launcher=ACCELERATE), check=True, capture_output=True, timeout=240)
    starts = json.loads((tmp_path / "two" / RUN).read_text())["starts"]
    assert [start["processes"] for start in starts] == [2, 2]
    one, two = read_lines(tmp_path / "one"), read_lines(tmp_path / "two")
    assert len(one) == len(two) == 6
    for ours, theirs in zip(one, two, strict=True):
        assert flatten(ours) == pytest.approx(flatten(theirs), rel=1e-4)
    for key, weight in read_weights(tmp_path / "one").items():
        torch.testing.assert_close(read_weights(tmp_path / "two")[key], weight, rtol=1e-4, atol=1e-5)


def flatten(line: dict[str, Any]) -> dict[str, float]:
    groups = line.pop("groups", {})
    return line | {f"{name} {key}": value for name, scores in groups.items() for key, value in scores.items()}


def test_accumulated_batches_give_the_steps_of_one_large_batch(folders: Path, tmp_path: Path) -> None:
    for name, size in (("large", STEPS), ("accumulated", 1)):
        train(make_config(folders, tmp_path / name, batch_size=size, effective_batch=STEPS, epochs=2))
    assert losses_of(tmp_path / "large") == pytest.approx(losses_of(tmp_path / "accumulated"), rel=1e-4)


def test_run_stopped_by_its_time_limit_has_weights_and_can_resume(folders: Path, tmp_path: Path) -> None:
    short = make_config(folders, tmp_path, max_minutes=1e-9)
    assert load_model(train(short)).protocol["steps"] == 1
    train(short, resume=True)
    assert load_model(tmp_path / LAST).protocol["steps"] == 2


def test_finished_run_has_nothing_left_to_do(finished: TrainConfig) -> None:
    before = read_weights(finished.output)
    train(finished, resume=True)
    assert_equal(read_weights(finished.output), before)


def test_resume_without_a_state_starts_a_run(folders: Path, tmp_path: Path) -> None:
    assert train(make_config(folders, tmp_path, epochs=1), resume=True).is_file()


def test_slices_of_several_shapes_and_coils_share_a_run_but_no_batch(folders: Path, tmp_path: Path) -> None:
    for name, coils, matrix in (("a", 4, (32, 24)), ("b", 7, (33, 40)), ("c", 4, (32, 24)), ("d", 1, (32, 24))):
        write_raw_file(tmp_path / "train" / f"{name}.h5", slices=3, coils=coils, matrix=matrix)
    data = {"train": str(tmp_path / "train")}
    train(make_config(folders, tmp_path / "out", epochs=1, batch_size=4, data=data))
    assert read_lines(tmp_path / "out")[-1]["steps"] == 4


def test_reading_processes_do_not_change_the_weights(folders: Path, tmp_path: Path) -> None:
    for name, workers in (("alone", 0), ("helped", 2)):
        train(make_config(folders, tmp_path / name, epochs=1, data={"workers": workers}))
    assert_equal(read_weights(tmp_path / "alone"), read_weights(tmp_path / "helped"))


@pytest.mark.parametrize("name", [CONFIG, LOG, BEST, RUN])
def test_files_that_no_run_wrote_are_kept(folders: Path, tmp_path: Path, name: str) -> None:
    own = tmp_path / name
    own.write_text("mine: 1\n")
    with pytest.raises(InputError, match="exists already and was not written by a run; choose another output"):
        train(make_config(folders, tmp_path, epochs=1))
    assert own.read_text() == "mine: 1\n"
    assert list(tmp_path.iterdir()) == [own]


def test_a_run_that_saved_no_state_is_started_again(folders: Path, tmp_path: Path) -> None:
    train(make_config(folders, tmp_path, epochs=1))
    (tmp_path / STATE).unlink()
    train(make_config(folders, tmp_path, epochs=1))


def test_run_is_not_overwritten(folders: Path, tmp_path: Path) -> None:
    train(make_config(folders, tmp_path, epochs=1))
    with pytest.raises(InputError, match="already contains a run; continue it with --resume"):
        train(make_config(folders, tmp_path, epochs=1))
    other = {"arguments": NETWORK | {"chans": 2}}
    with pytest.raises(InputError, match="a run of another network"):
        train(make_config(folders, tmp_path, network=other), resume=True)
    (tmp_path / STATE).write_bytes(b"PK")
    with pytest.raises(InputError, match=r"state\.safetensors: is damaged"):
        train(make_config(folders, tmp_path), resume=True)


def test_every_volume_is_scored_once_at_each_acceleration(folders: Path, tmp_path: Path) -> None:
    data = {"accelerations": [2, 4], "center_fractions": [0.2, 0.1]}
    train(make_config(folders, tmp_path, epochs=1, data=data))
    groups = read_lines(tmp_path)[-1]["groups"]
    assert {name: group["volumes"] for name, group in groups.items()} == {"DISCS 2x": 2, "DISCS 4x": 2}
    assert groups["DISCS 2x"]["ssim"] > groups["DISCS 4x"]["ssim"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["supervised", "ssdu"])
def test_checkpointing_and_bfloat16_train_alike(
    folders: Path, tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.models.precision.fast_bf16", lambda _: True)
    values = {
        "epochs": 1,
        "training": {"mode": mode},
        "optimizer": {"lr": 3e-4},
    }  # small steps do not amplify rounding
    plain = make_config(folders, tmp_path / "plain", **values)
    train(plain)
    frugal = make_config(folders, tmp_path / "frugal", **values, network={"checkpointing": True})
    train(frugal)
    assert losses_of(frugal.output) == pytest.approx(losses_of(plain.output), rel=1e-5)
    with fresh_accelerator():
        train(plain.model_copy(update={"output": tmp_path / "bf16", "mixed_precision": "bf16"}))
    assert losses_of(tmp_path / "bf16") == pytest.approx(losses_of(plain.output), rel=0.1)
    assert losses_of(tmp_path / "bf16") != losses_of(plain.output)


def test_deterministic_run_leaves_the_process_as_it_was(folders: Path, tmp_path: Path) -> None:
    train(make_config(folders, tmp_path, epochs=1, deterministic=True))
    assert not torch.are_deterministic_algorithms_enabled()


def test_network_without_checkpointing_is_reported(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the network unet has no activation checkpointing"):
        train(make_config(folders, tmp_path, network=DROPPING | {"checkpointing": True}))


def test_run_starts_from_given_weights(folders: Path, tmp_path: Path) -> None:
    best = train(make_config(folders, tmp_path / "first", epochs=1))
    train(make_config(folders, tmp_path / "second", epochs=1, network={"weights": str(best)}))
    assert losses_of(tmp_path / "second")[0] < losses_of(tmp_path / "first")[0]
    with pytest.raises(InputError, match=r"best\.safetensors: the weights belong to another network"):
        train(make_config(folders, tmp_path / "third", network=DROPPING | {"weights": str(best)}))


def test_undersampled_files_without_targets_are_enough_for_ssdu(folders: Path, tmp_path: Path) -> None:
    mask = (torch.arange(24) % 2 == 0) | ((torch.arange(24) - 12).abs() < 4)
    for name in ("train/a", "train/b", "val/c"):
        write_raw_file(tmp_path / f"{name}.h5", coils=2, matrix=(32, 24), mask=mask.numpy(), target=False)
    data = {"train": str(tmp_path / "train"), "val": str(tmp_path / "val")}
    train(make_config(folders, tmp_path / "out", epochs=4, data=data, training={"mode": "ssdu"}))
    heldout = [line["heldout"] for line in read_lines(tmp_path / "out") if "heldout" in line]
    assert heldout[-1] < heldout[0]
    assert load_model(tmp_path / "out" / BEST).protocol["validation"]["heldout"] == min(heldout)
    assert read_lines(tmp_path / "out")[-1]["groups"]["DISCS as scanned"]["volumes"] == 1
    with pytest.raises(InputError, match=r"data\.train: none of the slices in .* can be used"):
        train(make_config(folders, tmp_path / "supervised", data=data))


def test_ssdu_needs_coil_images(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ImageUnet predicts no coil images"):
        train(make_config(folders, tmp_path, network=DROPPING, training={"mode": "ssdu"}))


def test_failed_training_ends_its_trackers(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []
    monkeypatch.setattr(Accelerator, "end_training", lambda _: ended.append(True))
    monkeypatch.setattr(Run, "step", lambda *_: run_out_of_memory())
    with pytest.raises(MemoryError):
        train(make_config(folders, tmp_path))
    assert ended == [True]


def test_written_config_starts_the_same_run(finished: TrainConfig) -> None:
    assert TrainConfig.model_validate(yaml.safe_load((finished.output / CONFIG).read_text())) == finished
