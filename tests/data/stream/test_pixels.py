"""Integers with their scale mean the image, in the stream and in the DICOM files of the reference server's writer."""

import base64
import warnings
from pathlib import Path
from typing import Any

import ismrmrd
import numpy as np
import pydicom
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.programs.streams import make_readout
from helpers.scans.stacks import oblique_geometry
from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.images import WARNING
from recon.data.stream.images import image_message, stack_images
from recon.data.stream.messages import Image, encode, make_image
from recon.data.stream.meta import format_meta, parse_meta, with_attribute
from recon.data.stream.pixels import IMAGE_TYPES, PixelScale, parse_image_type, values
from recon.data.stream.scan import Finished

SHAPE = (12, 10)


def message(image: np.ndarray, scale: PixelScale, description: str = "varnet") -> Image:
    header = Header(
        crop=SHAPE, padding=(0, SHAPE[1]), geometry=oblique_geometry(1, 2), encoded_field_of_view=(36.0, 30.0)
    )
    acquisition = Acquisition(torch.zeros(1, *SHAPE), torch.ones(SHAPE[1], dtype=torch.bool), header)
    finished = Finished(acquisition, make_readout(np.zeros((1, 4), np.complex64)).head)
    pixels, attributes = scale(image)
    return image_message(pixels, finished, 0, description, attributes)


def picture(seed: int = 0, size: float = 1.0) -> np.ndarray:
    return (size * np.random.default_rng(seed).rayleigh(size=SHAPE)).astype(np.float32)


@given(exponent=st.integers(-20, 20), seed=st.integers(0, 99), kind=st.sampled_from(["int16", "uint16"]))
def test_pixels_times_the_slope_are_the_image(exponent: int, seed: int, kind: Any) -> None:
    image = picture(seed, 10.0**exponent)
    sent = message(image, PixelScale(kind))
    assert sent.pixels.dtype == np.dtype(kind)
    np.testing.assert_allclose(values(sent)[0, 0].T, image, atol=image.max() / 16_000, rtol=1e-6)


@given(factors=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=5))
def test_images_of_a_session_share_the_scale_until_one_is_too_bright(factors: list[float]) -> None:
    scale, slopes = PixelScale("int16"), []
    for factor in [1.0, *factors]:
        image = picture() * np.float32(factor)
        sent = message(image, scale)
        slopes.append(float(parse_meta(sent.attributes)["RescaleSlope"][0]))
        np.testing.assert_allclose(values(sent)[0, 0].T, image, atol=slopes[-1] * 0.51)
    assert slopes == sorted(slopes)
    if max(factors) <= 1.9:
        assert len(set(slopes)) == 1


def test_negative_values_survive_and_so_do_empty_images() -> None:
    for kind in ("int16", "uint16"):
        image = picture() - np.float32(0.5)
        np.testing.assert_allclose(values(message(image, PixelScale(kind)))[0, 0].T, image, atol=2e-4)
        assert not values(message(np.zeros(SHAPE, np.float32), PixelScale(kind))).any()


def test_float_and_complex_images_are_sent_bit_by_bit() -> None:
    image = picture()
    np.testing.assert_array_equal(message(image, PixelScale("float32")).pixels[0, 0].T, image)
    turned = (image * np.exp(1j)).astype(np.complex64)
    sent = message(turned, PixelScale("complex64"))
    np.testing.assert_array_equal(sent.pixels[0, 0].T, turned)
    assert sent.head["image_type"] == 5


def test_unknown_types_and_scales_are_refused() -> None:
    assert tuple(map(parse_image_type, IMAGE_TYPES)) == IMAGE_TYPES
    with pytest.raises(InputError, match="did you mean 'int16'"):
        parse_image_type("int61")
    broken = make_image(picture(), format_meta({"RescaleSlope": "steep"}))
    with pytest.raises(InputError, match="not a number"):
        stack_images([broken], "")


