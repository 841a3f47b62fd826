"""A stream on standard input becomes images on standard output, and nothing else."""

import json
import subprocess
import sys
from io import BytesIO
from typing import BinaryIO

import ismrmrd
import numpy as np
import pytest

from helpers.programs.serving import PHASE, READOUT, converse, header, lines, scan, serving
from recon.data.errors import InputError
from recon.data.stream.messages import Close, ConfigName, HeaderText, Image, Message, Text, encode
from recon.data.stream.reader import MessageReader
from recon.experiments.engine.run import Runner
from recon.experiments.server.answer import ServerOptions
from recon.experiments.server.pipe import pipe
from recon.registry import create


def piped(messages: list[Message | bytes], **options: object) -> tuple[bytes, list[str]]:
    """Return the bytes that come out, and the texts."""
    source = BytesIO(b"".join(one if isinstance(one, bytes) else encode(one) for one in messages))
    sink, texts = BytesIO(), list[str]()
    runner = Runner("zero-filled", create("zero-filled"))
    pipe(source, sink, runner, options=ServerOptions(**options), on_text=texts.append)  # type: ignore[arg-type]
    return sink.getvalue(), texts


def images(messages: list[Message]) -> list[Image]:
    return [message for message in messages if isinstance(message, Image)]


def test_the_images_are_those_of_the_server() -> None:
    content, texts = piped(scan(2))
    received = list(MessageReader(BytesIO(content).read))
    assert [type(message) for message in received] == [HeaderText, Image, Image, Close]
    with serving() as server:
        expected = images(converse(server, scan(2)))
    for ours, theirs in zip(images(received), expected, strict=True):
        assert encode(ours) == encode(theirs)
    assert sum("not for diagnostic use" in text for text in texts) == 2


def test_the_package_ismrmrd_writes_what_is_read_and_reads_what_is_written() -> None:
    raw = BytesIO()
    serializer = ismrmrd.ProtocolSerializer(raw)
    serializer.serialize(ismrmrd.xsd.CreateFromDocument(header().xml))
    for line in lines():
        made = ismrmrd.Acquisition.from_array(np.array(line.samples))
        made.idx.kspace_encode_step_1 = int(line.head["idx"]["kspace_encode_step_1"])
        made.center_sample = READOUT // 2
        serializer.serialize(made)
    serializer.close()
    content, _ = piped([raw.getvalue()])
    first, image = ismrmrd.ProtocolDeserializer(BytesIO(content)).deserialize()
    assert first.encoding[0].encodedSpace.matrixSize.x == READOUT
    assert image.data.shape == (1, 1, PHASE, READOUT)


def test_what_the_console_chose_is_applied() -> None:
    console = {"parameters": {"method": "sense+gain", "gainStrength": 0.0, "senseIterations": 3, "acceleration": 2.0}}
    config, head, *rest = scan(1)
    content, texts = piped([config, head, Text(json.dumps(console)), *rest], image_type="float32")
    assert "sense+gain, iterations=3, gain.strength=0.0, acceleration=2" in texts
    (chosen,) = images(list(MessageReader(BytesIO(content).read)))
    (plain,) = images(list(MessageReader(BytesIO(piped(scan(1), image_type="float32")[0]).read)))
    assert not np.allclose(chosen.pixels, plain.pixels, rtol=0.01)


def test_a_console_with_nothing_of_ours_changes_nothing() -> None:
    config, head, *rest = scan(1)
    for text in ('{"parameters": {"colour": "red"}}', "not JSON", '{"other": 1}', "[]"):
        assert piped([config, head, Text(text), *rest])[0] == piped(scan(1))[0]


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([b"\x00\x00"], "unknown kind"),
        ([header(), encode(lines()[0])[:-1]], "ended within a message"),
        ([header(), *lines()], "ended without being closed"),
        ([], "ended without being closed"),
        ([Close()], "closed before its header"),
        ([header(), *lines()[:3], Close()], "incomplete"),
        ([ConfigName("no method"), *scan(1)[1:]], "unknown method 'no method'"),
        ([*scan(1)[:2], Text('{"parameters": {"acceleration": 99}}'), *scan(1)[2:]], "acceleration is 99"),
    ],
)
def test_a_stream_with_a_problem_is_not_closed(messages: list[Message | bytes], problem: str) -> None:
    sink, source = BytesIO(), BytesIO(b"".join(m if isinstance(m, bytes) else encode(m) for m in messages))
    with pytest.raises(InputError, match=problem):
        pipe(source, sink, Runner("zero-filled", create("zero-filled")), on_text=lambda _: None)
    assert not any(isinstance(message, Close) for message in MessageReader(BytesIO(sink.getvalue()).read))


def test_a_reader_that_has_left_ends_the_reconstruction() -> None:
    class Closed(BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    sink: BinaryIO = Closed()
    with pytest.raises((BrokenPipeError, InputError), match="Broken pipe"):
        pipe(BytesIO(b"".join(map(encode, scan(1)))), sink, Runner("zero-filled", create("zero-filled")))


@pytest.mark.slow
def test_the_command_prints_nothing_but_the_stream() -> None:
    words = [sys.executable, "-m", "recon", "stream", "--method", "zero-filled"]
    done = subprocess.run(words, input=b"".join(map(encode, scan(2))), capture_output=True, check=True)
    assert done.stdout == piped(scan(2), image_type="int16")[0]
    assert done.stderr.count(b"not for diagnostic use") == 2
    bad = subprocess.run(words, input=encode(header()), capture_output=True, check=False)
    assert bad.returncode == 2
    assert bad.stdout == encode(header())
    assert bad.stderr == b"error: the stream ended without being closed\n"
