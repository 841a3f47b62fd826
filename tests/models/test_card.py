from pathlib import Path

import pytest

from data.errors import InputError
from helpers.weights import TRAINED, write_weights
from models.card import Card, card_path, read_card, write_card
from models.checkpoint import load_model


def test_what_is_written_is_read(tmp_path: Path) -> None:
    card = Card(
        sha256="0" * 64,
        licence="MIT",
        trained=TRAINED,
        data=({"name": "heads", "origin": "somewhere", "licence": "CC0"},),
        metrics={"brain, random 4x": {"ssim": 0.9, "psnr": 35.0, "slices": 2}},
    )
    write_card(tmp_path / "weights.safetensors", card)
    assert read_card(tmp_path / "weights.safetensors") == card


def test_weights_without_a_card_are_weights(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "weights.safetensors")
    assert load_model(path).card is not None
    card_path(path).unlink()
    assert load_model(path).card is None


def test_weights_that_the_card_does_not_describe_are_refused_in_a_sentence(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "weights.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.safetensors: is damaged or another file than weights\.json"):
        load_model(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": "short"}', f'{{"sha256": "{"0" * 64}", "noise": 3}}'])
def test_what_is_no_card_is_named(tmp_path: Path, text: str) -> None:
    path = write_weights(tmp_path / "weights.safetensors")
    card_path(path).write_text(text)
    with pytest.raises(InputError, match=r"weights\.json: is no card") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_the_range_is_told_in_a_line() -> None:
    assert str(TRAINED) == "2 to 10x, 3 to 16 % at the centre, 2 to 32 coils, matrix 24 to 384"
