"""The lead over the best oracle: pairs of one scan, best oracle of each metric, worst scan named."""

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from helpers.comparison import NAN, make_score
from recon.experiments.report.lead import lead_table, leads, scan_set
from recon.experiments.report.page import write_report
from recon.experiments.report.scores.score import MethodScore


def scan(lead: float = 1.0, **values: object) -> list[MethodScore]:
    """Score a network `lead` dB above the better of two oracles, and .1 of it in SSIM."""
    score = make_score(**values)
    return [
        replace(score, method="cs-tv", psnr=31.0),
        replace(score, method="cs-tv-oracle", psnr=32.0, ssim=0.70),
        replace(score, method="cs-wavelet-oracle", psnr=30.0, ssim=0.72),
        replace(score, method="varnet", psnr=32.0 + lead, ssim=0.72 + 0.1 * lead),
    ]


def test_the_lead_is_over_the_oracle_that_is_best_in_each_metric() -> None:
    (lead,) = leads(scan(1.0))
    assert (lead.method, lead.acceleration, lead.scans, lead.count) == ("varnet", 4.0, "scan", 1)
    assert lead.psnr.mean == lead.psnr.worst == pytest.approx(1.0)
    assert lead.ssim.mean == pytest.approx(0.1)


def test_mean_and_worst_are_over_all_scans_of_a_set_and_of_all_sets() -> None:
    rows = [
        *scan(1.0, file="head_0000.h5"),
        *scan(3.0, file="head_0001.h5", detail_energy=-2.0),
        *scan(-1.0, file="brain.h5", mask="equispaced", seed=2, detail_energy=1.5),
    ]
    found = {lead.scans: lead for lead in leads(rows)}
    assert [(name, lead.count) for name, lead in found.items()] == [("head", 2), ("brain", 1), ("all", 3)]
    assert (found["head"].psnr.mean, found["head"].psnr.worst) == (pytest.approx(2), pytest.approx(1))
    assert found["all"].psnr.mean == pytest.approx(1)
    assert found["all"].psnr.scan == found["all"].ssim.scan == "brain.h5 equispaced seed 2"
    assert (found["all"].detail.worst, found["all"].detail.scan) == (-2.0, "head_0001.h5 random seed 0")


def test_accelerations_are_apart_and_scans_of_another_protocol_have_oracles_of_their_own() -> None:
    rows = [*scan(1.0), *scan(2.0, acceleration=8.0), *scan(3.0, seed=1)]
    rows[4:8] = [replace(row, psnr=row.psnr - 10) for row in rows[4:8]]
    assert [(lead.acceleration, lead.psnr.mean) for lead in leads(rows)] == [
        (4.0, pytest.approx(2)),
        (8.0, pytest.approx(2)),
    ]


def test_without_oracles_or_scores_there_is_no_lead() -> None:
    assert leads(row for row in scan() if not row.method.endswith("-oracle")) == []
    assert leads(replace(row, ssim=NAN) for row in scan()) == []


def test_a_scan_on_which_an_oracle_failed_does_not_count() -> None:
    rows = [*scan(1.0), *(row for row in scan(3.0, seed=1) if row.method != "cs-tv-oracle")]
    assert [(lead.method, lead.count) for lead in leads(rows)] == [("varnet", 1)]


def test_a_perfect_image_and_a_scan_without_detail_leave_the_others() -> None:
    rows = [*scan(1.0), *scan(math.inf, seed=1, detail_energy=NAN)]
    (lead,) = leads(rows)
    assert lead.psnr.mean == pytest.approx(1)
    assert (lead.count, lead.detail.mean) == (2, -1.0)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("head_0003.h5", "head"),
        ("brain_t1_7ch.h5", "brain_t1_7ch"),
        ("file_brain_AXT2_200_2000019.h5", "file_brain_AXT2_200"),
        ("file1000000.h5", "file"),
        ("0001.h5", "0001"),
    ],
)
def test_files_whose_names_differ_in_their_last_number_are_a_set(file: str, name: str) -> None:
    assert scan_set(file) == name


def test_terminal_and_page_show_the_lead_with_its_sign_and_the_worst_scan(tmp_path) -> None:
    rows = [*scan(1.5, file="[b]a_1.h5"), *scan(-0.5, file="[b]a_2.h5")]
    console = Console(file=io.StringIO(), width=80)
    console.print(lead_table(leads(rows)))
    write_report(tmp_path, rows, (), {}, ())
    for text in (console.file.getvalue(), (tmp_path / "report.html").read_text()):
        for words in ("+0.50", "-0.50", "+0.0500", "[b]a_2.h5 random seed 0"):
            assert words in text
