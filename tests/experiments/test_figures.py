import io

import numpy as np
import pytest
from PIL import Image

from experiments.figures import (
    ERROR_GAIN,
    NOTICE,
    WHITE_PERCENTILE,
    columns,
    columns_in_band,
    draw,
    encode_png,
    error,
    log_kspace,
    white_level,
)
from helpers.comparison import NAN, make_exhibit, make_row


def pictures(figure, kind):
    """Drawn images of one kind, in the order of their columns."""
    return [axes.images[0] for axes in figure.axes if axes.get_label() == kind]


def rendered(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer)


def texts(figure):
    return " ".join(text.get_text() for text in figure.texts)


def shades(panel):
    return np.asarray(Image.open(io.BytesIO(encode_png(panel))))


def test_every_image_and_error_is_drawn_in_the_window_of_the_target():
    exhibit = make_exhibit()
    white = np.percentile(exhibit.target, WHITE_PERCENTILE)
    figure = draw(exhibit)
    shown = pictures(figure, "image") + pictures(figure, "error")
    assert len(shown) == 1 + 2 + 2
    assert {picture.get_clim() for picture in shown} == {(0, white)}


def test_the_window_scales_with_the_target():
    exhibit = make_exhibit()
    small = make_exhibit(target=1e-7 * exhibit.target, images={"sense": 1e-7 * exhibit.images["sense"]})
    assert white_level(small) == pytest.approx(1e-7 * white_level(exhibit))
    np.testing.assert_array_equal(shades(columns(small)[1].top[0]), shades(columns(exhibit)[2].top[0]))


def test_readout_runs_down_and_phase_runs_right():
    corner = np.zeros((12, 8))
    corner[1, 6] = 1
    figure = draw(make_exhibit(target=corner, images={"sense": corner}))
    page = np.asarray(rendered(figure).convert("L"))
    for axes in figure.axes:
        if axes.get_label() == "image":
            box = axes.get_window_extent()
            top, bottom = (round(page.shape[0] - edge) for edge in (box.y1, box.y0))
            bright = np.argwhere(page[top:bottom, round(box.x0) : round(box.x1)] > 250).mean(axis=0)
            np.testing.assert_allclose(bright / (bottom - top, box.width), (1.5 / 12, 6.5 / 8), atol=0.02)


def test_pixels_are_square():
    figure = draw(make_exhibit())
    for axes in figure.axes:
        if axes.get_label() not in {"scale", "lines"}:
            axes.apply_aspect()
            rows, width = axes.images[0].get_array().shape
            box = axes.get_window_extent()
            assert box.width / width == pytest.approx(box.height / rows)


def test_every_line_of_a_mask_can_be_told_apart():
    exhibit = make_exhibit(mask=np.arange(368) % 4 == 0, kspace=np.ones((16, 368)))
    figure = draw(exhibit)
    (bar,) = (axes.get_window_extent() for axes in figure.axes if axes.get_label() == "lines")
    page = np.asarray(rendered(figure).convert("L"))
    middle = round(page.shape[0] - (bar.y0 + bar.y1) / 2)
    centres = (bar.x0 + (np.arange(368) + 0.5) * bar.width / 368).astype(int)
    np.testing.assert_array_equal(page[middle, centres] > 128, exhibit.mask)


def test_a_mask_of_points_is_drawn_as_a_plane():
    exhibit = make_exhibit(mask=np.eye(16, 10, dtype=bool))
    mask, kspace = columns(exhibit)[0].bottom
    np.testing.assert_array_equal(mask.values, exhibit.mask)
    assert kspace.values.shape == mask.values.shape
    assert not pictures(draw(exhibit), "lines")


def test_the_error_is_five_times_the_absolute_difference():
    a, b = np.random.default_rng(0).normal(size=(2, 6, 5))
    np.testing.assert_allclose(error(a, b), ERROR_GAIN * np.abs(a - b))
    np.testing.assert_array_equal(error(a, b), error(b, a))
    assert not error(a, a).any()


def test_log_kspace_is_one_at_the_peak_falls_with_magnitude_and_ignores_scale():
    magnitudes = np.geomspace(1e-3, 1, 12).reshape(3, 4)
    shown = log_kspace(1j * magnitudes)
    assert shown.max() == 1
    assert shown.min() >= 0
    assert (np.diff(shown.ravel()) > 0).all()
    np.testing.assert_allclose(log_kspace(1e-7 * magnitudes), shown, atol=1e-12)


def test_without_a_target_nothing_is_scored_and_no_error_is_drawn():
    unscored = {"sense": make_row(ssim=NAN, psnr=NAN, nmse=NAN)}
    exhibit = make_exhibit(target=None, scores=unscored)
    figure = draw(exhibit)
    assert not pictures(figure, "error")
    assert len(pictures(figure, "image")) == len(exhibit.images)
    assert len(pictures(figure, "sampling")) == 1
    assert "SSIM" not in texts(figure)
    assert "no target" in texts(figure)
    assert white_level(exhibit) == np.percentile(exhibit.images["zero-filled"], WHITE_PERCENTILE)


def test_scores_notice_and_names_are_on_the_figure_with_the_best_in_bold():
    figure = draw(make_exhibit(file="$scan_{1$.h5"))
    for word in (NOTICE, "$scan_{1$.h5", "4x random", "zero-filled", "SSIM 0.7000", "PSNR 35.00"):
        assert word in texts(figure)
    bold = {text.get_text() for text in figure.texts if text.get_weight() == "bold"}
    assert {"SSIM 0.9000", "PSNR 35.00"} <= bold
    assert "SSIM 0.7000" not in bold


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_an_image_of_nothing_is_drawn_black(value):
    nothing = np.full((12, 8), value)
    exhibit = make_exhibit(target=nothing, images={"sense": nothing}, kspace=np.full((16, 10), value))
    rendered(draw(exhibit))
    for column in columns(exhibit):
        for panel in column.top:
            assert not shades(panel).any()


def test_a_panel_is_encoded_at_its_own_size_in_eight_bits():
    target, method = columns(make_exhibit())[:2]
    assert shades(target.top[0]).shape == (12, 8)
    assert Image.open(io.BytesIO(encode_png(target.top[0]))).mode == "L"
    assert Image.open(io.BytesIO(encode_png(method.bottom[0]))).mode == "P"
    assert (np.diff(shades(target.top[0]).astype(int).ravel()) >= 0).all()


@pytest.mark.parametrize("count", range(1, 20))
def test_bands_are_filled_evenly(count):
    across = columns_in_band(count)
    bands = -(-count // across)
    assert across <= 6
    assert across * bands - count < bands
