"""Reads NiiVue, the viewer's library, as a page embeds it."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from importlib.resources import files


@cache
def niivue() -> str:
    """Return NiiVue's script, compressed by gzip and in base64 (BSD licence, see `niivue.LICENSE.txt`)."""
    return b64encode(files(__package__).joinpath("niivue.umd.js.gz").read_bytes()).decode()
