from recon.data.suggestion import did_you_mean


def test_a_near_word_is_named_and_a_far_one_gets_the_list() -> None:
    assert did_you_mean("senes", ["sense", "grappa"]) == "; did you mean 'sense'?"
    assert did_you_mean("x", ["sense", "grappa"]) == "; there are grappa, sense"
    assert did_you_mean("x", []) == "; there are none"
