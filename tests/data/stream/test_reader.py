"""Checks encoding and decoding of messages, ours and those of the package ismrmrd, and limits of their lengths."""

import io
import struct
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.programs.streams import make_readout
from recon.data.errors import InputError
from recon.data.formats.ismrmrd.readout_type import HEAD
from recon.data.stream.messages import (
    IMAGE_HEAD,
    WAVEFORM_HEAD,
    Close,
    ConfigName,
    ConfigText,
    HeaderText,
    Identifier,
    Image,
    Message,
    Readout,
    Text,
    Waveform,
    encode,
    make_image,
)
from recon.data.stream.reader import MessageReader, StreamLimits

rng = np.random.default_rng(0)
SAMPLES = (rng.normal(size=(3, 16)) + 1j * rng.normal(size=(3, 16))).astype(np.complex64)
READOUT = make_readout(SAMPLES, kspace_encode_step_1=7, slice=2, flags=1 << 7, position=(1, 2, 3), sample_time_us=2.5)
PIXELS = rng.normal(size=(6, 5)).astype(np.float32)
IMAGE = make_image(PIXELS, "<ismrmrdMeta/>", image_index=4, field_of_view=(60, 50, 5), read_dir=(0, 1, 0))
WAVEFORM_START = np.zeros((), WAVEFORM_HEAD)
WAVEFORM_START["channels"], WAVEFORM_START["number_of_samples"] = 2, 9
WAVEFORM = Waveform(WAVEFORM_START[()], np.arange(18, dtype=np.uint32).reshape(2, 9))
MESSAGES = [
    ConfigName("varnet"),
    ConfigText("{}"),
    HeaderText("<a>é</a>"),
    READOUT,
    WAVEFORM,
    IMAGE,
    Text("done"),
    Close(),
]


def read(content: bytes, **limits: int) -> list[Message]:
    return list(MessageReader(io.BytesIO(content).read, StreamLimits(**limits)))


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, getattr(other, name))


def test_messages_survive_encoding_and_decoding() -> None:
    for sent, received in zip(MESSAGES, read(b"".join(map(encode, MESSAGES))), strict=True):
        assert_same(received, sent)


@given(cuts=st.lists(st.integers(1, 500), min_size=1))
def test_any_division_of_the_stream_gives_the_same_messages(cuts: list[int]) -> None:
    stream = io.BytesIO(b"".join(map(encode, MESSAGES)))
    pieces = iter(cuts * 10_000)
    received = list(MessageReader(lambda size: stream.read(min(size, next(pieces)))))
    assert len(received) == len(MESSAGES)
    assert_same(received[3], READOUT)


@pytest.mark.parametrize("closing", [b"", b"\0", b"\0garbage"])
def test_texts_may_end_in_nul(closing: bytes) -> None:
    text = b"<header/>" + closing
    content = struct.pack("<HI", Identifier.HEADER, len(text)) + text
    assert read(content) == [HeaderText("<header/>")]


def test_the_package_ismrmrd_reads_our_messages() -> None:
    serialization, ismrmrd = _ismrmrd()
    stream = io.BytesIO(b"".join(map(encode, [MESSAGES[0], READOUT, IMAGE, WAVEFORM, Text("hallo"), Close()])))
    name, readout, image, waveform, text = serialization.ProtocolDeserializer(stream).deserialize()
    assert (name, text) == ("varnet", "hallo")
    np.testing.assert_array_equal(readout.data, SAMPLES)
    assert (readout.idx.kspace_encode_step_1, readout.idx.slice, tuple(readout.position)) == (7, 2, (1, 2, 3))
    assert readout.is_flag_set(ismrmrd.ACQ_LAST_IN_SLICE)
    assert readout.sample_time_us == 2.5
    np.testing.assert_array_equal(image.data[0, 0], PIXELS.T)
    assert (image.image_index, tuple(image.field_of_view), tuple(image.read_dir)) == (4, (60, 50, 5), (0, 1, 0))
    np.testing.assert_array_equal(waveform.data, WAVEFORM.samples)