def test_attributes_survive_the_package_ismrmrd() -> None:
    attributes = {"One": "a & <b>", "Several": ["x", "y"]}
    text = format_meta(attributes)
    assert dict(ismrmrd.Meta.deserialize(text)) == {"One": "a & <b>", "Several": ["x", "y"]}
    assert parse_meta(ismrmrd.Meta(attributes).serialize()) == {"One": ["a & <b>"], "Several": ["x", "y"]}
    assert parse_meta(with_attribute(text, "One", "c")) == {"One": ["c"], "Several": ["x", "y"]}
    assert parse_meta("no XML") == {}


def write_as_reference(image: ismrmrd.Image, path: Path) -> pydicom.Dataset:
    """Write DICOM by the rules of python-ismrmrd-server's writer: pixels as they come, attributes by name."""
    meta = ismrmrd.Meta.deserialize(image.attribute_string)
    dicom = (
        pydicom.Dataset.from_json(base64.b64decode(meta["DicomJson"])) if "DicomJson" in meta else pydicom.Dataset()
    )
    dicom.file_meta = pydicom.dataset.FileMetaDataset()
    dicom.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dicom.file_meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    dicom.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    dicom.BitsAllocated = dicom.BitsStored = 8 * image.data.dtype.itemsize
    dicom.HighBit = dicom.BitsStored - 1
    dicom.SamplesPerPixel, dicom.PhotometricInterpretation = 1, "MONOCHROME2"
    if "PixelRepresentation" not in dicom:
        dicom.PixelRepresentation = 0
    for name in ("SeriesDescription", "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"):
        if meta.get(name) is not None:
            setattr(dicom, name, meta[name])
    dicom.ImageOrientationPatient = [float(part) for name in ("ImageRowDir", "ImageColumnDir") for part in meta[name]]
    dicom.PixelData = np.squeeze(image.data).tobytes()
    dicom.Rows, dicom.Columns = image.data.shape[2:]
    dicom.save_as(path, enforce_file_format=True)
    return pydicom.dcmread(path)


@pytest.mark.parametrize("kind", ["int16", "uint16"])
def test_the_reference_writer_makes_the_right_picture_with_the_mark(tmp_path: Path, kind: Any) -> None:
    image = picture(size=500.0)
    content = encode(message(image, PixelScale(kind)))[2:]
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        position += size
        return content[position - size : position]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dicom = write_as_reference(ismrmrd.Image.deserialize_from(read), tmp_path / "image.dcm")
    shown = dicom.pixel_array * float(dicom.RescaleSlope) + float(dicom.RescaleIntercept)
    np.testing.assert_allclose(shown.T, image, atol=image.max() / 16_000)
    assert dicom.ImageComments == WARNING
    assert dicom.SeriesDescription == "varnet_not_for_diagnostic_use"
    geometry = oblique_geometry(1, 2)[0]
    np.testing.assert_allclose(dicom.ImageOrientationPatient, [*geometry.read_dir, *geometry.phase_dir], atol=1e-6)
    gray = pydicom.pixels.apply_windowing(pydicom.pixels.apply_rescale(dicom.pixel_array, dicom), dicom)
    assert np.corrcoef(gray.ravel(), image.T.ravel())[0, 1] > 0.99


def test_the_attributes_say_how_the_image_was_made() -> None:
    attributes = parse_meta(message(picture(), PixelScale("int16")).attributes)
    assert attributes["ImageComments"] == [WARNING]
    assert attributes["ImageProcessingHistory"] == ["RECON", "VARNET"]
    assert attributes["Keep_image_geometry"] == ["1"]
    assert attributes["SequenceDescriptionAdditional"] == ["varnet_not_for_diagnostic_use"]
    assert len(attributes["ImageRowDir"]) == len(attributes["ImageColumnDir"]) == 3
    assert all(
        len(text) <= 16 for name in ("RescaleSlope", "WindowWidth", "ImageRowDir") for text in attributes[name]
    )
    long = parse_meta(message(picture(), PixelScale("int16"), "x" * 100).attributes)
    assert len(long["SeriesDescription"][0]) == 64
