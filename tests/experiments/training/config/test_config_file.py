from importlib.resources import files
from pathlib import Path

import pytest
import torch
import yaml

from helpers.files.runaway import no_runaway
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.experiments.training.config.config_file import load_config
from recon.experiments.training.config.train_config import OptimizerConfig
from recon.models.zoo import build

SHIPPED = sorted(Path(str(files("recon.experiments.configs"))).glob("*.yaml"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text("output: out\ndata: {train: knees, val: more_knees}\noptimizer: {lr: 1e-3}\n")
    return path


def test_values_come_from_the_command_line_then_the_file_then_the_defaults(file: Path) -> None:
    config = load_config(file, ["epochs=7", "optimizer.lr_step=3", "network.arguments.chans=6", "data.mask=magic"])
    assert config.epochs == 7
    assert config.optimizer.lr == 1e-3
    assert config.optimizer.lr_step == 3
    assert config.network.arguments == {"chans": 6}
    assert config.data.mask is MaskKind.MAGIC
    assert config.batch_size == 1


@pytest.mark.parametrize("text", ["2e3", "2E3", "2.e3", ".2e4", "2.0e+3", "2000", "+2e+3"])
def test_a_number_is_a_number_however_it_is_written(file: Path, text: str) -> None:
    overrides = ["network.name=deep-cascade", f"network.arguments.noise_weight={text}", f"optimizer.lr={text}"]
    config = load_config(file, overrides)
    assert config.network.arguments == {"noise_weight": 2000}
    assert config.optimizer.lr == 2000


@pytest.mark.parametrize("text", ["2024-01-01", "2024-13-45", "2001-12-14t21:59:43.10-05:00"])
def test_a_date_is_text(file: Path, text: str) -> None:
    assert str(load_config(file, [f"output={text}"]).output) == text


def test_anchors_work(file: Path) -> None:
    file.write_text("output: out\ndata: {train: &t a, val: *t}\nepochs: &e 3\nseed: *e\n")
    config = load_config(file)
    assert (config.epochs, config.seed) == (3, 3)


def test_samplings_are_pairs(file: Path) -> None:
    config = load_config(file, ["data.accelerations=[4, 6]", "data.center_fractions=[0.1, 0.05]"])
    assert config.data.samplings == (Sampling(MaskKind.RANDOM, 4, 0.1), Sampling(MaskKind.RANDOM, 6, 0.05))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("data.trian=x", "unknown key 'data.trian'; did you mean 'data.train'"),
        ("train=x", "unknown key 'train'; did you mean 'data.train'"),
        ("optimiser.lr=1", "unknown key 'optimiser'; did you mean 'optimizer'"),
        ("epoch=3", "unknown key 'epoch'; did you mean 'epochs'"),
        ("network.arguments.chanels=3", "no argument 'chanels'; did you mean 'chans'"),
        ("network.name=varnt", "unknown network 'varnt'; did you mean 'varnet'"),
        ("training.los=1", "unknown key 'training.los'; did you mean 'training.loss'"),
        ("training.loss.sim=1", "training: unknown loss 'sim'; did you mean 'ssim'"),
        ("training.loss.ssim=-1", "training.loss.ssim: .* greater than 0"),
        ("training.loss={}", "training: name at least one loss; available: ssim, l1, psnr"),
        ("training.mode=ssd", "training.mode: .*'ssdu'"),
        ("trackers=[wandbb]", "trackers.0: .*'wandb'"),
        ("ema=1", "ema: .* less than 1"),
        ("epochs=many", "epochs: .* valid integer"),
        ("epochs=0", "epochs: .* greater than or equal to 1"),
        ("data.mask=randm", "data.mask: .*'random'"),
        ("data.accelerations=[4]", "1 accelerations and 2 center_fractions"),
        ("data.accelerations=[0.5, 4]", "acceleration 0.5 is not a finite number of at least 1"),
        ("data=knees", "data: "),
        ("data.train=null", "data.train: "),
        ("output.folder=x", "output is a value, not a section"),
        ("epochs", "not of the form key=value"),
        ("epochs=[", "not valid YAML"),
        ("epochs=\x02", "not valid YAML"),
        ("optimizer.lr=.inf", "optimizer.lr: .* finite"),
        ("optimizer.weight_decay=.nan", "optimizer.weight_decay: .* finite"),
        ("epochs={a: 1, a: 2}", "not valid YAML"),
        ("epochs=!!python/object:os.system 1", "not valid YAML"),
        ("epochs=!!timestamp x", "not valid YAML"),
        ("epochs=!!bool x", "not valid YAML"),
        ("epochs=" + "9" * 5000, "not valid YAML"),
        ("epochs=" + "[" * 5000, "not valid YAML"),
        ("optimizer=null", "optimizer: must be a section of keys and values"),
        ("network.arguments=3", "network.arguments: must be a section of keys and values"),
        ("data.filter.acquisitions=AXT2", r"data.filter.acquisitions: must be a list; write it as \[...\]"),
        ("data.simulation.slises=3", "unknown key 'data.simulation.slises'; did you mean 'data.simulation.slices'"),
    ],
)
def test_wrong_override_is_reported_in_one_sentence(file: Path, override: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        load_config(file, [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("output: out\n", "data is missing"),
        ("output: out\ndata: {train: a}\n", "data.val is missing; give it in the file or as data.val=..."),
        ("a: b: c", "not valid YAML"),
        ("- 1\n", "contains no keys"),
        ("output: out\noutput: other\n", "the key 'output' appears twice"),
        ("output: out\ndata: {train: a, val: b}\noptimizer:\n  lr: 1\n  lr: 2\n", "the key 'lr' appears twice"),
        ("output: 2024-01-32\n", "data is missing"),
        ("output: !!timestamp x\n", "not valid YAML"),
        ("output: !!python/name:os.system x\n", "not valid YAML"),
        ("output: !unknown x\n", "not valid YAML"),
        ("? [a, b]\n: c\n", "not valid YAML"),
        ("1: 2\n", "missing|Keys"),
        ("[" * 20_000, "nested too deeply"),
        ("a: " * 20_000, "not valid YAML"),
        ("output: " + "x" * 200_000, "more than the limit"),
        ("a: &a [*a]\n", "more than 10000 values"),
        ("a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [{f'*a{n},' * 9}]\n" for n in range(9)), "10000 values"),
        ("x: " + "1" * 60_000, "not valid YAML"),
        ("x: " + "1:" * 30_000, "not valid YAML|unknown key|missing"),
        ("", "contains no keys"),
    ],
)
def test_file_that_is_no_config_is_reported_by_path(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with no_runaway(), pytest.raises(InputError, match=sentence) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 1000


def test_message_about_a_missing_file_lists_the_shipped_ones() -> None:
    with pytest.raises(InputError, match="no such config file; available: .*varnet_knee_leaderboard.yaml"):
        load_config(Path("varnet_elbow.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_config_is_found_by_name_and_builds_its_network(path: Path) -> None:
    config = load_config(Path(path.stem), ["data.train=a", "data.val=b"])
    assert config == load_config(path, ["data.train=a", "data.val=b"])
    with torch.device("meta"):  # without memory for the weights
        build(config.network.name, config.network.arguments)


@pytest.mark.parametrize(("name", "mask"), [("knee", MaskKind.RANDOM), ("brain", MaskKind.EQUISPACED_FRACTION)])
def test_leaderboard_configs_are_fastmris(name: str, mask: MaskKind) -> None:
    config = load_config(Path(f"varnet_{name}_leaderboard.yaml"))
    network = {"num_cascades": 12, "sens_chans": 8, "sens_pools": 4, "chans": 18, "pools": 4}
    assert config.network.arguments == network
    assert config.data.samplings == (Sampling(mask, 4, 0.08), Sampling(mask, 8, 0.04))
    assert config.epochs == 50
    assert config.optimizer == OptimizerConfig(lr=3e-4, lr_step=40, lr_gamma=0.1, weight_decay=0)
    assert config.training.loss == {"ssim": 1}
    assert [config.accumulation(processes) for processes in (1, 8, 32)] == [32, 4, 1]


def test_config_is_a_round_trip_through_yaml(file: Path) -> None:
    config = load_config(file, ["max_minutes=2"])
    file.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    assert load_config(file) == config


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("data.simulation.shares.foldd=0.2", "did you mean 'data.simulation.shares.folded'"),
        ("data.simulation.shares=3", "must be a section"),
    ],
)
def test_a_wrong_share_of_the_simulation_is_reported(override: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_config(Path("varnet_general"), ["data.train=a", "data.val=b", "output=o", override])
