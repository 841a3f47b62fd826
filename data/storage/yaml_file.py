"""Reads YAML that may be hostile: no tags, bounded size, depth and repetition, and no key twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from recon.data.errors import InputError, printable

LARGEST_FILE, MOST_VALUES = 2**17, 10_000
"""Largest number of bytes and of values of a file."""

LONGEST_REASON = 300

MERGE = "tag:yaml.org,2002:merge"


def read_yaml(path: Path) -> Any:
    """Read a file.

    Raises
    ------
    InputError
        If it is too large or not valid YAML.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path}: has {path.stat().st_size} bytes, more than the limit of {LARGEST_FILE} for YAML")
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: is not valid YAML ({printable(str(error), LONGEST_REASON)})") from error


class _Loader(yaml.SafeLoader):
    """Reads `1e-3` and `1.5e3` as numbers too, dates as text, and refuses a key that appears twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - never changed
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":float"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping whose keys differ."""
        keys = [self.construct_object(key, deep=True) for key, _ in getattr(node, "value", ()) if key.tag != MERGE]
        twice = next((key for number, key in enumerate(keys) if key in keys[:number]), None)
        if twice is not None:
            raise ValueError(f"the key {twice!r} appears twice{node.start_mark}")
        return super().construct_mapping(node, deep)


# YAML 1.1 knows only 1.0e-3 and 1.5e+3; its pattern also accepts 1:30.5, a number to the base 60.
_FLOAT = re.compile(
    r"[-+]?((\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)[eE][-+]?\d+|\d[\d_]*\.[\d_]*|\.\d[\d_]*|\.(inf|Inf|INF))$"
    r"|\.(nan|NaN|NAN)$"
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def parse_yaml(text: str) -> Any:
    """Convert YAML to plain values.

    Raises
    ------
    ValueError
        If it is not valid YAML, or its aliases stand for too many values.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES} values")  # noqa: TRY301 - as the parser's own errors
        return loader.construct_document(node)
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(" ".join(str(error).split())) from error


def _size(node: Any, sizes: dict[int, int]) -> int:
    """Count the values under a node, each as often as aliases repeat it; a node within itself counts as infinite."""
    if id(node) not in sizes:
        sizes[id(node)] = MOST_VALUES + 1
        value = node.value if isinstance(node.value, list) else []
        parts = [part for item in value for part in (item if isinstance(item, tuple) else (item,))]
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(node)]
