import torch

from recon.window import hann


def test_a_window_is_symmetric_and_nowhere_zero() -> None:
    for size in (1, 2, 7, 8):
        window = hann(size)
        assert window.shape == (size,)
        assert (window > 0).all()
        torch.testing.assert_close(window, window.flip(0))
