"""The server reconstructs for well-behaved clients, and survives all others."""

import resource
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.learned.weights import write_weights
from helpers.programs.serving import PHASE, READOUT, connect, converse, header, kspace, lines, scan, serving
from helpers.programs.streams import make_readout
from recon.classical.zero_filled import ZeroFilled
from recon.coils import rss
from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.stream.images import stack_images
from recon.data.stream.messages import (
    Close,
    ConfigName,
    ConfigText,
    Identifier,
    Image,
    Message,
    Text,
    encode,
)
from recon.data.stream.reader import MessageReader
from recon.experiments.server.serve import Server, listen
from recon.experiments.server.session import SessionLimits
from recon.fourier import ifft
from recon.registry import create


def expected(slice_: int) -> np.ndarray:
    return rss(ifft(torch.from_numpy(kspace(slice_)))).numpy()


def images(messages: list[Message]) -> list[Image]:
    return [message for message in messages if isinstance(message, Image)]


def texts(messages: list[Message]) -> str:
    return " | ".join(message.text for message in messages if isinstance(message, Text))


def assert_serves(server: Server) -> None:
    found = images(converse(server, scan(1)))
    np.testing.assert_allclose(found[0].pixels[0, 0].T, expected(0), rtol=1e-5)


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_a_scan_comes_back_as_images_at_the_right_place() -> None:
    with serving() as server:
        answer = converse(server, scan(3))
    found = images(answer)
    assert isinstance(answer[-1], Close)
    assert [int(image.head["image_index"]) for image in found] == [1, 2, 3]
    assert [int(image.head["slice"]) for image in found] == [0, 1, 2]
    stack = stack_images(found, "zero-filled")
    assert stack.oriented
    for number, placement in enumerate(stack.placements):
        np.testing.assert_allclose(stack.images[number], expected(number), rtol=1e-5)
        np.testing.assert_allclose(placement.spacing, (2, 3))
        middle = placement.corner + READOUT // 2 * placement.down + PHASE // 2 * placement.across
        np.testing.assert_allclose(middle, (5 * number, 7, -3), atol=1e-4)
    assert "slice 2 in" in texts(answer)


def test_a_slice_comes_back_before_the_scan_has_ended() -> None:
    first, *_ = lines(1)
    with serving() as server, connect(server) as peer:
        for message in [header(2), *lines(0), first]:
            peer.sendall(encode(message))
        received = MessageReader(peer.recv).next()
        assert isinstance(received, Image)
        assert received.head["slice"] == 0


def test_a_slice_waits_for_its_last_average() -> None:
    twice = [*lines(0, average=0), *lines(0, average=1)]
    louder = [type(line)(line.head, line.samples * 3, line.trajectory) for line in lines(0, average=1)]
    with serving() as server:
        same, mean = (
            images(converse(server, [header(averages=2), *readouts, Close()]))
            for readouts in (twice, [*twice[:PHASE], *louder])
        )
    np.testing.assert_allclose(same[0].pixels[0, 0].T, expected(0), rtol=1e-5)
    np.testing.assert_allclose(mean[0].pixels[0, 0].T, 2 * expected(0), rtol=1e-5)


def test_interleaved_slices_and_repetitions_are_separated() -> None:
    readouts = [
        line
        for repetition in range(2)
        for pair in zip(lines(0, repetition=repetition), lines(1, repetition=repetition), strict=True)
        for line in pair
    ]
    with serving() as server:
        found = images(converse(server, [header(2), *readouts, Close()]))
    assert [(int(image.head["repetition"]), int(image.head["slice"])) for image in found] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    for image in found:
        np.testing.assert_allclose(image.pixels[0, 0].T, expected(int(image.head["slice"])), rtol=1e-5)


def test_lines_without_flags_make_images_at_the_end() -> None:
    with serving() as server:
        assert len(images(converse(server, [header(), *lines(0, flags=0), Close()]))) == 1


def test_late_lines_are_reported() -> None:
    with serving() as server:
        assert "1 lines came after" in texts(converse(server, [header(), *lines(0), lines(0)[3], Close()]))


