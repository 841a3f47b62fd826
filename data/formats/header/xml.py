"""Parses the XML of a header within limits, because files come from strangers."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from recon.data.storage.limits import MAX_HEADER

MOST_ELEMENTS, DEEPEST_ELEMENT, LONGEST_NAMESPACE = 100_000, 100, 1000
"""Largest number and depth of a header's elements and length of a namespace, far beyond those of any scanner."""

XML_PIECE = 2**16
"""Number of characters that are parsed at once: the parser stops at the end of the piece that is refused."""


class HeaderError(ValueError):
    """A header cannot be used; the message says why, and the caller adds the name of the file."""


def parse_xml(xml: str | bytes) -> ET.Element:
    """Parse the text of an ISMRMRD header in linear time, refusing document types because these may declare entities.

    Raises
    ------
    HeaderError
        If the text declares a document type, is too long, has too many elements, or is not XML.
    """
    if len(xml) > MAX_HEADER:
        raise HeaderError(f"its ISMRMRD header has {len(xml)} bytes, more than the limit of {MAX_HEADER}")
    text = xml.decode("utf-8", errors="replace") if isinstance(xml, bytes) else xml
    parser = ET.XMLParser(target=_LimitedTree())  # noqa: S314 - the tree refuses document types
    try:
        # For a string, the parser ignores any declared or apparent encoding.
        for start in range(0, len(text), XML_PIECE):
            parser.feed(text[start : start + XML_PIECE].encode(errors="replace").decode())
        root: ET.Element = parser.close()
    except ET.ParseError as error:
        raise HeaderError(f"its ISMRMRD header is not valid XML ({error})") from error
    return root


class _LimitedTree(ET.TreeBuilder):
    """Builds a tree without attributes and namespaces, which some writers leave out or misspell.

    Document types, long namespaces, and too many or deep elements are refused.
    """

    def __init__(self) -> None:
        super().__init__()
        self._elements = self._depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        """Open an element."""
        del attrs
        self._elements += 1
        self._depth += 1
        if self._elements > MOST_ELEMENTS or self._depth > DEEPEST_ELEMENT:
            raise HeaderError(
                f"its ISMRMRD header has more than {MOST_ELEMENTS} elements, or more than {DEEPEST_ELEMENT} within "
                "each other"
            )
        return super().start(_local(tag), {})

    def end(self, tag: str) -> ET.Element:
        """Close an element."""
        self._depth -= 1
        return super().end(_local(tag))

    def start_ns(self, prefix: str, uri: str) -> None:
        """Refuse a long namespace: every element repeats it."""
        del prefix
        if len(uri) > LONGEST_NAMESPACE:
            raise HeaderError(f"its ISMRMRD header has a namespace of {len(uri)} characters")

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """Refuse a document type."""
        del name, public, system
        raise HeaderError("its ISMRMRD header declares a document type, which is refused")


def _local(tag: str) -> str:
    """Return the name of an element without its namespace."""
    return tag.rpartition("}")[2]
