"""Defines the messages of the MRD streaming protocol of scanners, Gadgetron and OpenRecon: a kind and a body.

All numbers are little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError


class Identifier(IntEnum):
    """Number of the kind of a message."""

    CONFIG_NAME = 1
    CONFIG_TEXT = 2
    HEADER = 3
    CLOSE = 4
    TEXT = 5
    READOUT = 1008
    IMAGE = 1022
    WAVEFORM = 1026


CONFIG_NAME_BYTES = 1024
_PLACE = [(name, "<f4", 3) for name in ("position", "read_dir", "phase_dir", "slice_dir", "patient_table_position")]
_USER = [("user_int", "<i4", 8), ("user_float", "<f4", 8)]

IMAGE_HEAD = np.dtype(
    [
        *[("version", "<u2"), ("data_type", "<u2"), ("flags", "<u8"), ("measurement_uid", "<u4")],
        *[("matrix_size", "<u2", 3), ("field_of_view", "<f4", 3), ("channels", "<u2")],
        *_PLACE,
        *[(name, "<u2") for name in ("average", "slice", "contrast", "phase", "repetition", "set")],
        *[("acquisition_time_stamp", "<u4"), ("physiology_time_stamp", "<u4", 3)],
        *[("image_type", "<u2"), ("image_index", "<u2"), ("image_series_index", "<u2")],
        *_USER,
        ("attribute_string_len", "<u4"),
    ]
)

WAVEFORM_HEAD = np.dtype(
    [
        *[("version", "<u2"), ("flags", "<u8"), ("measurement_uid", "<u4"), ("scan_counter", "<u4")],
        *[("time_stamp", "<u4"), ("number_of_samples", "<u2"), ("channels", "<u2"), ("sample_time_us", "<f4")],
        ("waveform_id", "<u2"),
    ],
    align=True,
)

PIXELS = {1: "<u2", 2: "<i2", 3: "<u4", 4: "<i4", 5: "<f4", 6: "<f8", 7: "<c8", 8: "<c16"}
"""Type of the pixels, by the number in the header of an image."""

MAGNITUDE, COMPLEX = 1, 5
"""Numbers of the types of magnitude and of complex images."""


@dataclass(frozen=True)
class ConfigName:
    """Name of a configuration of the server."""

    name: str

    kind = Identifier.CONFIG_NAME

    def body(self) -> bytes:
        """Return the bytes after the identifier.

        Raises
        ------
        InputError
            If the name is longer than 1023 bytes.
        """
        text = self.name.encode()
        if len(text) >= CONFIG_NAME_BYTES:
            raise InputError(f"the configuration's name has {len(text)} bytes, more than {CONFIG_NAME_BYTES - 1}")
        return text.ljust(CONFIG_NAME_BYTES, b"\0")


@dataclass(frozen=True)
class ConfigText:
    """Text of a configuration of the server."""

    text: str

    kind = Identifier.CONFIG_TEXT

    def body(self) -> bytes:
        """Return the bytes after the identifier."""
        return _length("<I", self.text)


@dataclass(frozen=True)
class HeaderText:
    """ISMRMRD header of the scan."""

    xml: str

    kind = Identifier.HEADER

    def body(self) -> bytes:
        """Return the bytes after the identifier."""
        return _length("<I", self.xml)


@dataclass(frozen=True)
class Text:
    """Message for a person."""

    text: str

    kind = Identifier.TEXT

    def body(self) -> bytes:
        """Return the bytes after the identifier."""
        return _length("<I", self.text)


@dataclass(frozen=True)
class Close:
    """End of the session: no further message follows."""

    kind = Identifier.CLOSE

    def body(self) -> bytes:
        """Return no bytes."""
        return b""


@dataclass(frozen=True, eq=False)
class Readout:
    """One readout.

    Attributes
    ----------
    head
        Header, a scalar of type `HEAD`.
    samples
        complex64 `(channels, samples)`.
    trajectory
        float32 `(samples, dimensions)`, with 0 dimensions for Cartesian scans.
    """

    head: Any
    samples: NDArray[np.complex64]
    trajectory: NDArray[np.float32]

    kind = Identifier.READOUT

    def body(self) -> bytes:
        """Return the bytes after the identifier."""
        return self.head.tobytes() + self.trajectory.tobytes() + self.samples.tobytes()


@dataclass(frozen=True, eq=False)
class Image:
    """One image.

    Attributes
    ----------
    head
        Header, a scalar of type `IMAGE_HEAD`.
    pixels
        `(channels, z, y, x)`; the readout runs along x, the phase encoding along y.
    attributes
        XML text.
    """

    head: Any
    pixels: NDArray[Any]
    attributes: str = ""

    kind = Identifier.IMAGE

    def body(self) -> bytes:
        """Return the bytes after the identifier."""
        return self.head.tobytes() + _length("<Q", self.attributes) + self.pixels.tobytes()


@dataclass(frozen=True, eq=False)
class Waveform:
    """A physiological signal, such as an electrocardiogram.

    Attributes
    ----------
    head
        Header, a scalar of type `WAVEFORM_HEAD`.
    samples
        uint32 `(channels, samples)`.
    """

    head: Any
    samples: NDArray[np.uint32]

    kind = Identifier.WAVEFORM

    def body(self) -> bytes:
        """Return the bytes after the identifier."""
        return self.head.tobytes() + self.samples.tobytes()


Message = ConfigName | ConfigText | HeaderText | Text | Close | Readout | Image | Waveform


def encode(message: Message) -> bytes:
    """Convert a message to bytes.

    Raises
    ------
    InputError
        If the message is the name of a configuration and longer than 1023 bytes.
    """
    return struct.pack("<H", message.kind) + message.body()


def make_image(pixels: NDArray[Any], attributes: str = "", **fields: Any) -> Image:
    """Make an image of one channel from pixels `(readout, phase)` and values of header fields."""
    head = np.zeros((), IMAGE_HEAD)
    kinds = {np.dtype(kind): number for number, kind in PIXELS.items()}
    plain = {
        "version": 1,
        "data_type": kinds[pixels.dtype.newbyteorder("<")],
        "matrix_size": (*pixels.shape, 1),
        "channels": 1,
        "image_type": MAGNITUDE,
        "attribute_string_len": len(attributes.encode()),
    }
    for name, value in (plain | fields).items():
        head[name] = value
    return Image(head[()], np.ascontiguousarray(pixels.T)[None, None], attributes)


def with_attributes(image: Image, attributes: str) -> Image:
    """Return an image with other attributes."""
    head = np.zeros((), IMAGE_HEAD)
    head[()] = image.head
    head["attribute_string_len"] = len(attributes.encode())
    return Image(head[()], image.pixels, attributes)


def _length(kind: str, text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(kind, len(encoded)) + encoded
