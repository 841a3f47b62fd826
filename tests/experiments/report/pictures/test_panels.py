import io

import numpy as np
import pytest
from PIL import Image

from helpers.comparison import make_comparison
from recon.experiments.report.pictures.panels import (
    ERROR_GAIN,
    WHITE_PERCENTILE,
    columns,
    columns_in_band,
    encode_png,
    error,
    log_kspace,
    sampled_lines,
    white_level,
)


def shades(panel):
    return np.asarray(Image.open(io.BytesIO(encode_png(panel))))


def test_the_display_window_scales_with_the_target():
    comparison = make_comparison()
    small = make_comparison(target=1e-7 * comparison.target, images={"sense": 1e-7 * comparison.images["sense"]})
    assert white_level(small) == pytest.approx(1e-7 * white_level(comparison))
    np.testing.assert_array_equal(shades(columns(small)[1].rows[0][0]), shades(columns(comparison)[2].rows[0][0]))


def test_a_mask_of_points_is_drawn_as_an_image():
    comparison = make_comparison(mask=np.eye(16, 10, dtype=bool))
    mask, kspace = columns(comparison)[0].rows[1]
    np.testing.assert_array_equal(mask.values, comparison.mask)
    assert kspace.values.shape == mask.values.shape
    assert sampled_lines(comparison) is None


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


def test_without_a_target_the_first_method_sets_white():
    comparison = make_comparison(target=None)
    assert white_level(comparison) == np.percentile(comparison.images["zero-filled"], WHITE_PERCENTILE)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_an_image_without_signal_is_drawn_black(value):
    nothing = np.full((12, 8), value)
    comparison = make_comparison(target=nothing, images={"sense": nothing}, kspace=np.full((16, 10), value))
    for column in columns(comparison):
        for panel in column.rows[0]:
            assert not shades(panel).any()


def test_a_panel_is_encoded_at_its_own_size_in_eight_bits():
    target, method = columns(make_comparison())[:2]
    (image,), (wrong,) = target.rows[0], method.rows[1]
    assert shades(image).shape == (12, 8)
    assert Image.open(io.BytesIO(encode_png(image))).mode == "L"
    assert Image.open(io.BytesIO(encode_png(wrong))).mode == "P"
    assert (np.diff(shades(image).astype(int).ravel()) >= 0).all()


@pytest.mark.parametrize("scored", [True, False])
def test_the_same_part_of_everything_is_zoomed_in_the_same_window_and_framed_where_it_lies(scored):
    rng = np.random.default_rng(0)
    images = {"zero-filled": rng.random((160, 140)), "sense": rng.random((160, 140))}
    comparison = make_comparison(target=rng.random((160, 140)) if scored else None, images=images)
    arranged = columns(comparison)
    panels = [panel for column in arranged for row in column.rows for panel in row if panel]
    whole = {panel.title: panel for panel in panels if panel.kind == "image"}
    framed = next(iter(whole.values()))
    assert [panel for panel in panels if panel.frame] == [framed]
    for column in arranged[0 if scored else 1 :]:
        zoom = column.rows[-1][0]
        np.testing.assert_array_equal(zoom.values, whole[column.title].values[framed.frame])
        assert zoom.white == framed.white
    errors = [panel for panel in panels if panel.kind == "zoomed error"]
    assert len(errors) == 2 * scored
    for panel, method in zip(errors, images, strict=False):
        np.testing.assert_array_equal(panel.values, error(images[method], comparison.target)[framed.frame])


@pytest.mark.parametrize("count", range(1, 20))
def test_bands_are_filled_evenly(count):
    across = columns_in_band(count)
    bands = -(-count // across)
    assert across <= 6
    assert across * bands - count < bands


@pytest.mark.parametrize("scored", [True, False])
def test_uncertainty_is_shown_on_the_scale_of_the_errors_for_methods_that_have_it(scored):
    comparison = make_comparison(uncertainties={"sense": np.full((12, 8), 0.03)})
    comparison = comparison if scored else make_comparison(target=None, uncertainties=comparison.uncertainties)
    estimated, *others = sorted(columns(comparison), key=lambda column: column.title != "sense")
    (panel,) = estimated.rows[-2]
    np.testing.assert_allclose(panel.values, ERROR_GAIN * 0.03)
    assert panel.white == estimated.rows[0][0].white
    assert not any(column.rows[-2] for column in others)
    assert {len(column.rows) for column in [estimated, *others]} == {4 if scored else 3}
    assert f"uncertainty x {ERROR_GAIN} shows {ERROR_GAIN} standard deviations" in comparison.scale
