import errno
from pathlib import Path

import pytest
from accelerate import Accelerator

from recon.data.errors import InputError
from recon.experiments.training.input.reading import whole_steps
from recon.experiments.training.processes import exists_for_all, main_first, on_main


def fail(error: Exception) -> None:
    raise error


def test_what_goes_wrong_in_the_main_process_is_told_in_a_sentence() -> None:
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


def test_what_the_main_process_found_is_given_and_its_failure_told() -> None:
    found: list[int] = []

    def look() -> int:
        found.append(3)
        return found[0]

    assert main_first(Accelerator(cpu=True), look) == 3
    assert found == [3]
    with pytest.raises(InputError, match="^this is wrong$"):
        main_first(Accelerator(cpu=True), lambda: fail(InputError("this is wrong")))


def test_file_exists_if_it_does(tmp_path: Path) -> None:
    assert exists_for_all(tmp_path)
    assert not exists_for_all(tmp_path / "none")


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_together_see_each_batch_in_the_order_of_one(processes: int) -> None:
    batches = whole_steps(range(10), 6)
    shares = [batches[rank::processes] for rank in range(processes)]
    assert len({len(share) for share in shares}) == 1
    assert [one for together in zip(*shares, strict=True) for one in together] == batches
