"""Images are complete before they are sent, `recon send` fails if they are not, and volumes and series are whole."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import ismrmrd
import nibabel as nib
import numpy as np
import pytest

from helpers.files import ismrmrd_files
from helpers.files.ismrmrd_files import readout, write
from helpers.programs.command import run
from helpers.programs.serving import PHASE, READOUT, converse, expected_image, header, images, lines, serving, texts
from helpers.programs.streams import make_readout
from helpers.scans.objects import object_acquisition
from helpers.scans.volumes import kspace_3d, object_3d, write_3d
from recon.coils import rss
from recon.data.stream.messages import Close, HeaderText, Message, Readout
from recon.data.stream.pixels import values
from recon.experiments.server.answer import ServerOptions
from recon.fourier import ifft


def limited(text: HeaderText, **limits: int) -> HeaderText:
    """Announce further limits in a header."""
    stated = "".join(
        f"<{name}><minimum>0</minimum><maximum>{last}</maximum></{name}>" for name, last in limits.items()
    )
    return HeaderText(text.xml.replace("</encodingLimits>", f"{stated}</encodingLimits>"))


def exchanged(*messages: Message, options: ServerOptions | None = None) -> list[Message]:
    with serving(options=options or ServerOptions()) as server:
        return converse(server, messages)


def stored(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return file["reconstruction"][()]


def in_segments(count: int, flagged: bool) -> list[Readout]:
    """Return the lines of a slice in interleaved segments, each with the flag of a last line at its end."""
    whole = lines(0, flags=0)
    for segment in range(count):
        for line in whole[segment::count]:
            line.head["idx"]["segment"] = segment
        whole[segment::count][-1].head["flags"] = 1 << 7 if flagged else 0
    return [line for segment in range(count) for line in whole[segment::count]]


@pytest.mark.parametrize("announce", [True, False])
def test_the_flag_at_the_end_of_each_segment_does_not_end_the_image(announce: bool) -> None:
    start = limited(header(), segment=2) if announce else header()
    answer = exchanged(start, *in_segments(3, flagged=True), Close())
    np.testing.assert_allclose(values(images(answer)[-1])[0, 0].T, expected_image(0), rtol=1e-5)
    assert len({int(image.head["image_index"]) for image in images(answer)}) == 1
    assert len(images(answer)) == 1 or not announce
    assert "error" not in texts(answer)


def test_lines_in_any_order_make_the_image_as_soon_as_the_last_has_come() -> None:
    order = np.random.default_rng(0).permutation(PHASE)
    shuffled = [lines(0, flags=0)[index] for index in order]
    answer = exchanged(header(), *shuffled, Close())
    np.testing.assert_allclose(values(images(answer)[0])[0, 0].T, expected_image(0), rtol=1e-5)


@pytest.mark.parametrize(
    ("start", "sent", "sentence"),
    [
        (header(averages=2), lines(0), "1 of 2 averages came"),
        (header(averages=2), [*lines(0), *lines(0, average=1)[:20]], "average 1 lacks 4 of 24 lines"),
        (limited(header(), segment=2), in_segments(3, flagged=True)[:16], "segment 2 is missing"),
        (header(), lines(0)[:15], "lines 15 to 23 of the 24"),
        (header(2), [*lines(0), *lines(1)[:15]], "slice 1 is incomplete"),
    ],
)
def test_an_incomplete_image_is_an_error_and_not_sent(
    start: HeaderText, sent: Sequence[Readout], sentence: str
) -> None:
    answer = exchanged(start, *sent, Close())
    assert sentence in texts(answer)
    assert "error: " in texts(answer)
    assert len(images(answer)) == (1 if "slice 1" in sentence else 0)
    more = exchanged(start, *sent, Close(), options=ServerOptions(incomplete=True))
    assert len(images(more)) == (2 if "slice 1" in sentence else 1)
    assert sentence in texts(more)


def test_send_fails_for_an_incomplete_file(tmp_path: Path) -> None:
    kspace = object_acquisition(3, READOUT, PHASE).kspace.numpy()
    cut = [readout(kspace[..., step], step) for step in range(PHASE - 6)]
    path = write(tmp_path / "cut.mrd", ismrmrd_files.xml(READOUT, PHASE), cut)
    with serving() as server:
        output = run("send", path, "--port", server.address[1], "-o", tmp_path / "image.h5", code=2).output
    assert "is incomplete: lines 18 to 23 of the 24" in " ".join(output.split())
    assert not (tmp_path / "image.h5").exists()


def test_later_averages_that_nothing_announced_send_the_image_again(tmp_path: Path) -> None:
    kspace = object_acquisition(3, READOUT, PHASE).kspace.numpy()
    measured = [
        readout(
            kspace[..., step] * (1 + 2 * average),
            step,
            [ismrmrd.ACQ_LAST_IN_SLICE] if step == PHASE - 1 else [],
            average=average,
        )
        for average in range(2)
        for step in range(PHASE)
    ]
    path = write(tmp_path / "scan.mrd", ismrmrd_files.xml(READOUT, PHASE), measured)
    run("reconstruct", path, "--method", "sense", "-o", tmp_path / "direct.h5")
    with serving() as server:
        streamed = ("send", path, "--port", server.address[1], "--method", "sense", "-o", tmp_path / "sent.h5")
        assert "again, with further lines" in run(*streamed).output
    np.testing.assert_array_equal(stored(tmp_path / "sent.h5"), stored(tmp_path / "direct.h5"))


def test_slices_that_end_in_another_order_are_stored_in_that_of_the_file(tmp_path: Path) -> None:
    kspace = object_acquisition(3, READOUT, PHASE).kspace.numpy()
    last = [ismrmrd.ACQ_LAST_IN_SLICE]
    measured = [
        readout(kspace[..., step] * (1 + slice_), step, last if step == PHASE - 1 else [], slice=slice_)
        for slice_ in (2, 0, 1)
        for step in range(PHASE)
    ]
    path = write(tmp_path / "scan.mrd", ismrmrd_files.xml(READOUT, PHASE), measured)
    run("reconstruct", path, "--method", "zero-filled", "-o", tmp_path / "direct.h5")
    with serving() as server:
        run("send", path, "--port", server.address[1], "-o", tmp_path / "sent.h5")
    np.testing.assert_array_equal(stored(tmp_path / "sent.h5"), stored(tmp_path / "direct.h5"))


@pytest.mark.parametrize("method", ["zero-filled", "sense", "cs-tv3d"])
def test_a_3d_stream_gives_the_images_of_its_file(tmp_path: Path, method: str) -> None:
    encoded, shown = (12, 16, 14), (6, 14, 10)
    path, _ = write_3d(tmp_path / "scan.mrd", kspace_3d(object_3d(encoded, shown), 4)[0], shown)
    run("reconstruct", path, "--method", method, "-o", tmp_path / "direct.h5")
    run("reconstruct", path, "--method", method, "--format", "nifti", "-o", tmp_path / "direct")
    with serving() as server:
        streamed = ("send", path, "--port", server.address[1], "--method", method)
        run(*streamed, "-o", tmp_path / "sent.h5")
        run(*streamed, "--format", "nifti", "-o", tmp_path / "sent")
    direct = stored(tmp_path / "direct.h5")
    assert direct.shape == shown
    np.testing.assert_array_equal(stored(tmp_path / "sent.h5"), direct)
    affines = [nib.load(tmp_path / folder / "scan.nii.gz").affine for folder in ("direct", "sent")]
    np.testing.assert_allclose(*affines, atol=1e-4)


def test_a_3d_scan_without_its_last_partition_is_incomplete(tmp_path: Path) -> None:
    encoded, shown = (12, 16, 14), (6, 14, 10)
    mask = np.ones(encoded[1:], bool)
    mask[:, -1] = False
    path, _ = write_3d(tmp_path / "scan.mrd", kspace_3d(object_3d(encoded, shown), 4)[0], shown, mask=mask)
    with serving() as server:
        output = run("send", path, "--port", server.address[1], "-o", tmp_path / "image.h5", code=2).output
    assert "partitions 13 to 13 of the 14" in " ".join(output.split())


def cine(frames: int, step: int) -> list[Readout]:
    """Return frames of which each measures every other line, beginning at another one."""
    return [line for frame in range(frames) for line in lines(0, flags=0, repetition=frame)[frame % step :: step]]


def last_flags(sent: list[Readout]) -> list[Readout]:
    """Flag the last line of each frame."""
    for line, following in zip(sent, [*sent[1:], None], strict=True):
        if following is None or following.head["idx"]["repetition"] != line.head["idx"]["repetition"]:
            line.head["flags"] = 1 << 7
    return sent


def test_full_frames_come_back_one_by_one() -> None:
    start = limited(header(), repetition=2)
    answer = exchanged(start, *last_flags(cine(3, 1)), Close())
    assert [int(image.head["repetition"]) for image in images(answer)] == [0, 1, 2]
    assert "complete" not in texts(answer)


@pytest.mark.parametrize("method", ["sense", "l+s"])
def test_frames_that_need_each_other_come_when_the_series_is_complete(tmp_path: Path, method: str) -> None:
    start = limited(header(), repetition=3)
    sent = last_flags(cine(4, 2))
    acquisitions = [
        readout(
            line.samples,
            int(line.head["idx"]["kspace_encode_step_1"]),
            [ismrmrd.ACQ_LAST_IN_SLICE] if line.head["flags"] else [],
            repetition=int(line.head["idx"]["repetition"]),
        )
        for line in sent
    ]
    path = write(tmp_path / "cine.mrd", start.xml, acquisitions)
    run("reconstruct", path, "--method", method, "--preprocess", "none", "-o", tmp_path / "direct.h5")
    with serving() as server:
        output = run("send", path, "--port", server.address[1], "--method", method, "-o", tmp_path / "sent.h5").output
    assert "when the series is complete" in " ".join(output.split())
    np.testing.assert_array_equal(stored(tmp_path / "sent.h5"), stored(tmp_path / "direct.h5"))


@pytest.mark.parametrize("mode", ["embedded", "separate"])
def test_frames_that_nothing_announced_have_the_images_of_the_file_in_the_end(tmp_path: Path, mode: str) -> None:
    last, calibration = [ismrmrd.ACQ_LAST_IN_SLICE], [ismrmrd.ACQ_IS_PARALLEL_CALIBRATION]
    kspace = object_acquisition(3, READOUT, PHASE).kspace.numpy()
    sent = [
        readout(kspace[..., step] * (1 + frame), step, flags, repetition=frame)
        for frame in range(3)
        for step, flags in [
            *((step, calibration) for step in range(8, 16) if step % 2 != frame % 2),
            *((step, last if step >= PHASE - 2 else []) for step in range(frame % 2, PHASE, 2)),
        ]
    ]
    path = write(tmp_path / "cine.mrd", ismrmrd_files.xml(READOUT, PHASE, calibration=mode), sent)
    run("reconstruct", path, "--method", "sense", "--preprocess", "none", "-o", tmp_path / "direct.h5")
    with serving() as server:
        run("send", path, "--port", server.address[1], "--method", "sense", "-o", tmp_path / "sent.h5")
    np.testing.assert_array_equal(stored(tmp_path / "sent.h5"), stored(tmp_path / "direct.h5"))


def test_eight_clients_of_different_matrices_get_their_own_images() -> None:
    start = threading.Barrier(8)

    def client(number: int) -> tuple[np.ndarray, np.ndarray]:
        matrix = READOUT - 2 * number, PHASE - 2 * (number % 4)
        acquisition = object_acquisition(2 + number, *matrix)
        whole = acquisition.kspace.numpy()
        sent = [make_readout(whole[..., step], kspace_encode_step_1=step) for step in range(matrix[1])]
        start.wait()
        (image,) = images(converse(server, [header(matrix=matrix), *sent, Close()]))
        return image.pixels[0, 0].T, rss(ifft(acquisition.kspace)).numpy()

    with serving(clients=8) as server, ThreadPoolExecutor(8) as pool:
        for found, wanted in pool.map(client, range(8)):
            assert found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
