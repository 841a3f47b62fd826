"""The report of a comparison: one page that opens from disk, with every picture and number inside it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from matplotlib import colormaps
from matplotlib.colors import to_hex

from recon.data.storage.atomic import atomic_path
from recon.experiments.report.comparison_figure import draw
from recon.experiments.report.figures import (
    ERROR_TEXT,
    HEAT,
    NOTICE,
    Exhibit,
    Panel,
    columns,
    columns_in_band,
    encode_png,
    sampled_lines,
)
from recon.experiments.report.reliability import Reliability, draw_reliability
from recon.experiments.report.scores import (
    HEADINGS,
    Group,
    Row,
    contest,
    format_number,
    leaders,
    partition,
    scheme,
    summarise,
    versions,
)

RELIABILITY = "uncertainty.png"

R = TypeVar("R", Row, Group)


def write_report(
    output: Path,
    rows: Iterable[Row],
    exhibits: Iterable[Exhibit],
    protocol: Mapping[str, Any],
    notes: Sequence[str],
    reliabilities: Mapping[str, Reliability] | None = None,
) -> None:
    """Write `report.html` and, one for each exhibit, `figures/*.png`.

    Parameters
    ----------
    output
        Folder, made if missing.
    rows
        Scores; those of a file without a target are listed apart and enter no mean.
    exhibits
        Slices to show.
    protocol
        What must be known to repeat the numbers; of its values, `methods` maps each method to its parameters.
    notes
        Sentences that the reader should see first.
    reliabilities
        How the uncertainty of each method compares with its errors; becomes `figures/uncertainty.png` too.
    """
    rows, exhibits = list(rows), list(exhibits)
    for number, exhibit in enumerate(exhibits, start=1):
        with atomic_path(output / "figures" / _file_name(number, exhibit)) as temporary:
            draw(exhibit).savefig(temporary, format="png", pil_kwargs={"optimize": True})
    if reliabilities:
        with atomic_path(output / "figures" / RELIABILITY) as temporary:
            draw_reliability(reliabilities).savefig(temporary, format="png")
    page = _template().render(
        notice=NOTICE,
        notes=notes,
        protocol={key: value for key, value in protocol.items() if key != "methods"},
        methods=protocol.get("methods", {}),
        versions=versions(),
        files=sorted({row.file for row in rows} | {exhibit.file for exhibit in exhibits}),
        summary=_contests(summarise(rows)),
        volumes=_contests([row for row in rows if row.scored]),
        unscored=[row for row in rows if not row.scored],
        exhibits=exhibits,
        reliability=_encode((output / "figures" / RELIABILITY).read_bytes()) if reliabilities else None,
        error_text=ERROR_TEXT,
        error_colours=[to_hex(colormaps[HEAT](level)) for level in np.linspace(0, 1, 9)],
    )
    with atomic_path(output / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("recon.experiments.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "headings": HEADINGS,
        "score": format_number,
        "leaders": leaders,
        "columns": columns,
        "columns_in_band": columns_in_band,
        "sampled_lines": sampled_lines,
    }
    environment.filters |= {"plain": _plain, "source": _source, "frame": _frame}
    return environment.get_template("report.html")


def _contests(results: Sequence[R]) -> dict[str, list[list[R]]]:
    """By scheme, one table each, the lists of results that compete with each other."""
    return {
        name: list(partition(of_scheme, contest).values()) for name, of_scheme in partition(results, scheme).items()
    }


def _source(panel: Panel) -> str:
    return _encode(encode_png(panel))


def _encode(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _frame(panel: Panel) -> str:
    """Place a panel's frame over its picture, in CSS."""
    sides = zip(("top", "left"), ("height", "width"), panel.frame or (), panel.values.shape, strict=True)
    return ";".join(
        f"{near}:{100 * span.start / whole:.2f}%;{size}:{100 * (span.stop - span.start) / whole:.2f}%"
        for near, size, span, whole in sides
    )


def _file_name(number: int, exhibit: Exhibit) -> str:
    stem = re.sub(r"[^\w-]+", "_", Path(exhibit.file).stem)
    kind = exhibit.mask_kind.replace(" ", "_")
    return f"{number:02d}_{stem}_slice{exhibit.slice}_{exhibit.acceleration:.3g}x_{kind}.png"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
