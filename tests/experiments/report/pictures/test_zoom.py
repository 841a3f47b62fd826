import numpy as np
import pytest

from recon.experiments.report.pictures.zoom import zoom_window


def spots(*places, shape=(160, 200), size=1.0):
    image = np.zeros(shape)
    for row, column in places:
        image[row, column] = size
    return image


def inside(window, row, column):
    rows, columns = window
    return rows.start <= row < rows.stop and columns.start <= column < columns.stop


def test_the_window_is_a_quarter_of_each_side_and_holds_the_errors():
    window = zoom_window([spots((100, 30), (110, 50), (20, 180))], spots())
    assert [part.stop - part.start for part in window] == [40, 50]
    assert inside(window, 100, 30)
    assert inside(window, 110, 50)


def test_a_method_with_large_errors_does_not_outvote_two_with_small_ones():
    bad, good = spots((20, 20), size=100), spots((120, 150))
    assert inside(zoom_window([bad, good, good], spots()), 120, 150)


def test_without_a_target_the_window_is_where_the_images_differ():
    common = np.random.default_rng(0).random((160, 200))
    assert inside(zoom_window([common, common + spots((70, 160))], None), 70, 160)


def test_without_errors_the_window_is_in_the_middle():
    for images, target in (([spots()], spots()), ([spots()], None)):
        assert inside(zoom_window(images, target), 80, 100)


@pytest.mark.parametrize("shape", [(12, 8), (33, 200), (1, 1), (32, 32)])
def test_the_window_lies_in_the_image_however_small(shape):
    rows, columns = zoom_window([np.random.default_rng(0).random(shape)], np.zeros(shape))
    for part, size in zip((rows, columns), shape, strict=True):
        assert 0 <= part.start < part.stop <= size
        assert part.stop - part.start == max(size // 4, min(size, 32))
