"""Read what comes next, and write what came before, in threads of their own while the caller computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import islice
from typing import Self, TypeVar

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


class WriteBehind:
    """Does one piece of work at a time in a thread of its own, while the caller computes what the next one writes.

    Used as a context manager, which ends when the last work has ended, after an error or Ctrl-C as well: what was
    computed is kept.

    Parameters
    ----------
    collect
        Function that returns a context in which the errors of each piece of work are raised, in the caller's thread.
    """

    def __init__(self, collect: Callable[[], AbstractContextManager[None]]) -> None:
        self._collect = collect
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._writing: Future[None] | None = None

    def put(self, work: Callable[[], None]) -> None:
        """Wait until the work before has ended, and start this."""
        self.wait()
        self._writing = self._writer.submit(work)

    def wait(self) -> None:
        """Wait until all work has ended, and raise the error that ended it, if there was one."""
        writing, self._writing = self._writing, None
        if writing is not None:
            with self._collect():
                writing.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with self._writer:  # closed even if the wait is interrupted
            self.wait()
