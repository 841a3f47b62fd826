from pathlib import Path

import pytest
import torch

from recon.data.errors import InputWarning
from recon.models import precision as subject
from recon.models.precision import Precision, computing_in, fast_bf16, half_precision

CPU = torch.device("cpu")


@pytest.fixture(params=[True, False], ids=["fast", "slow"])
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(subject, "fast_bf16", lambda _: request.param)
    subject._warn_of_slow_bf16.cache_clear()
    return request.param


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_auto_is_half_precision_on_a_gpu_that_has_it(fast: bool, device: str) -> None:
    assert half_precision("auto", device) == (torch.bfloat16 if fast and device == "cuda" else None)


def test_bf16_without_instructions_for_it_is_float32_which_is_said_once(
    fast: bool, recwarn: pytest.WarningsRecorder
) -> None:
    chosen = [half_precision("bf16", "cpu") for _ in range(3)]
    assert chosen == [torch.bfloat16 if fast else None] * 3
    assert [one.category for one in recwarn] == ([] if fast else [InputWarning])


def test_what_is_asked_for_otherwise_is_used(fast: bool) -> None:
    assert half_precision("fp16", "cpu") == torch.float16
    assert half_precision("float32", "cuda") is None
    assert half_precision("no", "cuda") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu avx512f avx512_fp16\nmodel name: bf16\n", False),
    ],
)
def test_instructions_are_read_from_linux(
    text: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(subject, "CPU_INFO", tmp_path / "cpuinfo")
    assert fast_bf16.__wrapped__("cpu") is expected
    monkeypatch.setattr(subject, "CPU_INFO", tmp_path / "absent")
    assert fast_bf16.__wrapped__("cpu") is False


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
def test_half_precision_is_that_of_products_alone(
    precision: Precision, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "fast_bf16", lambda _: True)
    image, kernel = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)
    with computing_in(precision, CPU):
        assert torch.conv2d(image, kernel).dtype == dtype
        assert torch.fft.fftn(image).dtype == torch.complex64
