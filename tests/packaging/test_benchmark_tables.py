"""Every number of a published table equals the results file beside it, from which the table is made here again."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "benchmarks" / "results"

Row = dict[str, str]
Table = Iterator[tuple[str, list[str]]]
"""First cell of each row, without what follows a comma, and the other cells that must agree."""


def scores(name: str, **wanted: object) -> list[Row]:
    """Read the rows of a comparison whose columns have these values."""
    with (RESULTS / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if all(row[key] == str(value) for key, value in wanted.items())]


def report(name: str) -> Any:
    """Read the report of a benchmark."""
    return json.loads((RESULTS / name).read_text())


def average(rows: Sequence[Row], column: str) -> float:
    return mean(float(row[column]) for row in rows)


def short(value: float) -> str:
    """Format a share without the zero before its point."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{value:.2f}")


T1, T2, FRUIT = "brain_t1_7ch.h5", "brain_t2_4ch.h5", "fruit_8ch.h5"
BRAINS = (T1, T2)
METHODS = ("zero-filled", "sense", "grappa", "cs-wavelet", "cs-tv", "varnet")
"""Methods of the table of both brains."""

HEADS = "simulated_"
"""Beginning of the names of the simulated heads."""

ORACLES = ("cs-wavelet-oracle", "cs-tv-oracle")


def two_brains(columns: Sequence[tuple[str, int]], methods: Sequence[str] = METHODS) -> Table:
    for method in methods:
        rows = [
            scores("two_brains.csv", file=brain, method=method, acceleration=float(factor))[0]
            for brain in BRAINS
            for factor in (4, 8)
        ]
        yield f"`{method}`", [" / ".join(f"{float(row[key]):.{digits}f}" for key, digits in columns) for row in rows]


def scores_on_brains() -> Table:
    return two_brains((("ssim", 3), ("psnr", 1), ("psnr_foreground", 1)))


def scores_in_the_readme() -> Table:
    return two_brains((("ssim", 3), ("psnr", 1)), ("zero-filled", "grappa", "cs-wavelet", "varnet"))


def of_scans(file: str, **wanted: object) -> list[Row]:
    """Read the rows of the comparison with oracles whose files begin so."""
    return [row for row in scores("oracle.csv", **wanted) if row["file"].startswith(file)]


def over_the_better_oracle() -> Table:
    """Means of the better oracle in each score, and of the network."""
    scans = [
        (name, file, mask)
        for name, file in (("T1 7 ch", T1), ("T2 4 ch", T2), ("fruit 8 ch", FRUIT), ("heads 8 ch", HEADS))
        for mask in ("random", "equispaced_fraction")
    ]
    for name, file, mask in scans:
        cells = []
        for factor in (4.0, 8.0):
            found = of_scans(file, mask=mask, acceleration=factor)
            best, network = (
                [
                    max(average([row for row in found if row["method"] == one], score) for one in methods)
                    for score in ("ssim", "psnr", "psnr_foreground")
                ]
                for methods in (ORACLES, ("varnet",))
            )
            cells += [f"{one[0]:.3f} / {one[1]:.1f} / {one[2]:.1f}" for one in (best, network)]
        yield f"{name}, {mask}", cells


def scans_on_which_methods_fail() -> Table:
    """Mean and worst lead over the best oracle of each scan, in each score."""
    kinds = (("one coil", "onecoil"), ("folded", "narrow"), ("echo off centre", "offecho"), ("16 coils", "coils16"))
    for name, file in kinds:
        cells = []
        for factor in (4.0, 8.0):
            found = of_scans(file, acceleration=factor)
            decibels, shares = leads(found, "psnr"), leads(found, "ssim")
            cells.append(
                f"{mean(decibels):+.1f} / {min(decibels):+.1f} dB, {mean(shares):+.3f} / {min(shares):+.3f}".replace(
                    "+0.", "+."
                )
            )
        yield name, cells


