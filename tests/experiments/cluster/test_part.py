"""Parts and bundles divide the work without a gap and without doing anything twice."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.data.errors import InputError
from recon.experiments.cluster.part import Part, bundled, parse_part


@given(files=st.integers(0, 20), each=st.integers(1, 4), count=st.integers(1, 12))
def test_parts_together_are_all_of_the_work_and_nothing_twice(files: int, each: int, count: int) -> None:
    paths = [Path(str(file)) for file in range(files)]
    done: list[tuple[str, str]] = []
    for number in range(1, count + 1):
        part = Part(number, count)
        tasks = [(str(path), str(task)) for path in part.of_files(paths) for task in range(each)]
        done += part.of_tasks(tasks, paths)
    assert sorted(done) == sorted((str(file), str(task)) for file in range(files) for task in range(each))


@given(each=st.lists(st.integers(1, 5), max_size=12), workers=st.integers(1, 4))
def test_bundles_hold_every_task_once_and_one_file_each(each: list[int], workers: int) -> None:
    tasks = [(str(file), str(task)) for file, number in enumerate(each) for task in range(number)]
    bundles = bundled(tasks, workers)
    assert [index for bundle in bundles for index in bundle] == list(range(len(tasks)))
    assert all(len({tasks[index][0] for index in bundle}) == 1 for bundle in bundles)
    assert all(len(bundle) == 1 for bundle in bundles[-2 * workers :])


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "1/0", "a/b", "1/2/3", "-1/2", "1.5/2"])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not of the form k/N"):
        parse_part(text)


def test_a_part_is_read_as_it_is_written() -> None:
    assert str(parse_part("3/8")) == "3/8"
    assert parse_part(None).is_all