def test_we_read_messages_of_the_package_ismrmrd() -> None:
    serialization, ismrmrd = _ismrmrd()
    stream = io.BytesIO()
    with serialization.ProtocolSerializer(stream) as writer:
        writer.serialize(serialization.ConfigFile("sense"))
        writer.serialize(serialization.ConfigText("<xml/>"))
        trajectory = np.ones((16, 2), np.float32)
        writer.serialize(ismrmrd.Acquisition.from_array(SAMPLES, trajectory, scan_counter=5))
        writer.serialize(ismrmrd.Image.from_array(PIXELS, image_index=9))
    name, config, readout, image, close = read(stream.getvalue())
    assert (name, config, close) == (ConfigName("sense"), ConfigText("<xml/>"), Close())
    assert isinstance(readout, Readout)
    assert readout.head["scan_counter"] == 5
    np.testing.assert_array_equal(readout.samples, SAMPLES)
    np.testing.assert_array_equal(readout.trajectory, trajectory)
    assert isinstance(image, Image)
    assert image.head["image_index"] == 9
    np.testing.assert_array_equal(image.pixels[0, 0], PIXELS)


def test_headers_have_the_sizes_of_the_standard() -> None:
    assert (HEAD.itemsize, IMAGE_HEAD.itemsize, WAVEFORM_HEAD.itemsize) == (340, 198, 40)


@pytest.mark.parametrize("message", MESSAGES[:-1], ids=lambda message: type(message).__name__)
def test_a_stream_that_ends_within_a_message_is_refused(message: Message) -> None:
    content = encode(message)
    for end in {1, 3, len(content) // 2, len(content) - 1}:
        with pytest.raises(InputError, match="ended within a message"):
            read(content[:end])


def test_a_stream_may_end_between_messages() -> None:
    assert read(encode(Text("a"))) == [Text("a")]


LARGE = np.zeros((), HEAD)
LARGE["active_channels"] = LARGE["number_of_samples"] = 65535


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (struct.pack("<H", 77), "unknown kind 77"),
        (struct.pack("<HI", Identifier.TEXT, 2**32 - 1), "text of 4294967295 bytes"),
        (struct.pack("<HI", Identifier.HEADER, 2**32 - 1), "text of 4294967295 bytes"),
        (struct.pack("<H", Identifier.READOUT) + LARGE.tobytes(), "message of 34358689800 bytes"),
        (struct.pack("<H", Identifier.IMAGE) + bytes(IMAGE_HEAD.itemsize), "unknown type 0"),
    ],
)
def test_impossible_messages_are_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read(content)


def test_a_session_has_a_limit() -> None:
    with pytest.raises(InputError, match="more than its limit of 10000 bytes"):
        read(encode(Text("a" * 100)) * 1000, session=10_000)


def test_memory_is_allocated_as_bytes_arrive_not_as_declared() -> None:
    LARGE["active_channels"] = 400  # 210 MB
    content = struct.pack("<H", Identifier.READOUT) + LARGE.tobytes() + bytes(1000)
    tracemalloc.start()
    with pytest.raises(InputError, match="ended within"):
        read(content, message=1 << 30)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_damaged_streams_are_read_or_refused() -> None:
    content = b"".join(map(encode, MESSAGES))
    generator = np.random.default_rng(1)
    sentences = []
    for _ in range(2000):
        damaged = bytearray(content)
        for position in generator.integers(len(content), size=generator.integers(1, 5)):
            damaged[position] = generator.integers(256)
        try:
            read(bytes(damaged[: generator.integers(1, len(content) + 1)]), text=10_000, message=1_000_000)
        except InputError as error:
            sentences.append(str(error))
    assert len(sentences) > 1000
    assert max(map(len, sentences)) < 200


def _ismrmrd() -> tuple[Any, Any]:
    with warnings.catch_warnings():  # the package resets the filters on import
        return pytest.importorskip("ismrmrd.serialization"), pytest.importorskip("ismrmrd")
