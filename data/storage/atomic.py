"""Writes files that appear complete or not at all."""

import errno
import os
import platform
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon.data.errors import DiskFullError

DISK_FULL_CODES = (errno.ENOSPC, errno.EDQUOT)

DISK_FULL_MESSAGES = re.compile(
    "|".join(
        [*(rf"(errno = |Errno |os error ){number}\b" for number in DISK_FULL_CODES), r"requested and \d+ written"]
    )
)
"""Messages of HDF5, pydicom, safetensors and NumPy, which do not keep the number of the error."""


LONGEST_START = 40
"""Number of letters of a file's name that its temporary file repeats, so that the longest names can be written."""

MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
"""Short name of this computer in the names of temporary files; a folder may be shared by several."""

PART = re.compile(rf"\..*\.{MACHINE}-(\d+)-\w+\.part", re.DOTALL)
"""Names of the temporary files of this computer, with the number of the process that writes to them."""

_cleaned: dict[Path, int] = {}
"""Time at which each folder was last changed, when it held no file of a killed process."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; rename it to `path` if the block succeeds, remove it otherwise.

    Temporary files that killed processes left in the same folder are removed first.

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
        raise DiskFullError(
            f"{path}: could not be written, the disk is full; what was saved before is kept"
        ) from error


def clean_parts(folder: Path) -> None:
    """Remove temporary files that processes of this computer left in a folder when they were killed."""
    try:
        changed = folder.stat().st_mtime_ns
        if _cleaned.get(folder) == changed:  # nobody but this process has written to the folder since
            return
        with os.scandir(folder) as entries:
            matches = [match for entry in entries if (match := PART.fullmatch(entry.name))]
        for match in matches:
            if not _is_running(int(match[1])):
                (folder / match[0]).unlink(missing_ok=True)
    except OSError:  # what cannot be listed or removed does not matter to what is written
        return


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    clean_parts(path.parent)
    prefix = f".{path.name[:LONGEST_START]}.{MACHINE}-{os.getpid()}-"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        _cleaned[path.parent] = path.parent.stat().st_mtime_ns


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it belongs to somebody else, or is no number of a process
        return True
    return True


def _is_full(error: Exception) -> bool:
    return getattr(error, "errno", None) in DISK_FULL_CODES or DISK_FULL_MESSAGES.search(str(error)) is not None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
