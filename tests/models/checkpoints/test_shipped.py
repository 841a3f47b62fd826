from pathlib import Path

import pytest

from helpers.weights import ship
from recon.models.checkpoints.card import read_card
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.shipped import folder, shipped_weights

LARGEST = 20_000_000


def test_weights_are_found_by_the_name_of_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ship(monkeypatch, tmp_path)
    assert shipped_weights() == {"varnet-general": path}


def test_the_folder_is_part_of_the_package() -> None:
    assert (folder() / "__init__.py").is_file()


@pytest.mark.parametrize("path", shipped_weights().values(), ids=shipped_weights())
def test_what_ships_is_small_and_fits_its_card_which_says_where_it_comes_from(path: Path) -> None:
    assert path.stat().st_size <= LARGEST
    assert load_model(path).card is not None
    card = read_card(path)
    assert card is not None
    assert card.trained
    assert card.licence
    assert card.data
    assert card.metrics
    assert "research use only" in path.with_suffix(".md").read_text(encoding="utf-8").lower()
