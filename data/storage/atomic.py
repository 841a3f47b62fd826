"""Writes files that appear complete or not at all."""

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon.data.errors import DiskFullError, InputError

DISK_FULL_CODES = (errno.ENOSPC, errno.EDQUOT)

DISK_FULL_MESSAGES = re.compile(
    "|".join(
        [*(rf"(errno = |Errno |os error ){number}\b" for number in DISK_FULL_CODES), r"requested and \d+ written"]
    )
)
"""Messages of HDF5, pydicom, safetensors and NumPy, which do not keep the number of the error."""


LONGEST_PREFIX = 48
"""Number of characters of a file's name in the name of its temporary file; together they may have 255 bytes."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; rename it to `path` if the block succeeds, remove it otherwise.

    Parameters
    ----------
    path
        Path of the finished file; its folder is created if missing.

    Yields
    ------
    Path
        Path in the same folder, so that the rename is atomic.

    Raises
    ------
    DiskFullError
        If the disk or the quota is full; an existing file at `path` is left as it was.
    InputError
        If the name is too long for the file system.
    """
    try:
        with _temporary(path) as temporary:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENAMETOOLONG:
            raise InputError(
                f"{path}: the name is too long for the file system; give the input a shorter one"
            ) from error
        if not _is_full(error):
            raise
        raise DiskFullError(
            f"{path}: could not be written, the disk is full; what was saved before is kept"
        ) from error


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:LONGEST_PREFIX]}.", suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _is_full(error: Exception) -> bool:
    return getattr(error, "errno", None) in DISK_FULL_CODES or DISK_FULL_MESSAGES.search(str(error)) is not None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
