"""Says in words how many slices, frames and positions a file holds, and which of them an image is."""

from __future__ import annotations

from recon.data.acquisition import Header
from recon.data.series import places_of


def describe_images(header: Header, images: int) -> str:
    """Say how many slices or positions, frames, echoes and sets the images of a file are.

    Parameters
    ----------
    header
        Header of the file.
    images
        Number of images, which are slices or positions along the readout if the header has no frames.
    """
    frames, place = header.frames, "position" if header.volumetric else "slice"
    if frames is None:
        return counted(images, place)
    counters = [(where, frame.contrast, frame.set) for where, frame in zip(places_of(frames), frames, strict=True)]
    places, echoes, sets = (len(set(column)) for column in zip(*counters, strict=True))
    lengths = sorted({len(series) for series in header.series})
    length = " to ".join(map(str, {lengths[0]: None, lengths[-1]: None}))
    words = [counted(places, place)]
    words += [f"{length} frames"] * (lengths[-1] > 1)
    words += [counted(number, word) for number, word in ((echoes, "echo"), (sets, "set")) if number > 1]
    return " x ".join(words)


def describe_interval(header: Header) -> str:
    """Say how far the frames of the longest series are apart; empty if that is unknown or there are no series."""
    is_series = any(len(series) > 1 for series in header.series)
    return f"{header.frame_interval:.4g} ms apart" if is_series and header.frame_interval else ""


def describe_image(header: Header, index: int | None) -> str:
    """Say which slice or position, frame, echo and set an image of a file is, each counted from 0.

    Parameters
    ----------
    header
        Header of the file.
    index
        Index of the image in the file; None for the whole scan.
    """
    if index is None:
        return "the scan"
    kind, frames = "position" if header.volumetric else "slice", header.frames
    if frames is None or index >= len(frames):
        return f"{kind} {index}"
    series, number = header.place_in_series(index)
    words = [f"{kind} {places_of(frames)[index]}"]
    words += [f"frame {number}"] * (len(series) > 1)
    for name, word in (("contrast", "echo"), ("set", "set")):
        numbers = sorted({getattr(frame, name) for frame in frames})
        if len(numbers) > 1:
            words.append(f"{word} {numbers.index(getattr(frames[index], name))}")
    return ", ".join(words)


def counted(number: int, word: str) -> str:
    """Return a number with a noun in the singular or plural: 1 file, 2 files, 2 echoes."""
    return f"{number} {word}{'' if number == 1 else 'es' if word.endswith('o') else 's'}"
