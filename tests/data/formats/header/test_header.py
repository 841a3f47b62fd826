import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.files.runaway import no_runaway
from recon.data.acquisition import Geometry, Header
from recon.data.errors import InputError
from recon.data.formats.header.reader import LARGEST_MATRIX, parse_header
from recon.data.formats.header.text import header_as_text, header_from_text
from recon.data.formats.header.writer import format_header
from recon.data.formats.header.xml import HeaderError, parse_xml
from recon.data.formats.ismrmrd.scan_header import parse_scan_header
from recon.data.series import Frame

PHASE, SLICES = 368, 3
MATRIX = (640, PHASE)
WRITTEN = format_header(Header(crop=(320, 320), padding=(24, 344), field_strength=3.0), MATRIX, 4, SLICES, "embedded")
PARTS = re.split("(?<=>)", WRITTEN)
TAGS = re.findall(r"<(\w+)>", WRITTEN)
AXES = [(1.0, 0.0, 0.0), (0.0, 0.6, 0.8), (0.0, -0.8, 0.6)]

sizes = st.floats(1e-3, 1e4)
pairs = st.tuples(sizes, sizes)
places = st.tuples(*[st.floats(-1e4, 1e4)] * 3)
geometries = st.builds(
    lambda position, axes, field_of_view: Geometry(position, *axes, field_of_view),
    places,
    st.permutations(AXES),
    st.tuples(sizes, sizes, sizes),
)
headers = st.builds(
    Header,
    crop=st.tuples(*[st.integers(1, LARGEST_MATRIX)] * 2),
    padding=st.tuples(st.integers(0, PHASE // 2 - 1), st.integers(PHASE // 2 + 2, LARGEST_MATRIX)),
    field_of_view=st.none() | pairs,
    field_strength=st.none() | st.floats(1e-3, 200),
    contrast=st.text(st.characters(categories=["L", "M", "N", "P", "S"]), max_size=64),
    geometry=st.none() | st.tuples(*[geometries] * SLICES),
    encoded_field_of_view=st.none() | pairs,
    frames=st.none() | st.tuples(*[st.builds(Frame, *[st.integers(0, 9)] * 4)] * SLICES),
    echo_times=st.lists(sizes, max_size=3).map(tuple),
    slice_thickness=st.none() | sizes,
)
odd = st.sampled_from(["1e400", "1_0", "\u0663", " 7 ", "-0", "9" * 5000])
words = st.text() | st.integers().map(str) | st.floats().map(str) | odd


def trees() -> st.SearchStrategy[ET.Element]:
    """Make trees of ISMRMRD's names in any order, with or without its namespace, and with any text."""
    names = st.sampled_from([f"{{http://www.ismrm.org/ISMRMRD}}{tag}" for tag in TAGS]) | st.sampled_from(TAGS)

    def element(children: st.SearchStrategy[list[ET.Element]]) -> st.SearchStrategy[ET.Element]:
        return st.builds(_element, names, words, children)

    return st.recursive(element(st.just([])), lambda inner: element(st.lists(inner, max_size=4)), max_leaves=12)


def _element(name: str, text: str, children: list[ET.Element]) -> ET.Element:
    element = ET.Element(name)
    element.text = text
    element.extend(children)
    return element


def assert_read_or_refused(xml: str | bytes) -> None:
    """Expect a header of possible numbers, or an error of one line."""
    try:
        header = parse_scan_header(xml).header
    except HeaderError as error:
        sentence = str(error)
    else:
        sentence = "none"
        assert all(0 <= size <= LARGEST_MATRIX for size in header.crop)
        assert all(map(math.isfinite, (*(header.field_of_view or ()), *(header.encoded_field_of_view or ()))))
        assert header.contrast.isprintable()
    assert len(sentence.splitlines()) == 1


@given(st.text() | st.binary())
def test_any_text_is_read_or_refused(xml: str | bytes) -> None:
    assert_read_or_refused(xml)


@given(trees(), st.sampled_from(["utf-8", "us-ascii", "utf-16", "unicode"]))
def test_any_tree_is_read_or_refused(tree: ET.Element, encoding: str) -> None:
    assert_read_or_refused(ET.tostring(tree, encoding))


@given(st.sampled_from(TAGS), words)
def test_any_value_of_a_header_is_read_or_refused(tag: str, value: str) -> None:
    tree = parse_xml(WRITTEN)
    for element in tree.iter(tag):
        element.text = value
    assert_read_or_refused(ET.tostring(tree))


@given(st.sets(st.sampled_from(range(len(PARTS)))))
def test_a_header_that_lacks_parts_is_read_or_refused(missing: set[int]) -> None:
    assert_read_or_refused("".join(part for number, part in enumerate(PARTS) if number not in missing))


@given(headers)
def test_a_written_header_is_read_back(header: Header) -> None:
    read = parse_scan_header(format_header(header, MATRIX, coils=4, slices=SLICES)).header
    assert (read.crop, read.padding, read.contrast) == (header.crop, header.padding, header.contrast)
    assert read.field_of_view == (header.field_of_view or header.crop)
    assert header.encoded_field_of_view in {None, read.encoded_field_of_view}
    assert read.field_strength == header.field_strength
    thickness = header.geometry[0].field_of_view[2] if header.geometry else header.slice_thickness
    assert read.slice_thickness == thickness


@given(headers)
def test_a_header_written_as_text_is_read_back(header: Header) -> None:
    assert header_from_text(Path("a.npz"), header_as_text(header), MATRIX, SLICES) == header


@given(st.text())
def test_text_that_is_not_our_header_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="a.npz: the header"):
        header_from_text(Path("a.npz"), text, MATRIX, SLICES)


@pytest.mark.parametrize(
    "impossible",
    [
        {"padding": (PHASE // 2 + 1, PHASE)},  # without the centre of k-space
        {"padding": (PHASE // 2, PHASE)},  # one half of it
        {"padding": (0, PHASE // 2)},
        {"padding": (0, 10**9)},
        {"crop": (0, 320)},
        {"field_of_view": (math.inf, 1.0)},
        {"encoded_field_of_view": (1e300, 1.0)},
        {"field_strength": 1e300},
        {"slice_thickness": 0.0},
        {"geometry": ()},
    ],
    ids=str,
)
def test_impossible_headers_are_refused(impossible: dict[str, Any]) -> None:
    text = header_as_text(Header(**{"crop": (320, 320), "padding": (0, PHASE)} | impossible))
    with pytest.raises(InputError, match="a.npz: the header"):
        header_from_text(Path("a.npz"), text, MATRIX, SLICES)


@pytest.mark.parametrize(
    ("extent", "partitions", "thickness"), [("5", "1", 5), ("160", "256", 0.625), ("0", "1", None), ("5", "0", 5)]
)
def test_the_slice_thickness_is_that_of_a_partition(extent: str, partitions: str, thickness: float | None) -> None:
    space = f"<matrixSize><x>320</x><y>320</y><z>{partitions}</z></matrixSize>"
    space += f"<fieldOfView_mm><x>200</x><y>200</y><z>{extent}</z></fieldOfView_mm>"
    encoding = f"<encoding><encodedSpace>{space}</encodedSpace><reconSpace>{space}</reconSpace></encoding>"
    assert parse_header(f"<ismrmrdHeader>{encoding}</ismrmrdHeader>").slice_thickness == thickness


def test_the_padding_equals_that_of_fastmri() -> None:
    # A knee: 368 columns encoded, 320 of them acquired, the centre of k-space at step 160.
    xml = format_header(Header(crop=(320, 320), padding=(0, 0)), (640, 368), coils=15, slices=1)
    xml = xml.replace("<maximum>-1</maximum><center>184</center>", "<maximum>319</maximum><center>160</center>")
    assert parse_header(xml).padding == (24, 344)


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        ("", "not valid XML"),
        ("<a", "not valid XML"),
        ("<ismrmrdHeader/>", "has no encodedSpace/matrixSize/x"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
    ],
)
def test_the_error_says_what_is_wrong_with_a_header(xml: str, words: str) -> None:
    with pytest.raises(HeaderError, match=words):
        parse_header(xml)


LARGE = 1 << 20


@pytest.mark.parametrize(
    "xml",
    [
        "<!--" * (LARGE // 4),
        "<a>" + "<!--" * (LARGE // 4),
        "<a>" + "<!---->" * (LARGE // 7) + "</a>",
        "<a>" + "<b/>" * (LARGE // 4) + "</a>",
        "<a>" * (LARGE // 3),
        f"<a xmlns='{'u' * (LARGE // 2)}'>" + "<b/>" * (LARGE // 8) + "</a>",
        "<a " + " ".join(f"b{number}=''" for number in range(LARGE // 12)) + "/>",
        "<a>" + "<![CDATA[x]]>" * (LARGE // 13) + "</a>",
    ],
    ids=[
        "open comments",
        "open comments inside",
        "comments",
        "elements",
        "depth",
        "namespace",
        "attributes",
        "CDATA",
    ],
)
def test_the_time_of_a_hostile_header_grows_only_with_its_length(xml: str) -> None:
    with no_runaway(), pytest.raises(HeaderError):
        parse_header(xml)


def test_a_size_that_is_not_a_number_is_quoted() -> None:
    xml = format_header(Header(crop=(320, 320), padding=(0, 368)), (640, 368), coils=1, slices=1)
    with pytest.raises(HeaderError, match="'many'"):
        parse_header(xml.replace("<y>320</y>", "<y>many</y>"))
