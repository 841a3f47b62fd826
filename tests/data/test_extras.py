from importlib import import_module

import pytest

from recon.data.extras import MissingExtraError, extra


def test_the_missing_package_and_its_extra_are_named() -> None:
    sentence = r"^the report needs nowhere: pip install 'unrolled-recon\[report\]'$"
    with pytest.raises(MissingExtraError, match=sentence), extra("report", "the report"):
        import_module("nowhere.at_all")


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("No module named 'recon.x'", name="recon.x"), ImportError("no")]
)
def test_a_mistake_of_ours_stays_what_it_is(error: ImportError) -> None:
    with pytest.raises(type(error), match=str(error)), extra("report", "the report"):
        raise error
