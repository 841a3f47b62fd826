"""Files that appear whole or not at all."""

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon.data.errors import DiskFullError

FULL = (errno.ENOSPC, errno.EDQUOT)

FULL_IN_WORDS = re.compile(
    "|".join([*(rf"(errno = |Errno |os error ){number}\b" for number in FULL), r"requested and \d+ written"])
)
"""How HDF5, pydicom, safetensors and NumPy tell of it, which do not keep the number of the error."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary sibling to write to; rename it to `path` if the block ends well, remove it if not.

    Parameters
    ----------
    path
        Where the finished file shall lie; its folder is made if missing.

    Yields
    ------
    Path
        A name in the same folder, so that the rename is atomic.

    Raises
    ------
    DiskFullError
        If there is no room, or the quota is used up; the file is then what it was before.
    """
    try:
        with _temporary(path) as temporary:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    except Exception as error:
        if not _is_full(error):
            raise
        raise DiskFullError(f"{path}: was not written, the disk is full; what was saved before is kept") from error


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _is_full(error: Exception) -> bool:
    return getattr(error, "errno", None) in FULL or FULL_IN_WORDS.search(str(error)) is not None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
