import pytest

from recon.classical.sense import Sense
from recon.data.errors import InputError
from recon.registry import create, method_names


def test_text_becomes_the_type_of_the_setting() -> None:
    assert create("sense", {"lamda": "0.5", "iterations": "7"}) == Sense(lamda=0.5, iterations=7)


def test_the_nearest_right_word_is_named() -> None:
    with pytest.raises(InputError, match="did you mean 'sense'"):
        create("sence")
    with pytest.raises(InputError, match="did you mean 'lamda'"):
        create("sense", {"lambda": 1})


def test_a_value_of_the_wrong_type_is_named() -> None:
    with pytest.raises(InputError, match="method sense, setting iterations"):
        create("sense", {"iterations": "many"})


def test_every_method_works_without_settings_and_says_what_it_minimises() -> None:
    assert {"zero-filled", "sense", "grappa", "cs-wavelet", "cs-tv", "varnet"} <= set(method_names())
    for name in method_names():
        assert len((create(name).__doc__ or "").split()) > 5


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("grappa", "neighbours", "3"),
        ("grappa", "virtual_coils", "0"),
        ("cs-tv", "iterations", "0"),
        ("sense", "lamda", "-1"),
        ("sense", "lamda", "inf"),
        ("grappa", "lamda", "nan"),
        ("cs-wavelet", "lamda", "Infinity"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(name: str, setting: str, value: str) -> None:
    with pytest.raises(InputError, match=f"method {name}, setting {setting}"):
        create(name, {setting: value})
