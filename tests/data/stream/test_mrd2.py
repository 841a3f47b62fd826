"""MRD 2 streams carry the same messages as the older protocol."""

from io import BytesIO

import mrd
import numpy as np
import pytest

from helpers.programs.serving import scan
from recon.data.errors import InputError
from recon.data.stream.messages import WAVEFORM_HEAD, Close, HeaderText, Image, Message, Waveform, encode, make_image
from recon.data.stream.mrd2 import ITEMS, Mrd2Sink, mrd2_messages
from recon.experiments.engine.run import Runner
from recon.experiments.server.pipe import pipe
from recon.registry import create


def stream_of(messages: list[Message]) -> bytes:
    content = BytesIO()
    sink = Mrd2Sink(content)
    for message in messages:
        sink.write(message)
    return content.getvalue()


@pytest.mark.parametrize("kind", ITEMS.values())
def test_images_survive_with_all_their_fields(kind: str) -> None:
    pixels = np.arange(12).reshape(4, 3).astype(kind)
    attributes = (
        "<ismrmrdMeta><meta><name>A</name><value>1</value><value>two &amp; three</value></meta></ismrmrdMeta>"
    )
    fields = {"image_index": 7, "slice": 3, "position": (1, 2, 3), "read_dir": (0, 1, 0), "user_int": range(8)}
    image = make_image(pixels, '<?xml version="1.0"?>' + attributes, **fields)
    found, end = mrd2_messages(BytesIO(stream_of([image, Close()])))
    assert isinstance(end, Close)
    assert encode(found) == encode(image)


def test_readouts_headers_and_waveforms_survive() -> None:
    head = np.zeros((), WAVEFORM_HEAD)
    head["version"], head["channels"], head["number_of_samples"], head["waveform_id"] = 1, 2, 5, 4
    wave = Waveform(head[()], np.arange(10, dtype="<u4").reshape(2, 5))
    messages = [*scan(1)[1:-1], wave, Close()]
    header, *found = mrd2_messages(BytesIO(stream_of(messages)))
    assert isinstance(header, HeaderText)
    assert list(map(encode, found)) == list(map(encode, messages[1:]))


def test_a_stream_of_mrd_2_gives_images_of_mrd_2() -> None:
    runner = Runner("zero-filled", create("zero-filled"))
    old, new = BytesIO(), BytesIO()
    pipe(BytesIO(b"".join(map(encode, scan(2)))), old, runner, on_text=lambda _: None)
    pipe(BytesIO(stream_of(scan(2))), new, runner, on_text=lambda _: None)
    with mrd.BinaryMrdReader(BytesIO(new.getvalue())) as reader:
        header, items = reader.read_header(), list(reader.read_data())
    assert header.encoding[0].encoded_space.matrix_size.x == 32
    assert [item.tag for item in items] == ["ImageFloat"] * 2
    (comment,) = items[0].value.meta["ImageComments"]
    assert comment.value == "not for diagnostic use"
    images = [one for one in mrd2_messages(BytesIO(new.getvalue())) if isinstance(one, Image)]
    assert b"".join(map(encode, images)) in old.getvalue()


def test_a_damaged_stream_is_refused() -> None:
    content = stream_of(scan(1))
    with pytest.raises(InputError, match="the stream: its data are damaged"):
        pipe(BytesIO(content[:-300]), BytesIO(), Runner("zero-filled", create("zero-filled")))
