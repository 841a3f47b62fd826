"""Writes files that appear complete or not at all."""

import errno
import filecmp
import os
import platform
import re
import shutil
import tempfile
import zlib
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


LONGEST_START = 40
"""Number of letters of a file's name that its temporary file repeats, so that the longest names can be written."""

MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
"""Short name of this computer in the names of temporary files; a folder may be shared by several."""

PART_SUFFIX = ".part"

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
    InputError
        If the name is too long for the file system.
    OSError
        If the file cannot be written for another reason; it names `path`.
    """
    with _errors_of(path), _temporary(path) as temporary:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)


@contextmanager
def atomic_files(path: Path, overwrite: bool) -> Iterator[Path]:
    """Yield a path in a temporary folder; move what the block writes into the folder to that of `path`.

    Parameters
    ----------
    path
        Path of the finished file; other files that the block writes get their names in the same folder.
    overwrite
        Whether existing files of other content may be replaced.

    Raises
    ------
    InputError
        If a file exists already and its content is different.
    DiskFullError
        If the disk or the quota is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clean_parts(path.parent)
    with (
        _errors_of(path),
        tempfile.TemporaryDirectory(dir=path.parent, prefix=_part_prefix(path), suffix=PART_SUFFIX) as folder,
    ):
        yield Path(folder) / path.name
        written = sorted(Path(folder).iterdir())
        targets = [path.parent / file.name for file in written]
        for file, target in zip(written, targets, strict=True):
            if os.path.lexists(target) and not overwrite and not _is_same(file, target):
                raise InputError(f"{target}: exists already and is different; give another output, or --overwrite")
        for target in targets[1:]:  # files that belong together are never old and new at once
            target.unlink(missing_ok=True)
        for file, target in zip(written, targets, strict=True):
            file.replace(target)


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Name the finished file in errors of its temporary one, and tell a full disk."""
    try:
        yield
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENAMETOOLONG:
            raise InputError(
                f"{path}: the name is too long for the file system; give the input a shorter one"
            ) from error
        if _is_full(error):
            raise DiskFullError(
                f"{path}: could not be written, the disk is full; what was saved before is kept"
            ) from error
        if (
            isinstance(error, OSError)
            and error.errno is not None
            and PART_SUFFIX in str(error.filename or PART_SUFFIX)
        ):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def check_writable(folder: Path) -> None:
    """Refuse a folder to which nothing can be written, before hours are spent on what would go there.

    Raises
    ------
    InputError
        If the folder, or the folder in which it would be created, is a file or belongs to somebody else.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        raise InputError(f"{folder}: {there} is not a folder; give another --output")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: {there} is not writable; give another --output")


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
                _remove(folder / match[0])
    except OSError:  # what cannot be listed or removed does not matter to what is written
        return


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    clean_parts(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_part_prefix(path), suffix=PART_SUFFIX)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        _cleaned[path.parent] = path.parent.stat().st_mtime_ns


def _part_prefix(path: Path) -> str:
    return f".{path.name[:LONGEST_START]}.{MACHINE}-{os.getpid()}-"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_same(file: Path, other: Path) -> bool:
    return other.is_file() and filecmp.cmp(file, other, shallow=False)


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