def leads(rows: Sequence[Row], score: str) -> list[float]:
    """Return by how much the network is ahead of the better oracle of each scan."""
    ahead = []
    for row in rows:
        if row["method"] == "varnet":
            scan = [row[key] for key in ("file", "mask", "seed")]
            others = [
                float(other[score])
                for other in rows
                if other["method"] in ORACLES and [other[key] for key in ("file", "mask", "seed")] == scan
            ]
            ahead.append(float(row[score]) - max(others))
    return ahead


def small_details() -> Table:
    for row in report("details.json")["rows"]:
        name = f"`{row['method']}`, {row['mask'].removesuffix('_fraction')} {row['acceleration']:g}x"
        kept = " / ".join(short(row["kept"][str(size)]) for size in (1, 2, 3, 4))
        invented = f"{row['invented_without']} + {row['invented_with']}"
        yield name, [kept, f"{row['lost']}", invented, short(row["largest_invented"])]


def means_over_heads(file: str) -> Table:
    """Means over all heads; what says how a network was trained follows a comma."""
    for method in dict.fromkeys(row["method"] for row in scores(file)):
        by_factor = [scores(file, method=method, acceleration=factor) for factor in (4.0, 8.0)]
        name, _, how = method.partition(", ")
        cells = [f"{average(rows, 'ssim'):.3f} / {average(rows, 'psnr'):.1f}" for rows in by_factor]
        yield f"`{name}`{', ' if how else ''}{how}", cells


def classical_methods() -> Table:
    names = {
        "`sigpy-wavelet`": "sigpy wavelet",
        "`sigpy-tv`": "sigpy TV",
        "BART wavelet, one map": "BART wavelet, one map",
        "BART wavelet, two soft maps": "BART wavelet, two soft maps",
        "BART total variation, two soft maps": "BART TV, two soft maps",
        "pygrappa `mdgrappa`": "pygrappa mdgrappa",
        "ours, `grappa`": "ours grappa",
        "ours, `cs-wavelet`": "ours cs-wavelet, own lamda",
        "ours, `cs-tv`": "ours cs-tv, own lamda",
    }
    cases = report("classical.json")["cases"]
    zeros = [case["zero_filled"] for case in cases]
    yield "zero-filled", [*(f"{zero['ssim']:.3f} / {zero['psnr']:.1f}" for zero in zeros), ""]
    for name, peer in names.items():
        found = [next(row for row in case["rows"] if row["peer"] == peer) for case in cases]
        cells = [f"{row['consistent']['ssim']:.3f} / {row['consistent']['psnr']:.1f}" for row in found]
        seconds = median(found[0]["whole"]["cpu"])
        yield name, [*cells, f"{seconds:.1f}" if seconds > 1 else f"{seconds:.2f}"]


def speed_of_classical_methods() -> Table:
    case = report("classical_speed.json")["cases"][0]
    rows = {row["peer"]: row for row in case["rows"]}
    maps = {one["name"]: median(one["seconds"]["cpu"]) for one in case["maps"]}
    samples = 8 * case["shape"][0] * case["shape"][1] * case["shape"][2]

    def memory(name: str) -> str:
        ratio = rows[name]["memory"] / samples
        return f"{ratio:.1f}" if ratio < 20 else f"{ratio:.0f}"

    def faster(ours: str, theirs: str, part: str = "whole") -> str:
        ratio = median(rows[theirs][part]["cpu"]) / median(rows[ours]["whole"]["cpu"])
        return f"{ratio:.1f}" if ratio < 30 else f"{ratio:.0f}"

    wavelet, variation = "ours cs-wavelet", "ours cs-tv"
    for name, ours, theirs, own, part in (
        ("`cs-wavelet` with maps", wavelet, "BART wavelet, one map", f"{wavelet}, own lamda", "whole"),
        ("`cs-wavelet` with maps", wavelet, "sigpy wavelet", f"{wavelet}, own lamda", "solve"),
        ("`cs-tv` with maps", variation, "BART TV, one map", f"{variation}, own lamda", "whole"),
        ("`grappa`", "ours grappa", "pygrappa mdgrappa", "ours grappa", "whole"),
    ):
        yield name, [faster(ours, theirs, part), f"{memory(own)}, {memory(theirs)}"]
    virtual = maps["sigpy ESPIRiT"] / maps["ours, 8 virtual coils"]
    yield "ESPIRiT; from 8 virtual coils", [f"{maps['sigpy ESPIRiT'] / maps['ours']:.0f}; {virtual:.0f}", ""]
    yield "ESPIRiT", [f"{maps['BART ecalib'] / maps['ours']:.1f}", ""]


