"""Record which image files belong to a scan, how they were made, and what they contain."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recon.data.errors import InputError
from recon.data.images import WARNING
from recon.data.storage.atomic import atomic_path
from recon.data.storage.fingerprint import sha256

LARGEST = 2**26
"""Bytes of the largest record that is read."""


@dataclass
class ImageRecord:
    """Content of the JSON file beside the images of a scan.

    Attributes
    ----------
    path
        The JSON file.
    protocol
        Everything on which the images depend; None for images that came from a server.
    seconds
        Time to reconstruct the images.
    files
        SHA-256 of each file by its path relative to the record's folder. It is None from before a file is replaced
        until all images of its format are complete, and for files of an earlier protocol.
    """

    path: Path
    protocol: dict[str, Any] | None = None
    seconds: float | None = None
    files: dict[str, str | None] = field(default_factory=dict)

    def owns(self, file: Path) -> bool:
        """Return whether this program wrote a file, or may have."""
        return self._key(file) in self.files

    def is_complete(self, protocol: Mapping[str, Any], files: Iterable[Path]) -> bool:
        """Return whether files were made under a protocol, and have not changed since they were written."""
        if self.protocol != _as_stored(protocol):
            return False
        hashes = {file: self.files.get(self._key(file)) for file in files}
        return all(found is not None and found == _sha256(file) for file, found in hashes.items())

    def begin(self, protocol: Mapping[str, Any] | None, seconds: float | None, files: Iterable[Path]) -> None:
        """Record on disk that files are going to be replaced, before they are."""
        stored = _as_stored(protocol)
        if stored != self.protocol:
            self.files = dict.fromkeys(self.files)
        self.protocol, self.seconds = stored, seconds
        self.files |= dict.fromkeys(map(self._key, files))
        self._write()

    def finish(self, files: Iterable[Path]) -> None:
        """Record on disk what files contain that are complete, and forget what their folders held before."""
        complete: dict[str, str | None] = {self._key(file): sha256(file) for file in files}
        folders = {os.path.dirname(name) for name in complete}  # noqa: PTH120 - a part of the name
        kept = {name: value for name, value in self.files.items() if os.path.dirname(name) not in folders}  # noqa: PTH120
        there = {name: self.files[name] for name in self.files if os.path.lexists(self.path.parent / name)}
        self.files = kept | there | complete
        self._write()

    def _key(self, file: Path) -> str:
        return os.path.relpath(file, self.path.parent)

    def _write(self) -> None:
        content = {name: value for name, value in asdict(self).items() if name != "path"} | {"use": WARNING}
        with atomic_path(self.path) as temporary:
            temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")


def read_record(path: Path) -> ImageRecord:
    """Read the record of a scan's images; an empty one if there is none.

    Raises
    ------
    InputError
        If there is a file that `ImageRecord` has not written.
    """
    if not os.path.lexists(path):
        return ImageRecord(path)
    try:
        if path.stat().st_size <= LARGEST:
            content = json.loads(path.read_text(encoding="utf-8"))
            if _is_record(content):
                return ImageRecord(path, content["protocol"], content["seconds"], content["files"])
    except (OSError, ValueError, RecursionError):
        pass
    raise InputError(
        f"{path}: exists already and is not this program's record of images; give another --output, or --overwrite"
    )


def _is_record(content: Any) -> bool:
    """Return whether the content of a JSON file is that of a record; anybody may have edited it."""
    return (
        isinstance(content, dict)
        and set(content) == {"protocol", "seconds", "files", "use"}
        and isinstance(content["protocol"], dict | None)
        and isinstance(content["seconds"], float | int | None)
        and isinstance(content["files"], dict)
        and all(isinstance(value, str | None) for value in content["files"].values())
        and content["use"] == WARNING
    )


def _as_stored(protocol: Mapping[str, Any] | None) -> Any:
    return json.loads(json.dumps(protocol))


def _sha256(path: Path) -> str | None:
    try:
        return sha256(path)
    except OSError:
        return None
