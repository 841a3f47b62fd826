import io
import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from helpers.comparison import NAN, make_score
from recon.data.errors import InputError
from recon.data.versions import versions
from recon.experiments.report.scores.files import read_csv, write_csv, write_summary
from recon.experiments.report.scores.means import ALL, best_metrics, comparison_key, sampling_title, summarise
from recon.experiments.report.scores.score import BETTER
from recon.experiments.report.scores.table import summary_table

SCORES = st.floats(allow_nan=False, width=64)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def test_table_of_metrics_survives_the_round_trip(tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "metrics.csv"

    @given(
        st.lists(st.builds(make_score, file=NAMES, acquisition=NAMES, ssim=SCORES, psnr=SCORES, seed=st.integers()))
    )
    def round_trip(rows):
        write_csv(path, rows)
        assert read_csv(path) == rows

    round_trip()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\t=", "\n=", "'=", "''-", "\uff1d", "\uff20"])
def test_spreadsheets_are_given_no_formula(tmp_path, start):
    path = tmp_path / "metrics.csv"
    row = make_score(file=f"{start}cmd|'/C calc'!A0.h5", acquisition=f"a;{start}1+1", psnr=-3.0)
    write_csv(path, [row])
    assert read_csv(path) == [row]
    text = path.read_text().splitlines(keepends=True)[1:]
    assert "".join(text).startswith("\"'"), "a spreadsheet shows the text after an apostrophe"
    assert f'"a;{start}1+1"' in path.read_bytes().decode(), "quotes keep other separators inside the cell"


def test_missing_scores_are_empty_in_the_file_and_nan_in_memory(tmp_path):
    path = tmp_path / "metrics.csv"
    write_csv(path, [make_score(ssim=NAN, psnr=NAN, nmse=NAN)])
    assert "nan" not in path.read_text()
    (row,) = read_csv(path)
    assert not row.scored
    assert math.isnan(row.psnr)
    assert math.isnan(row.nmse)


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (lambda text: text.replace("ssim", "similarity"), "ssim"),
        (lambda text: text.replace("0.9", "high"), "high"),
        (lambda text: text.replace(",16", ""), "line 2"),
    ],
)
def test_a_damaged_table_is_refused_with_its_path(tmp_path, damage, names):
    path = tmp_path / "metrics.csv"
    write_csv(path, [make_score()])
    path.write_text(damage(path.read_text()))
    with pytest.raises(InputError, match=names) as refusal:
        read_csv(path)
    assert str(path) in str(refusal.value)


def test_nothing_is_left_behind_when_writing_fails(tmp_path):
    def broken():
        yield make_score()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_csv(tmp_path / "metrics.csv", broken())
    assert not list(tmp_path.iterdir())


def test_mean_and_spread_are_those_of_numpy():
    scores = np.random.default_rng(0).random((3, 7))
    rows = [make_score(file=str(i), ssim=s, psnr=p, nmse=n) for i, (s, p, n) in enumerate(scores.T)]
    (group,) = summarise(rows)
    assert (group.volumes, group.slices) == (7, 7 * 16)
    for metric, values in zip(("ssim", "psnr", "nmse"), scores, strict=True):
        assert getattr(group, metric).mean == pytest.approx(np.mean(values))
        assert getattr(group, metric).std == pytest.approx(np.std(values, ddof=1))


def test_a_volume_without_one_of_the_scores_leaves_the_mean_of_the_others():
    rows = [make_score(file=name, detail_energy=energy) for name, energy in (("a", -1.0), ("b", NAN), ("c", -2.0))]
    (group,) = summarise(rows)
    assert group.detail_energy.mean == pytest.approx(-1.5)
    assert group.reconstructions == 3


def test_several_contrasts_are_also_averaged_together():
    rows = [make_score(file=name, acquisition=name, ssim=ssim) for name, ssim in (("AXT1", 0.8), ("AXT2", 0.9))]
    groups = {group.acquisition: group for group in summarise(rows)}
    assert set(groups) == {"AXT1", "AXT2", ALL}
    assert groups[ALL].ssim.mean == pytest.approx(0.85)
    assert [group.acquisition for group in summarise(rows[:1])] == ["AXT1"]


@pytest.mark.parametrize(
    "difference",
    [{"mask": "equispaced"}, {"acceleration": 8.0}, {"center_fraction": 0.04}],
)
def test_different_protocols_never_share_a_group(difference):
    groups = summarise([make_score(), make_score(file="other.h5", **difference)])
    assert [group.volumes for group in groups] == [1, 1]


