"""Name the extra of this package that installs a missing optional dependency."""

from collections.abc import Iterator
from contextlib import contextmanager

from recon.data.errors import InputError


class MissingExtraError(InputError):
    """An optional dependency is not installed; the message says which extra brings it."""


@contextmanager
def extra(name: str, purpose: str) -> Iterator[None]:
    """Turn the failed import of an optional dependency into one sentence that names its extra.

    Parameters
    ----------
    name
        Extra of `unrolled-recon` that installs what is imported inside the `with` block.
    purpose
        Purpose of the import, as the subject of a sentence, for example `training`.

    Raises
    ------
    MissingExtraError
        If a package other than this one cannot be found.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "recon"):
            raise
        raise MissingExtraError(f"{purpose} needs {package}: pip install 'unrolled-recon[{name}]'") from error
