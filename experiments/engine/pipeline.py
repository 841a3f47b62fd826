"""Read the next slices in a thread of their own, while the caller computes on the slices before them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def prefetched(items: Iterable[T], ahead: int = 1) -> Generator[T, None, None]:
    """Yield items in their order, and read those that follow in the meantime.

    One thread reads all items, so whatever reads them need not be made for several threads. An error of reading is
    raised when its item is due, after all items before it. Close the generator to end the thread early.

    Parameters
    ----------
    items
        Items to read; at most `ahead` of them are held beside the ones that were yielded.
    ahead
        Largest number of items to read before they are asked for.

    Yields
    ------
    object
        Each item.
    """
    source = iter(items)

    def read() -> list[T]:
        """Read one item; return an empty list after the last one, for a thread cannot raise StopIteration."""
        return list(islice(source, 1))

    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        coming: deque[Future[list[T]]] = deque(reader.submit(read) for _ in range(ahead))
        try:
            while read_item := coming.popleft().result():
                coming.append(reader.submit(read))
                yield read_item.pop()
        finally:  # the caller may stop early, by an error or Ctrl-C
            reader.shutdown(wait=False, cancel_futures=True)
