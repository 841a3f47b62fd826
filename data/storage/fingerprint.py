"""Hashes files, so that a stored result is taken for another one's as seldom as can be."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

BLOCK = 2**18
"""Bytes of a block of a large file."""

BLOCKS = 256
"""Number of blocks, evenly spread over a large file, that enter its quick hash."""


def fingerprint(path: Path) -> dict[str, Any]:
    """Return the name, the size, the time of the last change and a quick hash of a file.

    The quick hash covers all bytes of a file of up to 64 MiB, and evenly spread blocks of a larger one.
    """
    stat = path.stat()
    digest = _quick_sha256(path.resolve(), stat.st_size, stat.st_mtime_ns)
    return {"name": path.name, "bytes": stat.st_size, "modified": stat.st_mtime_ns, "quick sha256": digest}


def content_sha256(paths: Iterable[Path]) -> str:
    """Return one SHA-256 of the sizes and quick hashes of files in the given order, whenever they were changed."""
    prints = [(found["bytes"], found["quick sha256"]) for found in map(fingerprint, paths)]
    return hashlib.sha256(repr(prints).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Return the SHA-256 of all bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(paths: Iterable[Path], start: str = "") -> str:
    """Return one SHA-256 of the names and contents of files, in the order of their paths, and of a text before."""
    digest = hashlib.sha256(start.encode())
    for path in sorted(paths):
        digest.update(f"{path.name} {sha256(path)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


@cache
def package_sha256() -> str:
    """Return the SHA-256 of this package's source, which a checkout and an installed package have alike."""
    sources: list[Path] = []
    for folder, _, names in os.walk(Path(__file__).parents[2], followlinks=True):
        sources += [Path(folder) / name for name in names if name.endswith(".py")]
    return sha256_of(sources)


def code_sha256(*methods: object) -> str:
    """Return the SHA-256 of the source of this package, and of the plugins that define some methods."""
    plugins = {source for method in methods for source in _plugin_sources(method)}
    return sha256_of(plugins, package_sha256()) if plugins else package_sha256()


def _plugin_sources(method: object) -> set[Path]:
    sources: set[Path] = set()
    for cls in type(method).__mro__:
        if cls.__module__.partition(".")[0] not in {"recon", "builtins", "abc", "typing"}:
            with suppress(OSError, TypeError):  # defined where there is no file
                sources.add(Path(inspect.getfile(cls)))
    if is_dataclass(method):  # a method may wrap others
        values = [getattr(method, field.name) for field in fields(method)]
        parts = chain.from_iterable(value if isinstance(value, tuple) else [value] for value in values)
        sources = sources.union(*(_plugin_sources(part) for part in parts if is_dataclass(part)))
    return sources


@lru_cache(maxsize=4096)
def _quick_sha256(path: Path, size: int, _modified: int) -> str:
    if size <= BLOCK * BLOCKS:
        return sha256(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in range(BLOCKS):
            file.seek(block * (size - BLOCK) // (BLOCKS - 1))
            digest.update(file.read(BLOCK))
    return digest.hexdigest()
