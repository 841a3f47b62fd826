import errno
from pathlib import Path

import pytest
from accelerate import Accelerator

from recon.data.errors import InputError
from recon.experiments.training.input.reading import whole_steps
from recon.experiments.training.processes import exists_for_all, main_first, on_main


def fail(error: Exception) -> None:
    raise error


def test_error_of_the_main_process_is_raised_in_one_sentence() -> None:
    accelerator = Accelerator(cpu=True)
    with pytest.raises(InputError, match="^this is wrong$"):
        on_main(accelerator, lambda: fail(InputError("this is wrong")))
    with pytest.raises(InputError, match=r"^grid\.png: No space left on device$"):
        on_main(accelerator, lambda: fail(OSError(errno.ENOSPC, "No space left on device", "grid.png")))
    with pytest.raises(ArithmeticError):
        on_main(accelerator, lambda: fail(ArithmeticError()))
    done: list[int] = []
    on_main(accelerator, lambda: done.append(1))
    assert done == [1]


def test_result_and_error_of_the_main_process_come_first() -> None:
    found: list[int] = []

    def look() -> int:
        found.append(3)
        return found[0]

    assert main_first(Accelerator(cpu=True), look) == 3
    assert found == [3]
    with pytest.raises(InputError, match="^this is wrong$"):
        main_first(Accelerator(cpu=True), lambda: fail(InputError("this is wrong")))


def test_file_exists_for_the_only_process(tmp_path: Path) -> None:
    assert exists_for_all(tmp_path)
    assert not exists_for_all(tmp_path / "none")


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_together_read_the_batches_of_one_process_in_its_order(processes: int) -> None:
    batches = whole_steps(range(10), 6)
    shares = [batches[rank::processes] for rank in range(processes)]
    assert len({len(share) for share in shares}) == 1
    assert [batch for step in zip(*shares, strict=True) for batch in step] == batches
