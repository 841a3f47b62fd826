"""The report shows what moves in a series, and a line through it over time."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from helpers.comparison import make_comparison
from recon.experiments.report.pictures.panels import columns, encode_picture
from recon.experiments.report.pictures.series_pictures import SeriesPictures, encode_movie

FRAMES, ROWS, COLUMNS = 8, 120, 100


def heart(shift: int = 0) -> np.ndarray:
    """A bright disc at row 80 and column 30 that grows and shrinks on a structured background."""
    y, x = np.meshgrid(np.arange(ROWS), np.arange(COLUMNS), indexing="ij")
    radius = 8 + 3 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES)[:, None, None]
    return (np.hypot(y - 80, x - 30 - shift) < radius) + 0.2 * (x + y > 90)


@pytest.fixture
def pictures() -> SeriesPictures:
    return SeriesPictures(heart(), {"sense": heart(1)}, interval=41.0)


def test_the_window_holds_what_moves_and_is_half_as_large(pictures: SeriesPictures) -> None:
    rows, columns_ = pictures.window
    assert (rows.stop - rows.start, columns_.stop - columns_.start) == (60, 50)
    assert rows.start <= 69
    assert rows.stop >= 91
    assert columns_.start <= 19
    assert columns_.stop >= 41
    assert abs(pictures.column - 30) < 12


def test_the_profile_is_the_column_of_every_frame(pictures: SeriesPictures) -> None:
    profile = pictures.profile(heart())
    rows, columns_ = pictures.window
    times = profile.shape[1] // FRAMES
    assert abs(profile.shape[1] - (columns_.stop - columns_.start)) <= FRAMES // 2
    np.testing.assert_array_equal(profile[:, ::times], heart()[:, rows, pictures.column].T)


def test_a_movie_shows_every_frame_for_its_time_without_end(pictures: SeriesPictures) -> None:
    frames = pictures.movie(heart())
    content, kind = encode_movie(frames, 1.2, pictures.duration)
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format or "").lower() == kind
        assert (image.n_frames, image.info["loop"], image.size) == (FRAMES, 0, (50, 60))
        for frame in range(FRAMES):
            image.seek(frame)
            image.load()
            assert image.info["duration"] == 41
            shades = np.asarray(image.convert("L")) / 255 * 1.2
            assert np.abs(shades - frames[frame]).mean() < 0.04


@pytest.mark.parametrize(("interval", "shown"), [(None, 60), (5.0, 30), (900.0, 200), (41.4, 41)])
def test_frames_are_shown_at_a_speed_that_can_be_watched(interval: float | None, shown: int) -> None:
    assert SeriesPictures(heart(), {}, interval).duration == shown


def test_a_series_that_does_not_move_is_shown_all_the_same() -> None:
    still = np.ones((3, 60, 60))
    pictures = SeriesPictures(None, {"sense": still * np.nan, "grappa": still})
    assert pictures.profile(still).shape[0] == 48
    assert encode_movie(pictures.movie(still * np.nan), 1.0, 60)[0]


@pytest.mark.parametrize("with_target", [True, False])
def test_the_page_moves_and_the_figure_keeps_still(pictures: SeriesPictures, with_target: bool) -> None:
    series = pictures if with_target else replace(pictures, target=None)
    images = {"sense": heart(1)[0]}
    comparison = make_comparison(target=heart()[0] if with_target else None, images=images, series=series)
    moving, still = columns(comparison), columns(comparison, moving=False)
    method = moving[-1]
    kinds = [panel.kind for row in method.rows for panel in row if panel is not None]
    assert kinds.count("cine") == 1
    assert kinds.count("profile error") == with_target
    assert all(panel is None or panel.movie is None for column in still for row in column.rows for panel in row)
    assert len({len(column.rows) for column in moving}) == 1
    assert len({len(column.rows) for column in still}) == 1
    (cine,) = (panel for row in method.rows for panel in row if panel is not None and panel.kind == "cine")
    assert encode_picture(cine)[1] in {"webp", "png"}
    assert encode_picture(method.rows[0][0])[1] == "png"


def test_series_are_cut_to_the_common_field_as_images_are(pictures: SeriesPictures) -> None:
    images = {"sense": heart(1)[0, :100, :90]}
    cut = make_comparison(target=heart()[0], images=images, series=pictures).series
    assert cut is not None
    assert cut.target is not None
    assert cut.target.shape == cut.images["sense"].shape == (FRAMES, 100, 90)
