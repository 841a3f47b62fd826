from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

from helpers.weights import ship, write_weights
from recon.data.errors import InputError
from recon.models.checkpoints.locate import locate


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str]]:
    """Collect what the Hub is asked for; it gives weights."""
    questions = []

    def download(repository: str, file: str) -> str:
        questions.append((repository, file))
        return str(write_weights(tmp_path / "cache" / "downloaded.safetensors"))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return questions


def test_a_file_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[Any]) -> None:
    path = write_weights(tmp_path / "owner" / "weights")
    monkeypatch.chdir(tmp_path)
    assert locate(path) == path
    assert locate("owner/weights") == Path("owner/weights")
    assert not asked


def test_shipped_weights_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ship(monkeypatch, tmp_path)
    assert locate("varnet-general") == path
    with pytest.raises(InputError, match="did you mean 'varnet-general'"):
        locate("varnet-generl")


@pytest.mark.parametrize(
    ("words", "repository", "file"),
    [
        ("owner/net", "owner/net", "model.safetensors"),
        ("owner/net:brain/weights.pt", "owner/net", "brain/weights.pt"),
        ("owner/net.v2:model.ckpt", "owner/net.v2", "model.ckpt"),
    ],
)
def test_a_repository_is_downloaded_from(asked: list[Any], words: str, repository: str, file: str) -> None:
    assert locate(words).name == "downloaded.safetensors"
    assert asked == [(repository, file)]


@pytest.mark.parametrize(
    "words", ["none.pt", "network/best.safetensors", "a/b/c", "/nowhere", "owner/net:", "../x", "./x", "a b/c"]
)
def test_what_can_be_a_file_only_is_not_looked_for_on_the_hub(asked: list[Any], words: str) -> None:
    with pytest.raises(InputError, match="there is no such checkpoint file"):
        locate(words)
    assert not asked


def test_a_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[Any]) -> None:
    (tmp_path / "runs" / "first").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="runs/first: is a folder"):
        locate("runs/first")
    assert not asked


@pytest.mark.parametrize(
    "error",
    [LocalEntryNotFoundError("no connection.\nMore."), OfflineModeIsEnabled("offline"), ValueError("a wrong name")],
)
def test_a_hub_that_has_nothing_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def download(repository: str, file: str) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(InputError, match=r"owner/net: is neither a file here nor a repository") as caught:
        locate("owner/net")
    assert "\n" not in str(caught.value)
