"""Reads messages of the MRD streaming protocol from bytes.

Untrusted lengths are checked first, and memory is allocated in pieces as the bytes arrive.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.formats.ismrmrd.readout_type import HEAD
from recon.data.stream.messages import (
    CONFIG_NAME_BYTES,
    IMAGE_HEAD,
    PIXELS,
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
)

PIECE = 1 << 20
"""Largest number of bytes that are requested at once."""


@dataclass(frozen=True)
class StreamLimits:
    """Largest numbers of bytes that a peer may send.

    Attributes
    ----------
    text
        Bytes of a header, a configuration, a text or an image's attributes.
    message
        Bytes of a readout, an image or a waveform.
    session
        Bytes of all messages together.
    """

    text: int = 4 << 20
    message: int = 64 << 20
    session: int = 64 << 30


class MessageReader:
    """Reads messages one after the other.

    Parameters
    ----------
    read
        Function that returns up to the given number of bytes, and none at the end, like a socket's `recv`.
    limits
        Limits of sizes.
    """

    def __init__(self, read: Callable[[int], bytes], limits: StreamLimits | None = None) -> None:
        self._read = read
        self._limits = limits or StreamLimits()
        self._left = self._limits.session

    def __iter__(self) -> Iterator[Message]:
        """Yield messages until a `Close`, which is the last one, or until the stream ends between two messages.

        Raises
        ------
        InputError
            For the reasons of `next`.
        """
        while (message := self.next()) is not None:
            yield message
            if isinstance(message, Close):
                return

    def next(self) -> Message | None:
        """Read one message; None if the stream ends before it.

        Raises
        ------
        InputError
            If the stream ends within the message, or the message is too large or of an unknown kind.
        """
        start = self._read(2)
        if not start:
            return None
        number = struct.unpack("<H", start + self._take(2 - len(start)))[0]
        try:
            kind = Identifier(number)
        except ValueError as error:
            raise InputError(f"the stream holds a message of the unknown kind {number}") from error
        self._spend(2)
        return self._bodies[kind](self)

    def _config_name(self) -> ConfigName:
        return ConfigName(_decode(self._take(CONFIG_NAME_BYTES)))

    def _config_text(self) -> ConfigText:
        return ConfigText(self._text("<I"))

    def _header(self) -> HeaderText:
        return HeaderText(self._text("<I"))

    def _person_text(self) -> Text:
        return Text(self._text("<I"))

    def _close(self) -> Close:
        return Close()

    def _readout(self) -> Readout:
        head = self._head(HEAD)
        channels, samples = int(head["active_channels"]), int(head["number_of_samples"])
        trajectory = self._array("<f4", (samples, int(head["trajectory_dimensions"])))
        return Readout(head, self._array("<c8", (channels, samples)), trajectory)

    def _image(self) -> Image:
        head = self._head(IMAGE_HEAD)
        kind = PIXELS.get(int(head["data_type"]))
        if kind is None:
            raise InputError(f"the stream holds an image whose pixels are of the unknown type {head['data_type']}")
        attributes = self._text("<Q")
        shape = int(head["channels"]), *map(int, head["matrix_size"][::-1])
        return Image(head, self._array(kind, shape), attributes)

    def _waveform(self) -> Waveform:
        head = self._head(WAVEFORM_HEAD)
        return Waveform(head, self._array("<u4", (int(head["channels"]), int(head["number_of_samples"]))))

    _bodies: dict[Identifier, Callable[[MessageReader], Message]] = {  # noqa: RUF012 - never changed
        Identifier.CONFIG_NAME: _config_name,
        Identifier.CONFIG_TEXT: _config_text,
        Identifier.HEADER: _header,
        Identifier.CLOSE: _close,
        Identifier.TEXT: _person_text,
        Identifier.READOUT: _readout,
        Identifier.IMAGE: _image,
        Identifier.WAVEFORM: _waveform,
    }

    def _text(self, length: str) -> str:
        size = struct.unpack(length, self._take(struct.calcsize(length)))[0]
        if size > self._limits.text:
            raise InputError(f"the stream holds a text of {size} bytes, more than the limit of {self._limits.text}")
        return _decode(self._take(size))

    def _head(self, kind: np.dtype[Any]) -> Any:
        return np.frombuffer(self._take(kind.itemsize), kind)[0]

    def _array(self, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
        size = math.prod(shape) * np.dtype(kind).itemsize
        if size > self._limits.message:
            raise InputError(
                f"the stream holds a message of {size} bytes, more than the limit of {self._limits.message}"
            )
        return np.frombuffer(self._take(size), kind).reshape(shape)

    def _take(self, size: int) -> bytes:
        """Read exactly `size` bytes, allocating no more memory than has arrived and one piece."""
        self._spend(size)
        pieces: list[bytes] = []
        missing = size
        while missing:
            piece = self._read(min(missing, PIECE))
            if not piece:
                raise InputError("the stream ended within a message")
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise InputError(f"the session holds more than its limit of {self._limits.session} bytes")


def _decode(text: bytes) -> str:
    """Decode text, with or without a closing NUL."""
    return text.partition(b"\0")[0].decode(errors="replace")
