"""One scan gives the same images, bit for bit, through the command, the server, the OpenRecon entry and a stream."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import h5py
import ismrmrd
import numpy as np
import pytest

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.programs.command import run
from helpers.scans.objects import object_acquisition
from recon.data.stream.messages import Close, HeaderText, Image, Message, encode
from recon.data.stream.reader import MessageReader
from recon.data.stream.replay import replay
from recon.experiments.server.send import exchange

COILS, READOUT, PHASE = 4, 32, 24
METHOD, SETTING = "sense+gain", "gain.strength=0.5"
CONSOLE = {"method": METHOD, "gainStrength": "0.5", "senseIterations": "40"}
FLOATS = ("--image-type", "float32")


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two undersampled slices with a noise scan."""
    kspace = object_acquisition(COILS, READOUT, PHASE).kspace.numpy()
    measured = [step for step in range(PHASE) if step % 2 == 0 or abs(step - PHASE // 2) < 5]
    noise = np.random.default_rng(0).normal(size=(COILS, READOUT, 2)).astype(np.float32).view(np.complex64)[..., 0]
    readouts = [readout(1e-3 * noise, flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT])]
    readouts += [
        readout(
            kspace[..., step] * (1 + slice_),
            step=step,
            slice=slice_,
            flags=[ismrmrd.ACQ_LAST_IN_SLICE] if step == measured[-1] else [],
        )
        for slice_ in range(2)
        for step in measured
    ]
    return write(tmp_path_factory.mktemp("doors") / "scan.mrd", xml(READOUT, PHASE), readouts)


@pytest.fixture(scope="module")
def by_command(scan: Path) -> np.ndarray:
    output = scan.with_name("command.h5")
    run("reconstruct", scan, "--method", METHOD, "--set", SETTING, "-o", output)
    with h5py.File(output) as file:
        return file["reconstruction"][()]


def pixels(messages: Iterable[Message]) -> np.ndarray:
    return np.stack([message.pixels[0, 0].T for message in messages if isinstance(message, Image)])


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "recon", *words]


@contextmanager
def listening(words: list[str], **environment: str) -> Iterator[int]:
    """Start a server, and yield its port."""
    with subprocess.Popen(
        [*words, "--host", "127.0.0.1", "--port", "0", *FLOATS],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            (port,) = re.findall(r"listening on 127\.0\.0\.1:(\d+)", line)
            yield int(port)
        finally:
            process.terminate()


@pytest.mark.slow
def test_the_server_gives_the_images_of_the_command(scan: Path, by_command: np.ndarray) -> None:
    with listening(command("serve", "--method", METHOD, "--set", SETTING)) as port:
        images = exchange(scan, "127.0.0.1", port, "", 60, lambda _: None)
    assert np.array_equal(pixels(images), by_command)


@pytest.mark.slow
def test_the_openrecon_entry_gives_the_images_of_the_command(scan: Path, by_command: np.ndarray) -> None:
    package = scan.with_name("package")
    run("openrecon", "build", package, "--methods", f"zero-filled,{METHOD}")
    root = package / "root" / "opt" / "recon"
    own = {"PYTHON": sys.executable, "PYTHONPATH": ""}
    with listening([str(root / "openrecon")], **own) as port:
        images = exchange(scan, "127.0.0.1", port, "openrecon", 60, lambda _: None, CONSOLE)
    assert np.array_equal(pixels(images), by_command)


@pytest.mark.slow
def test_the_stream_gives_the_images_of_the_command(scan: Path, by_command: np.ndarray) -> None:
    words = command("stream", "--method", METHOD, "--set", SETTING, *FLOATS)
    raw = b"".join(map(encode, replay(scan)))
    done = subprocess.run(words, input=raw, capture_output=True, check=True)
    header, *images, end = MessageReader(BytesIO(done.stdout).read)
    assert isinstance(header, HeaderText)
    assert isinstance(end, Close)
    assert np.array_equal(pixels(images), by_command)
    assert b"not for diagnostic use" in done.stderr