@pytest.mark.parametrize("config", ["", "default", "sense", "zero-filled", "sense+gain"])
def test_the_configuration_chooses_a_method(config: str) -> None:
    with serving() as server:
        answer = converse(server, scan(1, config))
    assert texts(answer).startswith(config if config not in {"", "default"} else "zero-filled")
    assert len(images(answer)) == 1


@pytest.mark.parametrize("name", ["os.system", "recon.classical.sense", "../sense", "senes", "x" * 1023])
def test_any_other_configuration_is_refused(name: str) -> None:
    with serving() as server:
        assert "error: unknown method" in texts(converse(server, [ConfigName(name), header()]))
        assert_serves(server)


def test_a_scan_outside_the_training_range_is_reconstructed_with_one_warning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_weights(tmp_path / "weights.safetensors")
    with serving(create("varnet", {"checkpoint": str(path)})) as server:
        answer = converse(server, scan(2))
    assert len(images(answer)) == 2
    assert texts(answer).count("warning: the stream: outside the training range of zero-filled") == 1
    assert "acceleration 1, trained on 2 to 10" in capfd.readouterr().err


def test_a_configuration_text_is_ignored() -> None:
    with serving() as server:
        assert len(images(converse(server, [ConfigText("import os"), *scan(1)[1:]]))) == 1


ENTITY = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><ismrmrdHeader>&b;</ismrmrdHeader>'


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([struct.pack("<H", 4711)], "unknown kind 4711"),
        ([b"GET / HTTP/1.1\r\n\r\n"], "unknown kind"),
        ([type(header())(ENTITY)], "document type"),
        ([type(header())("<ismrmrdHeader>")], "not valid XML"),
        ([type(header())("<!--" * 1_000_000)], "not valid XML"),
        ([struct.pack("<HI", Identifier.HEADER, 2**31)], "more than the limit"),
        ([lines()[0]], "before its header"),
        ([header(), header()], "second header"),
        ([header(matrix=(60000, 60000)), lines()[0], Close()], "more than the limit"),
        ([header(matrix=(8, 8)), *lines(), Close()], "does not fit"),
        ([header(), *lines()[::2], *lines(flags=1 << 21)[1::2], Close()], "alternating direction"),
        ([Close()], "before its header"),
        ([header(), Close()], ""),
    ],
)
def test_a_wrong_stream_is_reported_and_the_server_goes_on(messages: list[Message | bytes], sentence: str) -> None:
    with serving() as server:
        assert sentence in texts(converse(server, messages))
        assert_serves(server)


def test_samples_that_are_not_finite_are_reported() -> None:
    readouts = lines()
    readouts[3].samples[0, 0] = np.nan
    with serving() as server:
        assert "NaN or Inf" in texts(converse(server, [header(), *readouts, Close()]))


def test_a_killed_client_leaves_nothing_behind() -> None:
    with serving(clients=1, queue=8) as server:
        for end in (0, 1, 500, 5000, 9000):
            peer = connect(server)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, as of a crash
            peer.sendall(b"".join(map(encode, scan(1)))[:end])
            peer.close()
            assert_serves(server)
        until(lambda: server.budget.held == 0)


def test_a_silent_client_is_disconnected() -> None:
    with serving(session=SessionLimits(idle=0.2)) as server:
        assert "no whole message came within 0.2 s" in texts(converse(server, [header()]))


def test_a_client_that_sends_too_slowly_is_disconnected() -> None:
    with serving(session=SessionLimits(idle=0.5)) as server, connect(server) as peer:
        peer.sendall(encode(header()))
        for byte in encode(lines()[0])[:12]:
            peer.sendall(bytes([byte]))
            time.sleep(0.1)
            if select.select([peer], [], [], 0)[0]:
                break
        assert "no whole message came" in texts(list(MessageReader(peer.recv)))


def test_clients_beyond_the_queue_hear_that_the_server_is_busy() -> None:
    with serving(clients=1, queue=1) as server, connect(server) as one, connect(server) as two:
        for peer in (one, two):
            peer.sendall(encode(header()))
        until(lambda: not _free(server))
        assert "busy" in texts(converse(server, scan(1)))