def speed_of_the_varnet() -> Table:
    tasks = report("varnet_8x320x320.json")["tasks"][:1] + report("varnet_15x640x368.json")["tasks"]
    for name, task, entrant in (
        ("inference 8x320x320, 12 cascades, one thread", tasks[0], "ours float32"),
        ("inference 15x640x368, 4 cascades, two threads", tasks[1], "ours float32"),
        (
            "the same, oversampling removed, 8 virtual coils: another function, off by default, bf16",
            tasks[1],
            "ours bf16, cut, 8 coils",
        ),
        ("training step 15x640x368, 4 cascades, two threads", tasks[2], "ours float32"),
        ("the same with checkpointing", tasks[2], "ours float32, recompute"),
    ):
        by_name = {one["name"]: one for one in task["outcomes"]}
        ours, theirs = by_name[entrant], by_name["fastMRI float32"]
        ratios = [b / a for a, b in zip(ours["seconds"]["wall"], theirs["seconds"]["wall"], strict=True)]
        spread = half_interquartile(ratios)
        yield name, [f"{median(ratios):.2f} ± {spread:.2f}", f"{100 * ours['memory'] / theirs['memory']:.0f} %"]


def half_interquartile(values: Sequence[float]) -> float:
    low, high = np.percentile(values, [25, 75])
    return float(high - low) / 2


def methods_for_series() -> Table:
    by_factor = [{row["method"]: row for row in report(f"series_{factor}x.json")["results"]} for factor in (8, 12)]
    for name, method in (
        ("`cs-wavelet` by frame", "cs-wavelet"),
        ("`cs-ktv`", "cs-ktv"),
        ("`kt-sense`", "kt-sense"),
        ("`l+s`", "l+s"),
    ):
        rows = [found[method] for found in by_factor]
        yield name, [*(f"{row['psnr']:.1f}" for row in rows), f"{rows[0]['cpu']:.1f}"]


def networks_for_series() -> Table:
    for name, method in (
        ("`cs-wavelet` by frame", "cs-wavelet"),
        ("`l+s`", "l+s"),
        ("`l+s`, weight chosen with the truth", "l+s-oracle"),
        ("`varnet-series`", "varnet-series"),
    ):
        by_factor = [scores("series_networks.csv", method=method, acceleration=factor) for factor in (8.0, 12.0)]
        yield name, [f"{average(rows, 'psnr'):.1f}" for rows in by_factor]


def centre_of_kspace() -> Table:
    for name, method in (
        ("zero-filling", "zero-filled"),
        ("cs-wavelet, the weight of the best score", "cs-wavelet-oracle"),
        ("cs-tv, the weight of the best score", "cs-tv-oracle"),
        ("sense+sharp", "sense+sharp"),
    ):
        rows = [scores("centre_of_kspace.csv", file=brain, method=method)[0] for brain in BRAINS]
        yield name, [f"{float(row['ssim']):.3f} / {float(row['psnr']):.2f}".removeprefix("0") for row in rows]


