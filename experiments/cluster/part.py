"""Choose the part of the work that one of several runs does, and bundle tasks that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from glob import escape
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from recon.data.errors import InputError
from recon.experiments.cluster.job import Task

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """One of several parts of the work: every `count`-th piece from the one of this number on.

    Attributes
    ----------
    number
        Number of the part, from 1.
    count
        Number of parts.
    """

    number: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def file(self, output: Path) -> Path:
        """Return the file beside an output in which this part keeps its results."""
        return output.with_name(f"{output.stem}.part-{self.number}-of-{self.count}{output.suffix}")

    @property
    def is_all(self) -> bool:
        """Whether there is one part only."""
        return self.count == 1

    def of(self, items: Sequence[T]) -> list[T]:
        """Return the items of this part."""
        return list(items[self.number - 1 :: self.count])

    def of_files(self, files: Sequence[Path]) -> list[Path]:
        """Return the files of this part, or all if there are fewer files than parts: then `of_tasks` divides."""
        return list(files) if self._divides_tasks(files) else self.of(files)

    def of_tasks(self, tasks: Sequence[T], files: Sequence[Path]) -> list[T]:
        """Return the tasks of this part, of all tasks on the files that `of_files` returned for `files`."""
        return self.of(tasks) if self._divides_tasks(files) else list(tasks)

    def _divides_tasks(self, files: Sequence[Path]) -> bool:
        return len(files) < self.count


ALL = Part()


def parse_part(text: str | None) -> Part:
    """Convert text of the form `k/N`; None is all of the work.

    Raises
    ------
    InputError
        If the text has another form, or k is not between 1 and N.
    """
    if text is None:
        return ALL
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise InputError(f"part {text!r} is not of the form k/N with k from 1 to N, for example 3/8")
    return Part(int(number), int(count))


def part_files(output: Path) -> list[Path]:
    """Return the files in which parts of the work have kept their results, see `Part.file`."""
    return sorted(output.parent.glob(f"{escape(output.stem)}.part-*-of-*{escape(output.suffix)}"))


def bundled(tasks: Sequence[Task], workers: int) -> list[list[int]]:
    """Bundle the indices of tasks by file, so that a file is opened once; the last ones stay single.

    Bundles of the last files are divided, because workers would wait at the end for the one that has the last bundle.

    Parameters
    ----------
    tasks
        Tasks, those of a file in a row.
    workers
        Number of workers that do them at the same time.
    """
    bundles = [list(indices) for _, indices in groupby(range(len(tasks)), lambda index: tasks[index][0])]
    whole = max(len(bundles) - 2 * workers, 0)
    return bundles[:whole] + [[index] for bundle in bundles[whole:] for index in bundle]
