import io
import os
import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from helpers.comparison import NAN, make_comparison, make_score
from recon.classical.zero_filled import ZeroFilled
from recon.data.acquisition import Acquisition, Header
from recon.experiments.report.page import write_report
from recon.experiments.report.pictures.page_pictures import choose_quality, source
from recon.experiments.report.pictures.panels import NOTICE, SliceComparison, columns
from recon.experiments.report.reliability import Reliability

PROTOCOL = {
    "mask": "random",
    "seed": 17,
    "ssim_range": "maximum of the volume's target",
    "methods": {"zero-filled": {}, "sense": {"lamda": 0.01, "iterations": 30}},
}


class Page(HTMLParser):
    """Parses a page into its tags with attributes, its text and its bold text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.bold, self._inside = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in {"img", "meta", "br"}:
            self._inside.append(tag)

    def handle_endtag(self, tag):
        assert self._inside.pop() == tag

    def handle_data(self, text):
        if self._inside and self._inside[-1] not in {"style", "script"}:
            self.words.append(text)
            if "b" in self._inside:
                self.bold.append(text)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def attributes(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def report(folder, rows=(), comparisons=(), protocol=PROTOCOL, notes=()):
    write_report(folder, rows, comparisons, protocol, notes)
    return (folder / "report.html").read_text(encoding="utf-8")


def both_methods(**values):
    return [
        make_score(method="zero-filled", ssim=0.7, psnr=28.0, nmse=0.1, **values),
        make_score(method="sense", ssim=0.9, psnr=35.0, nmse=0.01, **values),
    ]


def test_the_page_loads_nothing_from_outside(tmp_path):
    html = report(tmp_path, both_methods(), [make_comparison()])
    assert not re.search(r"https?://|url\(|@import|<link", html)
    page = Page(html)
    pictures = [attributes for attributes in page.attributes("img") if "src" in attributes]
    assert len(pictures) == 3 + 2 + 3 + 2 + 2  # images, errors, both zoomed, k-space and mask
    assert all(picture["src"].startswith("data:image/png;base64,") for picture in pictures)
    assert not any("src" in attributes for attributes in page.attributes("script"))


def test_every_picture_in_the_page_can_be_decoded_at_its_stated_size(tmp_path):
    for attributes in Page(report(tmp_path, comparisons=[make_comparison()])).attributes("img"):
        if "src" in attributes:
            picture = Image.open(io.BytesIO(b64decode(attributes["src"].partition(",")[2])))
            assert picture.size == (int(attributes["width"]), int(attributes["height"]))


def test_the_frame_lies_over_the_part_that_is_zoomed(tmp_path):
    target = np.zeros((160, 80))
    comparison = make_comparison(target=target, images={"sense": target + (np.arange(80) == 79)})
    (frame,) = (tag for tag in Page(report(tmp_path, comparisons=[comparison])).attributes("span") if "style" in tag)
    assert re.fullmatch(r"top:\d+\.\d\d%;height:25\.00%;left:60\.00%;width:40\.00%", frame["style"])


def test_the_check_of_uncertainties_is_a_figure_and_in_the_page(tmp_path):
    rng = np.random.default_rng(0)
    reliability = Reliability()
    reliability.add(np.ones((1, 9, 9)), rng.normal(1, 0.1, (1, 9, 9)), np.full((1, 9, 9), 0.1))
    write_report(tmp_path, (), (), PROTOCOL, (), {"sense": reliability})
    (plot,) = (tag for tag in Page((tmp_path / "report.html").read_text()).attributes("img") if "class" in tag)
    png = (tmp_path / "figures" / "uncertainty.png").read_bytes()
    assert b64decode(plot["src"].partition(",")[2]) == png
    assert "Uncertainty" not in Page(report(tmp_path)).text


def test_names_from_files_are_text_and_never_markup(tmp_path):
    hostile = "<script>alert('x')</script>\"&../../<b>up.h5"
    rows = [*both_methods(file=hostile, acquisition=hostile), make_score(file=hostile, ssim=NAN, mask=hostile)]
    comparison = make_comparison(file=hostile, acquisition=hostile, images={hostile: make_comparison().target})
    protocol = PROTOCOL | {hostile: {hostile: [hostile]}, "methods": {hostile: {hostile: hostile}}}
    page = Page(report(tmp_path, rows, [comparison], protocol, notes=[hostile]))
    assert len(page.attributes("script")) == 1
    assert hostile in page.text
    (figure,) = (tmp_path / "figures").iterdir()
    assert {path.name for path in tmp_path.iterdir()} == {"figures", "report.html"}
    assert set(figure.stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")


def test_the_best_of_each_metric_is_bold_and_nothing_else_is(tmp_path):
    page = Page(report(tmp_path, both_methods()))
    assert set(page.bold) == {"0.9000", "35.00", "0.0100", "0.8800", "33.00", "-1.00", "0.800"}


def test_protocol_parameters_versions_notes_and_notice_can_be_read(tmp_path):
    page = Page(report(tmp_path, both_methods(), notes=["GRAPPA was left out."]))
    for words in ("seed 17", "maximum of the volume's target", "lamda = 0.01, iterations = 30"):
        assert words in page.text
    for words in (NOTICE, "GRAPPA was left out.", f"numpy {np.__version__}", "zero-filled none"):
        assert words in page.text


def test_the_main_results_and_the_pictures_come_before_the_long_tables_which_are_folded(tmp_path):
    rows = [row for contrast in ("AXT1", "AXT2") for row in both_methods(acquisition=contrast, file=contrast)]
    html = report(tmp_path, rows, [make_comparison()])
    places = [html.index(f"<h2>{name}</h2>") for name in ("Results", "Pictures", "All scores", "Volumes", "Protocol")]
    assert places == sorted(places)
    main, folded = html[places[0] : places[1]], html[places[2] :]
    assert main.count("<tr>") == 1 + 2  # the headings, and each method once over both contrasts
    assert folded.count("<details>") == 3
    assert all(part.lstrip().startswith("<details>") for part in re.split(r"<h2>.*</h2>", folded)[1:])


def test_many_pictures_are_compressed_further_and_the_page_says_so(tmp_path):
    rng = np.random.default_rng(0)
    target = rng.uniform(0, 1, (64, 64))
    noisy = make_comparison(target=target, images={"sense": target + 0.1 * rng.standard_normal((64, 64))})
    assert choose_quality([noisy]) is None
    size = sum(
        len(picture["src"]) for picture in Page(report(tmp_path, (), [noisy])).attributes("img") if "src" in picture
    )
    assert choose_quality([noisy] * 10, 10 * size) is None
    assert choose_quality([noisy] * 10, 8 * size) == 90
    assert choose_quality([noisy] * 10, 0) == 65
    panel = columns(noisy)[1].rows[0][0]
    assert source(panel, 90).startswith("data:image/webp")
    assert len(source(panel, 90)) < len(source(panel))


def test_a_file_without_a_target_is_shown_but_not_scored(tmp_path):
    rows = [make_score(file="prospective.h5", mask="prospective", ssim=NAN, psnr=NAN, nmse=NAN)]
    comparison = make_comparison(file="prospective.h5", target=None, scores={"sense": rows[0]})
    html = report(tmp_path, rows, [comparison])
    page = Page(html)
    assert "prospective.h5, AXT2, slice 3" in page.text
    assert "no scores without a target" in page.text
    assert "SSIM" not in page.text
    assert not page.bold
    assert "nan" not in page.text
    assert len(list((tmp_path / "figures").iterdir())) == 1


def test_different_masks_stand_in_different_tables(tmp_path):
    together = Page(report(tmp_path / "one", both_methods())).attributes("table")
    rows = [*both_methods(), *both_methods(mask="equispaced")]
    apart = Page(report(tmp_path / "two", rows)).attributes("table")
    assert len(apart) == len(together) + 3  # one more of the main means, of all means, and of volumes


def test_comparisons_of_the_same_name_have_a_figure_each(tmp_path):
    report(tmp_path, comparisons=(make_comparison() for _ in range(3)))
    assert len(list((tmp_path / "figures").glob("*.png"))) == 3


def test_bands_of_kspace_show_which_frequencies_an_image_has(tmp_path):
    text = Page(report(tmp_path, comparisons=[make_comparison()])).text
    assert "Bands of k-space" in text
    assert "1.000, -20.0 dB" in text  # sense: 0.9 times the target
    assert "1.000, -6.0 dB" in text
    assert "Bands" not in Page(report(tmp_path, comparisons=[make_comparison(target=None)])).text


def test_an_empty_report_is_a_valid_page(tmp_path):
    assert "There are no scores" in Page(report(tmp_path)).text


@pytest.mark.skipif("RECON_DATA" not in os.environ, reason="RECON_DATA does not name a folder of raw data")
def test_a_real_brain_makes_a_page_of_sane_size(tmp_path):
    with h5py.File(Path(os.environ["RECON_DATA"]) / "kspace" / "brain_t2_4ch.h5") as file:
        kspace = torch.from_numpy(file["kspace"][0])
        crop = file["reconstruction_rss"].shape[-2:]
    phase = kspace.shape[-1]
    full = Acquisition(kspace, torch.ones(phase, dtype=torch.bool), Header(crop=crop, padding=(0, phase)))
    lines = (torch.arange(phase) % 4 == 0) | ((torch.arange(phase) - phase // 2).abs() < 10)
    measured = full.undersample(lines)
    comparison = SliceComparison(
        file="brain_t2_4ch.h5",
        acquisition="AXT2",
        slice=0,
        acceleration=4.0,
        mask_kind="equispaced",
        seed=0,
        target=ZeroFilled()(full).numpy(),
        images={"zero-filled": ZeroFilled()(measured).numpy()},
        mask=measured.mask.numpy(),
        kspace=torch.linalg.vector_norm(measured.kspace, dim=-3).numpy(),
    )
    pictures = [
        attributes["src"]
        for attributes in Page(report(tmp_path, (), [comparison])).attributes("img")
        if "src" in attributes
    ]
    assert max(map(len, pictures)) < 100_000