def enlarged(name: str, methods: Sequence[str], columns: Sequence[Sequence[str]]) -> Table:
    """Make a table of zero-filling and networks that enlarge images; several heads share a column."""
    found = {(row["scene"], row["method"]): row for row in report(name)["results"]}

    def cells(value: Callable[[Row], str], ending: str = "") -> list[str]:
        return [
            ", ".join(
                " / ".join(value(found[scene, method]) for method in methods)
                + (f" of {found[scene, methods[0]]['details']['present']}" if ending else "")
                for scene in column
            )
            for column in columns
        ]

    heads = cells(lambda row: f"{row['psnr']:.1f}")[-1]
    yield "PSNR in dB", [*cells(lambda row: f"{row['psnr']:.2f}")[:-1], heads]
    for band, label in enumerate(("correlation at .5 to .6", "correlation at .6 to .7", "at .7 to .85"), start=1):
        yield label, cells(lambda row, band=band: short(row["bands"][band]["correlation"]))
    yield "details of 1 to 4 pixels that were lost", cells(lambda row: str(row["details"]["lost"]), "of")
    yield "details that were invented", cells(lambda row: str(row["details"]["invented"]))


def denoised_reconstructions() -> Table:
    for method in ("sense", "sense+gain", "sense+dlr", "cs-wavelet", "cs-wavelet+dlr", "varnet", "varnet+dlr"):
        rows = [scores("denoised_reconstructions.csv", file=brain, method=method)[0] for brain in BRAINS]
        yield f"`{method}`", [f"{float(row['ssim']):.3f} / {float(row['psnr']):.1f}" for row in rows]


def denoisers() -> Table:
    results = report("denoising.json")["results"]
    levels = {"3 %": "0.03", "6 %": "0.06", "12 %": "0.12", "SENSE, noise that varies": "unfolded"}
    for name, level in levels.items():
        of_level = [row for row in results if str(row["level"]) == level]
        means = [
            mean(row["psnr"] for row in of_level if row["denoiser"] == denoiser)
            for denoiser in ("noisy", "non-local means", "gain", "BM3D", "dlr")
        ]
        yield name, [f"{value:.1f}" for value in means]


def variants(file: str) -> Table:
    runs = report(file)["runs"]
    for name in dict.fromkeys(run["variant"] for run in runs):
        some = [run for run in runs if run["variant"] == name]
        cells = [f"{some[0]['parameters'] / 1e6:.1f}", f"{some[0]['gigaflops']:.1f}", f"{some[0]['seconds']:.2f}"]
        cells.append(f"{mean(run['steps'] for run in some):.0f}")
        for kind in ("real", "simulated"):
            for factor in (4, 8):
                values = {
                    key: [
                        mean(
                            one[key] for one in run["scores"] if (one["scans"], one["acceleration"]) == (kind, factor)
                        )
                        for run in some
                    ]
                    for key in ("ssim", "psnr", "detail")
                }
                cells.append(
                    f"{mean(values['ssim']):.3f} / {mean(values['psnr']):.1f} ± {stdev(values['psnr']):.1f} / "
                    f"{mean(values['detail']):.1f}"
                )
        yield f"`{name}`", cells


def volumes() -> Table:
    """PSNR of every mask and scan at the best weight, and CPU seconds of the last scan, when all is compiled."""
    results = report("volumes.json")["results"]
    masks, scans = (tuple(dict.fromkeys(row[key] for row in results)) for key in ("mask", "volume"))
    ours = ("zero-filled", "sense", "sense-unfold", "grappa", "cs-wavelet", "cs-tv", "varnet")
    entrants = {f"`{method}`": re.escape(method) for method in ours}
    entrants |= {"BART `pics`, l2": "bart pics l2 .*", "BART `pics`, wavelet": "bart pics wavelet .*"}
    for name, pattern in entrants.items():
        some = [row for row in results if re.fullmatch(pattern, row["method"])]
        best: dict[tuple[str, str], dict[str, float]] = {}
        for row in sorted(some, key=lambda row: row["psnr"]):
            best[row["mask"], row["volume"]] = row
        psnr = [best.get((mask, scan), {}).get("psnr") for mask in masks for scan in scans]
        seconds = [best.get((mask, scans[-1]), {}).get("cpu") for mask in masks]
        yield name, ["-" if value is None else f"{value:.1f}" for value in (*psnr, *seconds)]


