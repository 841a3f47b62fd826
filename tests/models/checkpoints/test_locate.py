from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

from helpers.learned.weights import ship, write_weights
from recon.data.errors import InputError
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.locate import locate, shipped_weights, weights_folder

LARGEST_FILE = 20_000_000


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str]]:
    """Replace the Hub by one that has every file, and record the downloads."""
    requests = []

    def download(repository: str, file: str) -> str:
        requests.append((repository, file))
        return str(write_weights(tmp_path / "cache" / "downloaded.safetensors"))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return requests


def test_a_file_is_found_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, downloads: list[Any]) -> None:
    path = write_weights(tmp_path / "owner" / "weights")
    monkeypatch.chdir(tmp_path)
    assert locate(path) == path
    assert locate("owner/weights") == Path("owner/weights")
    assert not downloads


def test_shipped_weights_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ship(monkeypatch, tmp_path)
    assert locate("varnet-general") == path
    assert shipped_weights() == {"varnet-general": path}
    with pytest.raises(InputError, match="did you mean 'varnet-general'"):
        locate("varnet-generl")


def test_a_folder_named_like_shipped_weights_does_not_hide_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    path = ship(monkeypatch, shipped)
    (tmp_path / "varnet-general").mkdir()
    monkeypatch.chdir(tmp_path)
    assert locate("varnet-general") == path


def test_the_folder_of_shipped_weights_is_part_of_the_package() -> None:
    assert (weights_folder() / "__init__.py").is_file()


@pytest.mark.parametrize("path", shipped_weights().values(), ids=shipped_weights())
def test_shipped_weights_are_small_and_their_card_is_complete(path: Path) -> None:
    assert path.stat().st_size <= LARGEST_FILE
    card = load_model(path).card
    assert card is not None
    assert card.trained_on != "unknown"
    assert card.licence
    assert card.data
    assert card.metrics
    assert "research use only" in path.with_suffix(".md").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(
    ("name", "repository", "file"),
    [
        ("owner/net:model.safetensors", "owner/net", "model.safetensors"),
        ("owner/net:brain/weights.pt", "owner/net", "brain/weights.pt"),
        ("owner/net.v2:model.ckpt", "owner/net.v2", "model.ckpt"),
    ],
)
def test_weights_are_downloaded_from_a_repository(
    downloads: list[Any], name: str, repository: str, file: str
) -> None:
    assert locate(name).name == "downloaded.safetensors"
    assert downloads == [(repository, file)]


@pytest.mark.parametrize(
    "name",
    [
        "none.pt",
        "network/best.safetensors",
        "a/b/c",
        "/nowhere",
        "owner/net:",
        "runs/best",
        "owner/net",
        "../x",
        "./x",
        "a b/c",
    ],
)
def test_a_name_that_can_only_be_a_file_is_not_sought_on_the_hub(downloads: list[Any], name: str) -> None:
    with pytest.raises(InputError, match="no such checkpoint file"):
        locate(name)
    assert not downloads


def test_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, downloads: list[Any]) -> None:
    (tmp_path / "runs" / "first").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="runs/first: is a folder"):
        locate("runs/first")
    assert not downloads


@pytest.mark.parametrize(
    "error",
    [LocalEntryNotFoundError("no connection.\nMore."), OfflineModeIsEnabled("offline"), ValueError("a wrong name")],
)
def test_a_failed_download_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def download(repository: str, file: str) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(
        InputError, match=r"owner/net:model\.safetensors: no such file, and it cannot be downloaded"
    ) as caught:
        locate("owner/net:model.safetensors")
    assert "\n" not in str(caught.value)
