"""Encodes the pictures of a page: without loss if they are few, or else with as little as a small page allows."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, features

from recon.experiments.report.pictures.panels import Panel, SliceComparison, columns, encode_picture
from recon.experiments.report.render import encode

LIMIT = 15_000_000
"""Number of bytes that the pictures of a page may have without being compressed further."""

QUALITIES = (90, 80, 65)
"""Qualities of WebP that are tried one after the other."""


def source(panel: Panel, quality: int | None = None) -> str:
    """Return a panel as the source of an image.

    Parameters
    ----------
    panel
        The panel.
    quality
        Quality of WebP; None for PNG, which loses nothing.
    """
    content, kind = encode_picture(panel)
    if quality is None or panel.movie is not None:
        return encode(content, kind)
    buffer = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").save(buffer, format="webp", quality=quality)
    smaller = buffer.getvalue()
    return encode(smaller, "webp") if len(smaller) < len(content) else encode(content, kind)


def choose_quality(comparisons: Sequence[SliceComparison], limit: int = LIMIT) -> int | None:
    """Return the best quality at which all pictures, if they are like the middle one, stay below a limit.

    Parameters
    ----------
    comparisons
        The pictures of the page.
    limit
        Number of bytes on the page.

    Returns
    -------
    int | None
        Quality of WebP; None if nothing need be lost, or Pillow was built without WebP.
    """
    if not comparisons or not features.check("webp"):
        return None
    middle = comparisons[len(comparisons) // 2]
    panels = [panel for column in columns(middle) for row in column.rows for panel in row if panel]
    for quality in (None, *QUALITIES):
        if len(comparisons) * sum(len(source(panel, quality)) for panel in panels) <= limit:
            return quality
    return QUALITIES[-1]
