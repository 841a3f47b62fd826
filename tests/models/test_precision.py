import pytest
import torch

from recon.models.precision import Precision, computing_in

CPU = torch.device("cpu")


def tf32() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16", "fp16"])
def test_only_tf32_allows_tf32_and_only_inside_the_block(precision: Precision) -> None:
    before = tf32()
    with pytest.raises(KeyError), computing_in(precision, CPU):
        assert tf32() == (precision == "tf32",) * 2
        raise KeyError
    assert tf32() == before


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("tf32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_half_precision_is_that_of_products_alone(precision: Precision, dtype: torch.dtype) -> None:
    image, kernel = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)
    with computing_in(precision, CPU):
        assert torch.conv2d(image, kernel).dtype == dtype
        assert torch.fft.fftn(image).dtype == torch.complex64