BENCHMARKS, PAGES = "docs/benchmarks", "docs/methods"
TABLES: list[tuple[str, str, Callable[[], Table]]] = [
    ("README.md", "| T1 7 ch, 4x", scores_in_the_readme),
    (f"{BENCHMARKS}/quality.md", "| T1 7 ch, 4x", scores_on_brains),
    (f"{BENCHMARKS}/quality.md", "| oracle, 4x", over_the_better_oracle),
    (f"{BENCHMARKS}/quality.md", "| 4x: mean / worst", scans_on_which_methods_fail),
    (f"{BENCHMARKS}/quality.md", "| kept, 1 / 2", small_details),
    (f"{BENCHMARKS}/classical.md", "| random 4x", classical_methods),
    (f"{BENCHMARKS}/classical.md", "| ours | against", speed_of_classical_methods),
    (f"{BENCHMARKS}/speed.md", "| wall time", speed_of_the_varnet),
    (f"{BENCHMARKS}/ablation.md", "| real 4x", partial(variants, "ablation.json")),
    (f"{BENCHMARKS}/ablation.md", "| brains and fruit 4x", partial(variants, "size.json")),
    (f"{BENCHMARKS}/networks.md", "| steps | 4x", partial(means_over_heads, "networks.csv")),
    (f"{BENCHMARKS}/networks.md", "| SSIM / PSNR, 4x", partial(means_over_heads, "adaptation.csv")),
    (f"{PAGES}/dynamic.md", "| 8x | 12x | CPU s", methods_for_series),
    (f"{PAGES}/dynamic.md", "drawn hearts", networks_for_series),
    (f"{PAGES}/sharp.md", "| T1, 7 coils", centre_of_kspace),
    (
        f"{PAGES}/sharp.md",
        "| T1 brain | T2 brain | simulated heads",
        lambda: enlarged(
            "enlarging.json", ("zero-filling", "sharp"), (("brain_t1_7ch",), ("brain_t2_4ch",), ("head 1", "head 2"))
        ),
    ),
    (
        f"{PAGES}/sharp.md",
        "| T1 brain | T2 brain | simulated head |",
        lambda: enlarged(
            "enlarging_small.json",
            ("zero-filling", "sharp", "mfcn"),
            (("brain_t1_7ch",), ("brain_t2_4ch",), ("head 1",)),
        ),
    ),
    (f"{PAGES}/dlr.md", "| T1 | T2", denoised_reconstructions),
    (f"{PAGES}/three_dimensions.md", "CAIPI 2x2", volumes),
    ("models/weights/dlr.md", "| noisy |", denoisers),
]


def rows_of(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table on a page whose heading holds some text."""
    lines = (ROOT / page).read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|") and heading in line)
    table = lines[first + 2 :]
    last = next((number for number, line in enumerate(table) if not line.startswith("|")), len(table))
    return [[cell.strip() for cell in line.replace("**", "").strip("|").split("|")] for line in table[:last]]


@pytest.mark.parametrize(
    ("page", "heading", "made"), TABLES, ids=[f"{page}: {heading.strip(' |')}" for page, heading, _ in TABLES]
)
def test_a_table_holds_the_numbers_of_its_results(page: str, heading: str, made: Callable[[], Table]) -> None:
    expected = list(made())
    for name, *cells in rows_of(page, heading):
        row = next((one for one in expected if name == one[0] or re.match(re.escape(one[0]) + "[:, ]", name)), None)
        assert row is not None, f"no results of {name}"
        expected.remove(row)
        assert cells[-len(row[1]) :] == row[1], name
