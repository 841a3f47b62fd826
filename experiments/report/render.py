"""Renders the templates of report pages with what all pages share."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(name: str, **shared: Any) -> Template:
    """Return a page template, which escapes all text.

    Parameters
    ----------
    name
        Name of a file in `templates`.
    shared
        Functions and filters, by name, that the template uses; the filter `plain` formats any value.
    """
    environment = Environment(
        loader=PackageLoader("recon.experiments.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    environment.globals |= shared
    return environment.get_template(name)


def encode(picture: bytes, kind: str = "png") -> str:
    """Return a picture of some format as the source of an image, so that the page needs no other file."""
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"


def plain(value: Any) -> str:
    """Format a value of a protocol as text."""
    if isinstance(value, Mapping):
        items = {key: f"({plain(item)})" if isinstance(item, Mapping) else plain(item) for key, item in value.items()}
        return ", ".join(f"{key} = {item}" for key, item in items.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