def test_all_clients_share_one_memory_limit() -> None:
    whole = sum(line.samples.nbytes for line in lines())
    with serving(held=whole // 2) as server:
        assert "no memory left" in texts(converse(server, [header(), *lines(), Close()]))
        until(lambda: server.budget.held == 0)


def test_the_memory_of_a_reconstruction_is_limited_for_a_client_and_for_all() -> None:
    whole = sum(line.samples.nbytes for line in lines())
    with serving(session=SessionLimits(working=2 * whole)) as server:
        assert "the limit for one client" in texts(converse(server, scan(1)))
    with serving(held=5 * whole) as server:
        assert "no memory left" in texts(converse(server, scan(1)))
        until(lambda: server.budget.held == 0)


def test_one_readout_does_not_claim_gigabytes() -> None:
    line = make_readout(np.ones((1, 65535), np.complex64), center_sample=32767)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serving() as server:
        assert "but only 524280 bytes" in texts(converse(server, [header(matrix=(65535, 1024)), line, Close()]))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


@dataclass(frozen=True)
class Broken(Reconstruction):
    def __call__(self, acquisition: Acquisition) -> torch.Tensor:
        raise RuntimeError(f"a defect shown by {acquisition.name}")


@pytest.mark.filterwarnings("default")
def test_a_defect_of_a_method_does_not_stop_the_server(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(Broken()) as server:
        for _ in range(2):
            assert "the reconstruction failed" in texts(converse(server, scan(1)))
    assert "a defect" in capfd.readouterr().err


@dataclass(frozen=True)
class WithoutFiniteValues(Reconstruction):
    def __call__(self, acquisition: Acquisition) -> torch.Tensor:
        return torch.full(acquisition.crop, torch.nan)


def test_an_image_that_is_not_finite_is_an_error_and_never_sent() -> None:
    with serving(WithoutFiniteValues()) as server:
        answer = converse(server, scan(2))
        assert not images(answer)
        assert texts(answer) == "error: the stream: the image of slice 0 is not finite"
        assert isinstance(answer[-1], Close)
        assert [len(images(converse(server, scan(1, "sense"))))] == [1]


@dataclass(frozen=True)
class Watched(Reconstruction):
    """Records how many slices are reconstructed at the same time."""

    most: list[int]
    now: list[int]

    def __call__(self, acquisition: Acquisition) -> torch.Tensor:
        self.now.append(1)
        self.most.append(len(self.now))
        time.sleep(0.002)
        self.now.pop()
        return ZeroFilled()(acquisition)


def test_eight_clients_at_once_get_their_own_images() -> None:
    start = threading.Barrier(8)

    def client(number: int) -> list[Image]:
        messages = [header(4), *(line for slice_ in range(4) for line in lines(slice_ + number))]
        start.wait()
        return images(converse(server, [*messages, Close()]))

    watched = Watched([], [])
    with serving(watched, clients=8) as server, ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(client, range(8))):
            assert [int(image.head["slice"]) for image in found] == [number + slice_ for slice_ in range(4)]
            for slice_, image in enumerate(found):
                np.testing.assert_allclose(image.pixels[0, 0].T, expected(number + slice_), rtol=1e-5)
    assert max(watched.most) == 1


def test_a_client_that_sends_everything_before_it_reads_is_served() -> None:
    with serving() as server:
        assert len(images(converse(server, scan(40)))) == 40


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])  # noqa: S104 - refused
def test_other_addresses_than_the_loopback_are_refused_unless_exposed(host: str) -> None:
    with pytest.raises(InputError, match="tunnel"):
        listen(host, 0)
    with listen("0.0.0.0", 0, exposed=True):  # noqa: S104 - that is what is tested
        pass


def test_damaged_streams_end_in_an_error_and_the_server_goes_on() -> None:
    content = b"".join(map(encode, scan(1)))
    generator = np.random.default_rng(0)
    with serving(session=SessionLimits(idle=1)) as server:
        for _ in range(30):
            damaged = bytearray(content)
            for position in generator.integers(len(content), size=20):
                damaged[position] = generator.integers(256)
            with connect(server) as peer:
                peer.sendall(damaged)
                peer.shutdown(socket.SHUT_WR)
                assert isinstance(list(MessageReader(peer.recv))[-1], Close)
        assert_serves(server)


def _free(server: Server) -> bool:
    if server._places.acquire(blocking=False):
        server._places.release()
        return True
    return False
