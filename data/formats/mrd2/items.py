"""Converts the readouts of MRD 2 to ISMRMRD's headers and samples, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.extras import extra
from recon.data.formats.ismrmrd.readout_type import COUNTERS, HEAD

Complex = NDArray[np.complex64]

PLACES = ("position", "read_dir", "phase_dir", "slice_dir", "patient_table_position")
STEPS = tuple(name for name in COUNTERS.names or () if name != "user")
NUMBERS = (
    "measurement_uid",
    "scan_counter",
    "acquisition_time_stamp",
    "discard_pre",
    "discard_post",
    "encoding_space_ref",
    "sample_time_us",
)
"""Fields with one number, which MRD 2 may leave out where ISMRMRD writes 0."""

FLAGS = (1 << 31) - 1
"""Flags that both formats have; ISMRMRD also numbers flags of compression and of users."""


def package(purpose: str = "MRD 2") -> Any:
    """Import the package `mrd`.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    with extra("mrd", purpose):
        import mrd  # noqa: PLC0415 - an extra

        return mrd


def readout_of(acquisition: Any, name: str) -> tuple[Any, Complex, NDArray[np.float32]]:
    """Return header `HEAD`, samples `(channels, samples)` and trajectory `(samples, dimensions)` of a readout.

    Parameters
    ----------
    acquisition
        An `mrd.Acquisition`.
    name
        Name of its source, for messages.

    Raises
    ------
    InputError
        If a number is larger than ISMRMRD stores.
    """
    theirs, samples = acquisition.head, np.ascontiguousarray(acquisition.data, "<c8")
    trajectory = np.ascontiguousarray(acquisition.trajectory.T, "<f4")
    head = np.zeros((), HEAD)
    try:
        head["version"], head["flags"] = 1, int(theirs.flags.value) & FLAGS
        head["active_channels"], head["number_of_samples"] = samples.shape
        head["available_channels"] = samples.shape[0]
        centre = theirs.center_sample
        head["center_sample"] = samples.shape[1] // 2 if centre is None else centre
        head["trajectory_dimensions"] = trajectory.shape[1] if trajectory.size else 0
        for field in NUMBERS:
            head[field] = getattr(theirs, field) or 0
        for field in PLACES:
            head[field] = getattr(theirs, field)
        for field in STEPS:
            head["idx"][field] = getattr(theirs.idx, field) or 0
        fill(head["idx"]["user"], theirs.idx.user)
        for field in ("physiology_time_stamp", "user_int", "user_float"):
            fill(head[field], getattr(theirs, field))
    except OverflowError as error:
        raise InputError(f"{name}: a readout has a number that is too large for ISMRMRD ({error})") from error
    return head[()], samples, trajectory if trajectory.size else np.zeros((samples.shape[1], 0), "<f4")


def acquisition_of(head: Any, samples: Complex, trajectory: NDArray[np.float32] | None = None) -> Any:
    """Return an `mrd.Acquisition` of the same readout; the arguments are the values of `readout_of`."""
    mrd = package()
    return mrd.Acquisition(
        head=mrd.AcquisitionHeader(
            flags=mrd.AcquisitionFlags(int(head["flags"]) & FLAGS),
            idx=mrd.EncodingCounters(
                **{field: int(head["idx"][field]) for field in STEPS}, user=head["idx"]["user"].tolist()
            ),
            channel_order=list(range(samples.shape[0])),
            center_sample=int(head["center_sample"]),
            **{field: head[field].item() for field in NUMBERS},
            **{field: np.array(head[field], np.float32) for field in PLACES},
            **{field: head[field].tolist() for field in ("physiology_time_stamp", "user_int", "user_float")},
        ),
        data=np.ascontiguousarray(samples, np.complex64),
        trajectory=np.zeros((0, 0), np.float32) if trajectory is None else np.ascontiguousarray(trajectory.T),
    )


def fill(places: NDArray[Any], numbers: list[Any]) -> None:
    """Copy as many numbers as there are places; MRD 2 stores any number of them."""
    count = min(len(places), len(numbers))
    places[:count] = numbers[:count]