def test_seeds_are_averaged_and_stay_apart_for_a_single_scan():
    rows = [make_score(file=name, seed=seed, ssim=0.7 + 0.1 * seed) for name in "ab" for seed in (0, 1)]
    (group,) = summarise(rows)
    assert (group.volumes, group.seeds, group.reconstructions, group.slices) == (2, (0, 1), 4, 32)
    assert group.ssim.mean == pytest.approx(0.75)
    assert len({comparison_key(row) for row in rows}) == 4
    assert sampling_title(group) == "mask random, seeds 0, 1, noise floor full scan"


def test_an_unscored_volume_enters_no_mean():
    (group,) = summarise([make_score(), make_score(file="prospective.h5", ssim=NAN, psnr=NAN, nmse=NAN)])
    assert group.volumes == 1
    assert group.ssim.mean == 0.9


def test_best_is_the_largest_ssim_and_psnr_the_smallest_nmse_and_the_detail_nearest_to_the_targets():
    rows = [
        make_score(method="sense", ssim=0.9, psnr=35.0, nmse=0.02),
        make_score(method="varnet", ssim=0.8, psnr=36.0, nmse=0.01, psnr_foreground=34.0, ssim_foreground=0.7),
    ]
    rows = [replace(row, detail_energy=energy) for row, energy in zip(rows, (-0.5, 0.6), strict=True)]
    rows = [replace(row, detail_correlation=value) for row, value in zip(rows, (0.7, 0.8), strict=True)]
    expected = {
        "sense": ("ssim", "ssim_foreground", "detail_energy"),
        "varnet": ("psnr", "nmse", "psnr_foreground", "detail_correlation"),
    }
    assert best_metrics(rows) == expected
    assert {group.method: group.best for group in summarise(rows)} == expected


def test_a_single_method_is_not_called_the_best():
    assert [group.best for group in summarise([make_score()])] == [()]


def test_a_method_that_failed_on_a_hard_volume_is_not_called_the_best():
    rows = [make_score(file=name, method=method) for name in ("a", "b") for method in ("sense", "grappa")]
    rows += [make_score(file="a", method="lucky", ssim=0.99, psnr=50.0, nmse=0.0)]
    best = {group.method: group.best for group in summarise(rows)}
    assert best["lucky"] == ()
    assert best["sense"] == best["grappa"] == tuple(BETTER)


def test_summary_is_strict_json_with_protocol_and_versions(tmp_path):
    path = tmp_path / "summary.json"
    protocol = {"mask": "random", "methods": {"sense": {"lamda": 0.01}}, "widths": (1, 2)}
    write_summary(path, [make_score(psnr=math.inf)], protocol, versions())

    def refuse(constant):
        raise AssertionError(constant)

    summary = json.loads(path.read_text(), parse_constant=refuse)
    assert summary["protocol"] == protocol | {"widths": [1, 2]}
    assert summary["versions"]["numpy"] == np.__version__
    (group,) = summary["groups"]
    assert group["ssim"] == {"mean": 0.9, "std": None}
    assert group["psnr"]["mean"] is None


def print_plain(rows, width=120):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="standard")
    console.print(summary_table(rows))
    return console.file.getvalue()


def test_the_terminal_shows_the_best_in_bold_and_no_other_number():
    rows = [make_score(method="sense", ssim=0.91), make_score(method="grappa", ssim=0.72)]
    printed = print_plain(rows)
    assert "\x1b[1m0.9100\x1b[0m" in printed
    assert "\x1b[1m0.7200" not in printed


def test_the_terminal_does_not_interpret_markup_in_names():
    assert "[red]T1[/red]" in print_plain([make_score(acquisition="[red]T1[/red]")])


def test_the_terminal_separates_masks_and_says_when_there_are_no_scores():
    printed = print_plain([make_score(), make_score(mask="equispaced")])
    assert printed.count("SSIM") == 2
    assert "no scores" in print_plain([make_score(ssim=NAN)])


def test_numbers_can_be_read_and_summed_without_torch():
    program = (
        "import sys, recon.experiments.report.scores; sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_scores_of_different_noise_floors_are_never_in_one_table():
    rows = [make_score(noise_floor=floor, method=method) for floor in ("full scan", "none") for method in ("a", "b")]
    assert [group.reconstructions for group in summarise(rows)] == [1, 1, 1, 1]
    assert len({comparison_key(row) for row in rows}) == 2
    assert len({sampling_title(row) for row in rows}) == 2
