import pytest

from recon.data.errors import LONGEST_SENTENCE, InputError, did_you_mean, plain_errors, printable


def test_a_similar_word_is_suggested_and_otherwise_all_choices_are_listed() -> None:
    assert did_you_mean("senes", ["sense", "grappa"]) == "; did you mean 'sense'?"
    assert did_you_mean("x", ["sense", "grappa"]) == "; available: grappa, sense"
    assert did_you_mean("x", []) == "; available: none"


def test_a_message_is_one_line_without_control_characters() -> None:
    assert str(InputError("a\n\tb \x1b[31mred")) == "a b ?[31mred"
    assert printable("abcdef", most=3) == "abc..."


def test_the_traceback_of_a_worker_is_stripped() -> None:
    message = (
        "Caught InputError in DataLoader worker process 0. Traceback: recon.data.errors.InputError: a.h5: is empty"
    )
    with pytest.raises(InputError, match=r"^a\.h5: is empty$"), plain_errors():
        raise InputError(message)


def test_a_long_input_is_not_echoed() -> None:
    sentence = str(InputError(f"/data/scan.h5: unknown {'x' * 100_000}; give another one"))
    assert len(sentence) < LONGEST_SENTENCE + 10
    assert sentence.startswith("/data/scan.h5: unknown x")
    assert sentence.endswith("x; give another one")
