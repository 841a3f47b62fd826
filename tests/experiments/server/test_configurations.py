"""Every configuration is answered: methods, requests to send everything back, and names that nobody knows."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from helpers.programs.serving import connect, converse, expected_image, header, images, lines, scan, serving, texts
from recon.data.stream.messages import (
    WAVEFORM_HEAD,
    Close,
    ConfigName,
    HeaderText,
    Image,
    Message,
    Readout,
    Text,
    Waveform,
    encode,
    make_image,
)
from recon.data.stream.meta import parse_meta
from recon.data.stream.pixels import values
from recon.data.stream.reader import MessageReader
from recon.experiments.server.answer import ServerOptions
from recon.experiments.server.session import SessionLimits

IMAGE = make_image(np.arange(30, dtype=np.float32).reshape(6, 5), image_index=4, image_type=2)
HEAD = np.zeros((), WAVEFORM_HEAD)
HEAD["channels"], HEAD["number_of_samples"] = 1, 4
WAVEFORM = Waveform(HEAD[()], np.arange(4, dtype=np.uint32).reshape(1, 4))


def data(messages: list[Message]) -> list[Message]:
    return [message for message in messages if isinstance(message, Readout | Image | Waveform)]


@pytest.mark.parametrize("name", ["openrecon", "i2i-save-original-images", "x" * 1023, "sensee"])
def test_a_server_started_with_a_method_uses_it_for_unknown_configurations(name: str) -> None:
    with serving(options=ServerOptions(fallback=True)) as server:
        answer = converse(server, scan(2, name))
    assert "is unknown; zero-filled reconstructs" in texts(answer)
    assert len(images(answer)) == 2


def test_a_client_of_an_unknown_configuration_can_send_to_its_end() -> None:
    with serving() as server, connect(server) as peer:
        peer.sendall(encode(ConfigName("nothing of ours")))
        reader = MessageReader(peer.recv)
        first = reader.next()
        assert isinstance(first, Text)
        assert first.text.startswith("error: unknown method")
        for message in scan(1)[1:-1]:
            peer.sendall(encode(message))
            time.sleep(0.005)
        peer.settimeout(0.1)
        with pytest.raises(TimeoutError):
            peer.recv(1)  # no Close before the client has sent its own
        peer.settimeout(20)
        for message in [*lines(0)] * 20:
            peer.sendall(encode(message))
        peer.sendall(encode(Close()))
        assert isinstance(reader.next(), Close)


@pytest.mark.parametrize("name", ["passthrough", "raw-passthrough", "Raw_Passthrough"])
def test_everything_comes_back_on_request(name: str) -> None:
    sent = [ConfigName(name), HeaderText("Dummy XML header"), *lines(0), IMAGE, WAVEFORM]
    with serving() as server:
        back = data(converse(server, [*sent, Close()]))
    assert [encode(message) for message in back] == [encode(message) for message in sent[2:]]


@pytest.mark.parametrize("name", ["null", "savedataonly"])
def test_nothing_comes_back_on_request(name: str) -> None:
    with serving() as server:
        answer = converse(server, scan(1, name))
    assert not data(answer)
    assert isinstance(answer[-1], Close)


def test_images_and_waveforms_pass_beside_a_reconstruction() -> None:
    with serving() as server:
        back = data(converse(server, [header(), IMAGE, WAVEFORM, *lines(0), Close()]))
    assert [type(message) for message in back] == [Image, Waveform, Image]
    image = back[0]
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.pixels, IMAGE.pixels)
    assert parse_meta(image.attributes) == {"Keep_image_geometry": ["1"]}
    assert encode(back[1]) == encode(WAVEFORM)


def test_images_alone_need_no_header_of_raw_data() -> None:
    with serving() as server:
        answer = converse(server, [ConfigName(""), HeaderText("Dummy XML header"), IMAGE, Close()])
    assert len(images(answer)) == 1
    assert "error" not in texts(answer)


@pytest.mark.parametrize("key", ["config", "customconfig"])
def test_parameters_in_json_choose_the_method(key: str) -> None:
    parameters = Text(json.dumps({"version": "1.1.0", "parameters": {"config": "", key: "sense"}}))
    first, start, *rest = scan(1)
    with serving() as server:
        answer = converse(server, [first, start, parameters, *rest])
    assert texts(answer).startswith("sense: slice 0")


def test_a_client_that_echoes_much_and_reads_late_is_waited_for() -> None:
    content = b"".join(map(encode, [ConfigName("passthrough"), header(), *lines(0) * 50, Close()]))
    with (
        serving(session=SessionLimits(outbox=20_000)) as server,
        connect(server) as peer,
        ThreadPoolExecutor(1) as pool,
    ):
        sent = pool.submit(peer.sendall, content)
        time.sleep(0.2)
        back = data(list(MessageReader(peer.recv)))
        sent.result()
    assert len(back) == 50 * len(lines(0))


def test_an_error_in_the_middle_leaves_the_connection_open() -> None:
    broken = lines(0)
    broken[3].samples[0, 0] = np.nan
    with serving() as server, connect(server) as peer:
        peer.sendall(b"".join(map(encode, [header(2), *broken])))
        reader = MessageReader(peer.recv)
        assert "NaN or Inf" in texts([message for message in [reader.next()] if message])
        for _ in range(5):
            time.sleep(0.05)
            peer.sendall(b"".join(map(encode, lines(1))))
        peer.sendall(encode(Close()))
        assert isinstance(reader.next(), Close)


def test_integers_with_their_scale_are_the_image() -> None:
    with serving(options=ServerOptions(image_type="int16")) as server:
        found = images(converse(server, scan(3)))
    for slice_, image in enumerate(found):
        assert image.pixels.dtype == np.int16
        wanted = expected_image(slice_)
        np.testing.assert_allclose(values(image)[0, 0].T, wanted, atol=2e-4 * wanted.max())


def test_complex_images_have_the_magnitude_of_the_method() -> None:
    with serving(options=ServerOptions(image_type="complex64")) as server:
        (image,) = images(converse(server, scan(1, "sense")))
        refused = texts(converse(server, scan(1, "l+s")))
    assert image.pixels.dtype == np.complex64
    inside = expected_image(0) > 0.5
    np.testing.assert_allclose(np.abs(image.pixels[0, 0].T)[inside], expected_image(0)[inside], rtol=0.05)
    assert "error: l+s gives no image with phase" in refused
