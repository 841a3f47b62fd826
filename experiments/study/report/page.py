"""Write the report of a study: one HTML page with tables, box plots and pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from recon.data.storage.atomic import atomic_path
from recon.data.versions import versions
from recon.experiments.report.pictures.panels import NOTICE
from recon.experiments.report.render import encode, template
from recon.experiments.study.config import StudyConfig
from recon.experiments.study.measure import MEASURES
from recon.experiments.study.report.figures import draw_boxes, draw_subject
from recon.experiments.study.report.pictures import SubjectPictures
from recon.experiments.study.report.table import format_mean, format_q, format_value
from recon.experiments.study.results import StudyResults

BOXES = "boxes.png"

LONGEST_STEM = 60
"""Number of characters of a scan's name in the name of its figure."""


def write_page(
    output: Path,
    config: StudyConfig,
    results: StudyResults,
    pictures: Sequence[SubjectPictures],
    protocol: Mapping[str, Any],
    notes: Sequence[str],
) -> None:
    """Write `report.html`, and `figures/boxes.png` and one figure for each subject.

    Parameters
    ----------
    output
        Folder for the report; created if missing.
    config
        The study.
    results
        All values and tests.
    pictures
        Subjects to show.
    protocol
        Everything needed to repeat the numbers.
    notes
        Sentences that the reader should see first.
    """
    shown = {
        one.name: _save(output / "figures" / _file_name(number, one.name), draw_subject(one))
        for number, one in enumerate(pictures, start=1)
    }
    page = template("study.html").render(
        notice=NOTICE,
        title=config.title,
        notes=notes,
        results=results,
        measures={measure: MEASURES[measure] for measure in results.measures},
        arms=config.arms,
        methods=protocol["methods"],
        protocol={key: value for key, value in protocol.items() if key not in {"methods", "study", "measures"}},
        config=config,
        boxes=_save(output / "figures" / BOXES, draw_boxes(results)),
        pictures=shown,
        versions=versions(),
        format_mean=format_mean,
        format_q=format_q,
        format_value=format_value,
    )
    with atomic_path(output / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")


def _save(path: Path, figure: Figure) -> str:
    """Save a figure, and return it as the source of an image of the page."""
    content = BytesIO()
    figure.savefig(content, format="png", facecolor=figure.get_facecolor(), pil_kwargs={"optimize": True})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getvalue())
    return encode(content.getvalue())


def _file_name(number: int, subject: str) -> str:
    stem = re.sub(r"[^\w-]+", "_", subject)[:LONGEST_STEM]
    return f"{number:02d}_{stem}.png"
