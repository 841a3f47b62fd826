from dataclasses import replace

import pytest
import torch

from helpers.scans.objects import object_acquisition
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.series import Frame
from recon.preprocessing.time_average import ENOUGH_LINES, check_series, time_average, with_time_average
from recon.registry import create

FULL = object_acquisition(6, 48, 64, noise=0)


def series(count: int = 4, kind: MaskKind = MaskKind.KT_EQUISPACED) -> list[Acquisition]:
    header = replace(FULL.header, frames=tuple(Frame(repetition=number) for number in range(count)))
    sampling = Sampling(kind, 2, 0.0)
    return [sampling(replace(FULL, header=header, slice=number)) for number in range(count)]


def test_the_mean_over_time_of_an_object_at_rest_is_its_full_scan() -> None:
    mean = time_average(series())
    assert mean.mask.all()
    assert torch.allclose(mean.kspace, FULL.kspace)


def test_frames_without_central_lines_are_calibrated_by_the_mean_over_time() -> None:
    with pytest.raises(InputError, match="calibration needs 4 or more"):
        create("sense")(series()[0])
    frames = with_time_average(series())
    for frame in frames:
        assert frame.calibration is not None
        assert torch.allclose(frame.calibration, FULL.kspace[..., 32 - ENOUGH_LINES // 2 :][..., :ENOUGH_LINES])
        error = create("sense")(frame) - create("sense")(FULL)
        assert error.norm() < 0.05 * create("sense")(FULL).norm()


def test_frames_that_calibrate_themselves_are_left_alone() -> None:
    sampling = Sampling(MaskKind.KT_RANDOM, 2, 0.4)
    frames = [sampling(frame) for frame in series(kind=MaskKind.KT_RANDOM)]
    own = [replace(frame, calibration=FULL.kspace[..., 20:44]) for frame in series()]
    for given in (own, series()[:1], [replace(frame, mask=frame.mask.expand(48, -1)) for frame in frames]):
        assert all(after is before for after, before in zip(with_time_average(given), given, strict=True))


def test_a_mean_over_time_with_too_few_central_lines_calibrates_nothing() -> None:
    few = torch.zeros(64, dtype=torch.bool)
    few[31:33] = True
    frames = [frame.undersample(few) for frame in series()]
    assert all(after is before for after, before in zip(with_time_average(frames), frames, strict=True))


def test_frames_of_other_sizes_are_refused() -> None:
    short = replace(FULL, kspace=FULL.kspace[..., :32], mask=FULL.mask[:32])
    with pytest.raises(InputError, match="the frames of a series differ in size"):
        check_series([FULL, short])
