"""Write the report of a comparison: one HTML page that holds every number and picture and opens from disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from recon.data.storage.atomic import atomic_path
from recon.data.versions import versions
from recon.experiments.report.coverage import SetCoverage, coverage_headings
from recon.experiments.report.lead import DEFINITION, lead_numbers, leads
from recon.experiments.report.pictures.comparison_figure import draw_comparison
from recon.experiments.report.pictures.page_pictures import choose_quality, source
from recon.experiments.report.pictures.panels import (
    ERROR_GAIN,
    ERROR_TEXT,
    HEAT,
    NOTICE,
    Panel,
    SliceComparison,
    bands_of,
    columns,
    columns_in_band,
    sampled_lines,
)
from recon.experiments.report.reliability import Reliability, draw_reliability
from recon.experiments.report.render import encode, template
from recon.experiments.report.scores.means import (
    ALL,
    MeanScore,
    best_metrics,
    comparison_key,
    sampling_title,
    summarise,
)
from recon.experiments.report.scores.score import HEADINGS, MethodScore, format_number, partition
from recon.experiments.report.scores.series import HEADINGS as SERIES_HEADINGS
from recon.experiments.report.scores.series import SeriesScore, series_numbers
from recon.experiments.report.scores.table import NARROW
from recon.experiments.report.viewer.encoding import LEVELS
from recon.experiments.report.viewer.niivue import niivue

RELIABILITY = "uncertainty.png"

S = TypeVar("S", MethodScore, MeanScore)

LONGEST_STEM = 60
"""Number of characters of a scan's name in the name of its figure."""


def write_report(
    output: Path,
    scores: Iterable[MethodScore],
    comparisons: Iterable[SliceComparison],
    protocol: Mapping[str, Any],
    notes: Sequence[str],
    reliabilities: Mapping[str, Reliability] | None = None,
    coverages: Sequence[SetCoverage] = (),
    series_scores: Sequence[SeriesScore] = (),
) -> None:
    """Write `report.html`, and one file `figures/*.png` per slice.

    Parameters
    ----------
    output
        Folder for the report; created if missing.
    scores
        Scores of every volume; volumes without a target are listed separately and enter no mean.
    comparisons
        Slices to show.
    protocol
        Everything needed to repeat the numbers; its entry `methods` maps each method to its parameters.
    notes
        Sentences that the reader should see first.
    reliabilities
        Predicted against true errors of each method; also written to `figures/uncertainty.png`.
    coverages
        Shares of the pixels whose errors stay within their bounds, of each volume.
    series_scores
        Scores of the frames of each series.
    """
    scores, comparisons = list(scores), list(comparisons)
    for number, comparison in enumerate(comparisons, start=1):
        with atomic_path(output / "figures" / _file_name(number, comparison)) as temporary:
            draw_comparison(comparison).savefig(temporary, format="png", pil_kwargs={"optimize": True})
    if reliabilities:
        with atomic_path(output / "figures" / RELIABILITY) as temporary:
            draw_reliability(reliabilities).savefig(temporary, format="png")
    payloads, quality = _payloads(comparisons), choose_quality(comparisons)
    page = template(
        "report.html",
        headings=HEADINGS,
        format_number=format_number,
        best_metrics=best_metrics,
        columns=columns,
        columns_in_band=columns_in_band,
        sampled_lines=sampled_lines,
        bands_of=bands_of,
        source=partial(source, quality=quality),
        line=source,
        frame=_frame,
        overall=_overall,
        main_headings={name: HEADINGS[name] for name in NARROW},
        levels=LEVELS,
        error_gain=ERROR_GAIN,
        viewer=lambda comparison: _viewer(comparison, payloads),
    ).render(
        notice=NOTICE,
        notes=notes,
        protocol={key: value for key, value in protocol.items() if key != "methods"},
        methods=protocol.get("methods", {}),
        versions=versions(),
        files=sorted({score.file for score in scores} | {comparison.file for comparison in comparisons}),
        summary=_tables(summarise(scores)),
        leads=list(partition(leads(scores), lambda lead: (lead.acceleration, lead.method)).values()),
        definition=DEFINITION,
        volumes=_tables([score for score in scores if score.scored]),
        unscored=[score for score in scores if not score.scored],
        comparisons=comparisons,
        reliability=encode((output / "figures" / RELIABILITY).read_bytes()) if reliabilities else None,
        coverages=coverages,
        coverage_headings=coverage_headings(coverages[0].stated) if coverages else (),
        series_scores=series_scores,
        series_headings=SERIES_HEADINGS,
        series_numbers=series_numbers,
        lead_numbers=lead_numbers,
        error_text=ERROR_TEXT,
        payloads=payloads,
        quality=quality,
        library=niivue() if payloads else "",
        error_colours=[to_hex(colormaps[HEAT](level)) for level in np.linspace(0, 1, 9)],
    )
    with atomic_path(output / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")


def _tables(scores: Sequence[S]) -> dict[str, list[list[S]]]:
    """Group scores into one table per mask and seeds, and each table into blocks of comparable methods."""
    return {
        title: list(partition(members, comparison_key).values())
        for title, members in partition(scores, sampling_title).items()
    }


def _overall(blocks: Sequence[Sequence[MeanScore]]) -> list[Sequence[MeanScore]]:
    """Choose the means over all contrasts; those of a single contrast where there is no other."""
    protocols = partition(blocks, lambda block: (block[0].acceleration, f"{block[0].center_fraction:g}"))
    chosen = ([one for one in group if one[0].acquisition == ALL] or group for group in protocols.values())
    return [block for group in chosen for block in group]


def _payloads(comparisons: Iterable[SliceComparison]) -> dict[str, str]:
    """Give each encoded image of the viewers an identifier; a target that several share is on the page once."""
    encoded = (one for comparison in comparisons if comparison.viewer for one in comparison.viewer.encoded.values())
    return {one: f"images-{number}" for number, one in enumerate(dict.fromkeys(encoded))}


def _viewer(comparison: SliceComparison, payloads: Mapping[str, str]) -> dict[str, Any]:
    """Return what the script must know of a comparison."""
    if comparison.viewer is None:
        return {}
    volumes = {name: payloads[one] for name, one in comparison.viewer.encoded.items()}
    return {**comparison.viewer.description, "names": list(volumes), "volumes": volumes}


def _frame(panel: Panel) -> str:
    """Return the CSS that places a panel's frame over its picture."""
    sides = zip(("top", "left"), ("height", "width"), panel.frame or (), panel.values.shape, strict=True)
    return ";".join(
        f"{near}:{100 * span.start / whole:.2f}%;{size}:{100 * (span.stop - span.start) / whole:.2f}%"
        for near, size, span, whole in sides
    )


def _file_name(number: int, comparison: SliceComparison) -> str:
    stem = re.sub(r"[^\w-]+", "_", Path(comparison.file).stem)[:LONGEST_STEM]
    kind = comparison.mask_kind.replace(" ", "_")
    return f"{number:02d}_{stem}_slice{comparison.slice}_{comparison.acceleration:.3g}x_{kind}.png"
