"""Converts MRD 2 streams to the messages of the older protocol, and messages to MRD 2 streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.formats.header.xml import HeaderError
from recon.data.formats.mrd2.header import from_xml, to_xml
from recon.data.formats.mrd2.items import acquisition_of, fill, package, readout_of
from recon.data.formats.mrd2.reader import MAGIC, read_items
from recon.data.stream.messages import (
    IMAGE_HEAD,
    PIXELS,
    WAVEFORM_HEAD,
    Close,
    HeaderText,
    Image,
    Message,
    Readout,
    Waveform,
)
from recon.data.stream.meta import format_meta, parse_meta

FIRST_BYTE = MAGIC[:1]
"""First byte of a stream; no message of the older protocol begins with it."""

ITEMS = {
    "ImageUint16": "<u2",
    "ImageInt16": "<i2",
    "ImageUint32": "<u4",
    "ImageInt32": "<i4",
    "ImageFloat": "<f4",
    "ImageDouble": "<f8",
    "ImageComplexFloat": "<c8",
    "ImageComplexDouble": "<c16",
}
"""Type of the pixels of each kind of image."""

PLACES = {
    "field_of_view": "field_of_view",
    "position": "position",
    "read_dir": "col_dir",
    "phase_dir": "line_dir",
    "slice_dir": "slice_dir",
    "patient_table_position": "patient_table_position",
}
"""MRD 2's names of an image's place; columns are counted along the readout."""

COUNTERS = ("average", "slice", "contrast", "phase", "repetition", "set")
INDICES = ("acquisition_time_stamp", "image_index", "image_series_index")
LISTS = ("physiology_time_stamp", "user_int", "user_float")
WAVES = ("flags", "measurement_uid", "scan_counter", "time_stamp", "sample_time_us", "waveform_id")


def mrd2_messages(source: BinaryIO, name: str = "the stream") -> Iterator[Message]:
    """Yield the messages of an MRD 2 stream; items other than readouts, images and waveforms are left out.

    Raises
    ------
    InputError
        If the package is not installed, or the stream is damaged.
    """
    header, items = read_items(source, name)
    if header is not None:
        yield HeaderText(to_xml(header))
    for item in items:
        if item.tag == "Acquisition":
            yield Readout(*readout_of(item.value, name))
        elif item.tag in ITEMS:
            yield _image(item.value, name)
        elif item.tag == "WaveformUint32":
            yield _waveform(item.value, name)
    yield Close()


class Mrd2Sink:
    """Writes messages to an MRD 2 stream.

    Parameters
    ----------
    sink
        Where to write.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self._mrd = package("writing MRD 2")
        self._writer = self._mrd.BinaryMrdWriter(sink)
        self._has_header = False

    def write(self, message: Message) -> None:
        """Write a header, an image, a readout, a waveform, or the end of the stream; other messages are left out.

        Raises
        ------
        InputError
            If the header holds what MRD 2 cannot store.
        """
        stream_item = self._mrd.StreamItem
        match message:
            case HeaderText(xml) if not self._has_header:
                self._write_header(xml)
            case Image():
                kind = next(tag for tag, pixels in ITEMS.items() if np.dtype(pixels) == message.pixels.dtype)
                self._put(getattr(stream_item, kind)(self._image(message)))
            case Readout(head, samples, trajectory):
                self._put(stream_item.Acquisition(acquisition_of(head, samples, trajectory)))
            case Waveform(head, samples):
                values = {name: head[name].item() for name in WAVES}
                self._put(stream_item.WaveformUint32(self._mrd.Waveform(data=np.array(samples), **values)))
            case Close():
                if not self._has_header:
                    self._write_header(None)
                self._writer.write_data([])
                self._writer.close()

    def _write_header(self, xml: str | None) -> None:
        try:
            self._writer.write_header(None if xml is None else from_xml(xml, self._mrd.Header))
        except HeaderError as error:
            raise InputError(f"the stream: {error}") from error
        self._has_header = True

    def _put(self, item: Any) -> None:
        if not self._has_header:
            self._write_header(None)
        self._writer.write_data([item])

    def _image(self, image: Image) -> Any:
        mrd, head = self._mrd, image.head
        text = mrd.ImageMetaValue.String
        return mrd.Image(
            head=mrd.ImageHeader(
                flags=mrd.ImageFlags(int(head["flags"])),
                measurement_uid=int(head["measurement_uid"]),
                image_type=mrd.ImageType(int(head["image_type"])),
                **{theirs: np.array(head[ours], np.float32) for ours, theirs in PLACES.items()},
                **{name: head[name].item() for name in (*COUNTERS, *INDICES)},
                **{name: head[name].tolist() for name in LISTS},
            ),
            data=np.ascontiguousarray(image.pixels),
            meta={name: list(map(text, values)) for name, values in parse_meta(image.attributes).items()},
        )


def _image(image: Any, name: str) -> Image:
    pixels: NDArray[Any] = np.ascontiguousarray(image.data)
    attributes = format_meta({key: [str(one.value) for one in values] for key, values in image.meta.items()})
    theirs, head = image.head, np.zeros((), IMAGE_HEAD)
    try:
        head["version"], head["channels"] = 1, pixels.shape[0]
        head["data_type"] = next(number for number, kind in PIXELS.items() if np.dtype(kind) == pixels.dtype)
        head["matrix_size"] = pixels.shape[:0:-1]
        head["attribute_string_len"] = len(attributes.encode())
        head["flags"], head["measurement_uid"] = int(theirs.flags.value), theirs.measurement_uid
        head["image_type"] = theirs.image_type.value
        for ours, field in PLACES.items():
            head[ours] = getattr(theirs, field)
        for field in (*COUNTERS, *INDICES):
            head[field] = getattr(theirs, field) or 0
        for field in LISTS:
            fill(head[field], getattr(theirs, field))
    except OverflowError as error:
        raise InputError(f"{name}: an image has a number that is too large for ISMRMRD ({error})") from error
    return Image(head[()], pixels, attributes)


def _waveform(wave: Any, name: str) -> Waveform:
    samples = np.ascontiguousarray(wave.data, "<u4")
    head = np.zeros((), WAVEFORM_HEAD)
    try:
        head["version"] = 1
        head["channels"], head["number_of_samples"] = samples.shape
        for field in WAVES:
            head[field] = getattr(wave, field)
    except OverflowError as error:
        raise InputError(f"{name}: a waveform has a number that is too large for ISMRMRD ({error})") from error
    return Waveform(head[()], samples)
