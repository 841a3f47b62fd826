"""Lays out mean scores for the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.experiments.report.scores.means import MeanScore, Statistic, comparison_key, sampling_title, summarise
from recon.experiments.report.scores.score import BETTER, HEADINGS, MethodScore, format_number, partition

NARROW = ("ssim", "psnr", "nmse", "seconds")
"""Scores that the table in the terminal shows; those over the object are in the files and on the page."""


def summary_table(scores: Iterable[MethodScore]) -> Table:
    """Lay out means and standard deviations for the terminal, the best in bold, in one table per mask and seeds."""
    page = Table.grid()
    for title, means in partition(summarise(scores), sampling_title).items():
        page.add_row(_sampling_table(title, means))
    if not page.row_count:
        page.add_row("no scores: no file has a target")
    return page


def _sampling_table(title: str, means: Iterable[MeanScore]) -> Table:
    title = f"{title}; mean ± standard deviation over n volumes and seeds"
    lines = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, collapse_padding=True)
    for heading in ("R", "centre", "contrast", "method"):
        lines.add_column(heading, no_wrap=True)
    for heading in (*(HEADINGS[name] for name in NARROW), "n"):
        lines.add_column(Text(heading), justify="right")
    for block in partition(means, comparison_key).values():
        lines.add_section()
        for mean in block:
            lines.add_row(
                f"{mean.acceleration:.3g}x",
                f"{mean.center_fraction:.3g}",
                Text(mean.acquisition),
                Text(mean.method),
                *(_score_text(mean, metric) for metric in NARROW if metric in BETTER),
                format_number("seconds", mean.seconds.mean),
                str(mean.reconstructions),
            )
    return lines


def _score_text(mean: MeanScore, metric: str) -> Text:
    statistic: Statistic = getattr(mean, metric)
    text = Text(format_number(metric, statistic.mean), style="bold" if metric in mean.best else "")
    if mean.reconstructions > 1:
        text.append(f" ± {format_number(metric, statistic.std)}", style="not bold")
    return text
