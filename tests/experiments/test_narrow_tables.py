"""No cell of a table of numbers is broken or shortened where the console is narrow."""

import io
import re

import pytest
from rich.table import Table
from rich.text import Text

from recon.experiments.console import SafeConsole, console
from recon.experiments.report.scores.score import MethodScore
from recon.experiments.report.scores.table import summary_table


def printed(table: Table, width: int) -> str:
    stream = io.StringIO()
    SafeConsole(file=stream, width=width, highlight=False).print(table)
    return stream.getvalue()


def table_of(columns: int, caption: str | None = None) -> Table:
    table = Table(title="numbers", caption=None if caption is None else Text(caption))
    table.add_column("method")
    for number in range(columns):
        table.add_column(f"score {number}", justify="right")
    for name in ("sense", "cs-wavelet"):
        table.add_row(name, *(f"{name[0]}{number:03d} ± 0.1234" for number in range(columns)))
    return table


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("columns", [2, 7, 20])
def test_every_number_is_whole_and_no_line_is_too_long(width: int, columns: int) -> None:
    text = printed(table_of(columns), width)
    assert max(map(len, text.splitlines())) <= width
    for name in "sc":
        assert re.findall(rf"{name}\d\d\d ± 0\.1234", text) == [
            f"{name}{number:03d} ± 0.1234" for number in range(columns)
        ]
    assert text.count("numbers") == 1
    assert text.count("cs-wavelet") == text.count("method")  # every part names its rows


def test_the_caption_of_a_divided_table_follows_its_last_part() -> None:
    lines = printed(table_of(20, "the caption"), 80).rstrip().splitlines()
    assert lines[-1].strip() == "the caption"


def test_a_table_that_fits_is_printed_as_before() -> None:
    stream = io.StringIO()
    SafeConsole(file=stream, width=200, highlight=False).print(table_of(3))
    assert stream.getvalue().count("method") == 1


def test_text_may_be_broken_between_words() -> None:
    table = Table("name", "meaning")
    table.add_row("sense", "word " * 40)
    assert printed(table, 80).count("word") == 40


def test_the_table_of_a_comparison_keeps_its_numbers_at_80_columns() -> None:
    scores = [
        MethodScore(
            file=f"brain_{number}.h5",
            acquisition="CORPDFS_FBK",
            method=method,
            acceleration=8.0,
            mask="equispaced_fraction",
            center_fraction=0.04,
            seed=0,
            ssim=0.91 + 0.01 * number,
            psnr=33.3 + number,
            nmse=0.012,
            ssim_foreground=0.9,
            psnr_foreground=30.0,
            detail_energy=-1.0,
            detail_correlation=0.9,
            seconds=123.4,
            slices=16,
            noise_floor="full scan",
        )
        for method in ("zero-filled", "sense+gain+sharp", "cs-wavelet-oracle")
        for number in range(3)
    ]
    text = printed(summary_table(scores), 80)
    assert "…" not in text
    assert text.count("0.9200 ± 0.0100") == text.count("34.30 ± 1.00") == 3
    assert max(map(len, text.splitlines())) <= 80


def test_a_sentence_with_a_long_path_is_one_line() -> None:
    stream = io.StringIO()
    SafeConsole(file=stream, width=40).print("images: " + "folder/" * 30)
    assert len(stream.getvalue().splitlines()) == 1


def test_units_in_brackets_are_no_markup() -> None:
    table = Table("PSNR [dB]", "CPU [s]", ":warning:", title="noise [dB]")
    with console.capture() as captured:
        console.print(table)
    assert {"[dB]", "[s]", ":warning:"} <= set(captured.get().split())
