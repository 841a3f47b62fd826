import io

import numpy as np
import pytest
from PIL import Image

from helpers.comparison import NAN, make_comparison, make_score
from recon.experiments.report.pictures.comparison_figure import draw_comparison
from recon.experiments.report.pictures.panels import NOTICE, WHITE_PERCENTILE


def pictures(figure, kind):
    """Return the drawn images of one kind, in the order of their columns."""
    return [axes.images[0] for axes in figure.axes if axes.get_label() == kind]


def rendered(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer)


def texts(figure):
    return " ".join(text.get_text() for text in figure.texts)


def test_every_image_and_error_is_drawn_in_the_window_of_the_target():
    comparison = make_comparison()
    white = np.percentile(comparison.target, WHITE_PERCENTILE)
    figure = draw_comparison(comparison)
    shown = pictures(figure, "image") + pictures(figure, "error")
    assert len(shown) == 1 + 2 + 2
    assert {picture.get_clim() for picture in shown} == {(0, white)}


def test_readout_runs_down_and_phase_runs_right():
    corner = np.zeros((12, 8))
    corner[1, 6] = 1
    figure = draw_comparison(make_comparison(target=corner, images={"sense": corner}))
    page = np.asarray(rendered(figure).convert("L"))
    for axes in figure.axes:
        if axes.get_label() == "image":
            box = axes.get_window_extent()
            top, bottom = (round(page.shape[0] - edge) for edge in (box.y1, box.y0))
            bright = np.argwhere(page[top:bottom, round(box.x0) : round(box.x1)] > 250).mean(axis=0)
            np.testing.assert_allclose(bright / (bottom - top, box.width), (1.5 / 12, 6.5 / 8), atol=0.02)


def test_pixels_are_square():
    figure = draw_comparison(make_comparison())
    for axes in figure.axes:
        if axes.get_label() not in {"scale", "lines"}:
            axes.apply_aspect()
            rows, width = axes.images[0].get_array().shape
            box = axes.get_window_extent()
            assert box.width / width == pytest.approx(box.height / rows)


def test_no_text_is_cut_off_beside_a_single_method():
    figure = draw_comparison(make_comparison(images={"sense": np.ones((12, 8))}, target=np.ones((12, 8))))
    figure.draw_without_rendering()
    page = figure.bbox
    for text in figure.texts:
        box = text.get_window_extent()
        assert page.x0 <= box.x0 < box.x1 <= page.x1, text.get_text()


def test_every_line_of_a_mask_is_visible():
    comparison = make_comparison(mask=np.arange(368) % 4 == 0, kspace=np.ones((16, 368)))
    figure = draw_comparison(comparison)
    (bar,) = (axes.get_window_extent() for axes in figure.axes if axes.get_label() == "lines")
    page = np.asarray(rendered(figure).convert("L"))
    middle = round(page.shape[0] - (bar.y0 + bar.y1) / 2)
    centres = (bar.x0 + (np.arange(368) + 0.5) * bar.width / 368).astype(int)
    np.testing.assert_array_equal(page[middle, centres] > 128, comparison.mask)


def test_without_a_target_there_are_no_scores_and_no_errors():
    unscored = {"sense": make_score(ssim=NAN, psnr=NAN, nmse=NAN)}
    comparison = make_comparison(target=None, scores=unscored)
    figure = draw_comparison(comparison)
    assert not pictures(figure, "error")
    assert len(pictures(figure, "image")) == len(comparison.images)
    assert len(pictures(figure, "sampling")) == 1
    assert "SSIM" not in texts(figure)
    assert "without a target" in texts(figure)


def test_scores_notice_and_names_are_on_the_figure_with_the_best_in_bold():
    figure = draw_comparison(make_comparison(file="$scan_{1$.h5"))
    for word in (NOTICE, "$scan_{1$.h5", "4x random", "zero-filled", "SSIM 0.7000", "PSNR 35.00"):
        assert word in texts(figure)
    bold = {text.get_text() for text in figure.texts if text.get_weight() == "bold"}
    assert {"SSIM 0.9000", "PSNR 35.00"} <= bold
    assert "SSIM 0.7000" not in bold


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_images_without_signal_can_be_drawn(value):
    nothing = np.full((12, 8), value)
    rendered(
        draw_comparison(make_comparison(target=nothing, images={"sense": nothing}, kspace=np.full((16, 10), value)))
    )


def test_the_zoomed_part_is_drawn_and_framed():
    figure = draw_comparison(make_comparison())
    assert len(pictures(figure, "zoomed image")) == 3
    assert len(pictures(figure, "zoomed error")) == 2
    assert [axes.get_label() for axes in figure.axes if axes.patches] == ["image"]


def test_uncertainties_are_drawn_as_large_as_errors():
    figure = draw_comparison(make_comparison(uncertainties={"sense": np.full((12, 8), 0.03)}))
    assert len(pictures(figure, "uncertainty")) == 1
    sizes = {axes.get_label(): axes.get_position().height for axes in figure.axes}
    assert sizes["uncertainty"] == pytest.approx(sizes["error"])
