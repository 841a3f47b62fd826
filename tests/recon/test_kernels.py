import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from torch import Tensor

from helpers.torch_only import torch_only
from recon import kernels as subject
from recon.kernels import kernels
from recon.models.blocks.instance_norm import InstanceNormLeakyReLU

LOOPS = "recon.models.blocks.instance_norm_loops"


def norm(features: Tensor) -> Tensor:
    return InstanceNormLeakyReLU()(features.clone())


@pytest.fixture
def features() -> Tensor:
    return torch.randn(3, 20, 64, 48, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def threads() -> int:
    return 4


@pytest.fixture(autouse=True)
def _as_many_threads_afterwards() -> object:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_loops_treat_single_precision_without_gradients_only() -> None:
    assert kernels(LOOPS, torch.ones(3)) is not None
    assert kernels(LOOPS, torch.ones(3), torch.ones(3, dtype=torch.float64)) is None
    assert kernels(LOOPS, torch.ones(3, dtype=torch.bfloat16)) is None
    assert kernels(LOOPS, torch.ones(3, device="meta")) is None
    parameter = torch.ones(3, requires_grad=True)
    assert kernels(LOOPS, parameter) is None
    with torch.no_grad():
        assert kernels(LOOPS, parameter) is not None


def test_the_switch_turns_loops_off_and_on_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch_only():
        assert kernels(LOOPS, torch.ones(3)) is None
    assert kernels(LOOPS, torch.ones(3)) is not None
    monkeypatch.setenv(subject.SWITCH, "0")
    assert kernels(LOOPS, torch.ones(3)) is None


def test_the_result_does_not_depend_on_the_number_of_threads(features: Tensor) -> None:
    results = []
    for count in (1, 2, 5):
        torch.set_num_threads(count)
        results.append(norm(features))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_without_gnus_openmp_the_calling_thread_does_all(features: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = norm(features)
    torch.set_num_threads(2)
    monkeypatch.setattr(subject, "_parallel", lambda: None)
    assert torch.equal(norm(features), expected)


def test_several_threads_may_call_at_once(features: Tensor) -> None:
    torch.set_num_threads(2)
    inputs = [features + index for index in range(6)]
    expected = [norm(one) for one in inputs]
    results: list[list[Tensor]] = [[] for _ in inputs]

    def work(index: int) -> None:
        results[index] += [norm(inputs[index]) for _ in range(10)]

    workers = [threading.Thread(target=work, args=(index,)) for index in range(len(inputs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(torch.equal(one, right) for some, right in zip(results, expected, strict=True) for one in some)


def test_a_forked_child_computes_the_same() -> None:
    """A child has one thread of torch's, as workers of a data loader have: no pool of its parent's is needed."""
    script = """
import os, recon, torch
from recon.models.blocks.instance_norm import InstanceNormLeakyReLU
features = torch.randn(2, 20, 64, 48)
torch.set_num_threads(2)
expected = InstanceNormLeakyReLU()(features.clone())
child = os.fork()
if child == 0:
    torch.set_num_threads(1)
    os._exit(0 if torch.equal(InstanceNormLeakyReLU()(features.clone()), expected) else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    _run(script)


def test_nothing_is_compiled_before_it_is_used() -> None:
    _run("import sys, recon, recon.models.blocks.unet, recon.solvers.prox; assert 'numba' not in sys.modules")


def test_without_numba_torch_computes() -> None:
    _run("""
import sys
sys.modules["numba"] = None
import torch
from recon.models.blocks.instance_norm import InstanceNormLeakyReLU
from recon.solvers.prox import ShiftedHaar
print(InstanceNormLeakyReLU()(torch.randn(1, 3, 8, 8)).shape)
print(ShiftedHaar().prox(torch.randn(1, 20, 20), torch.tensor(0.1), 0)[0].shape)
""")


def test_without_a_cache_it_is_compiled_all_the_same(tmp_path: Path) -> None:
    source = tmp_path / "loops.py"
    source.write_text("""
from numba import carray
from recon.kernels import compiled

@compiled
def count(pointer):
    task = carray(pointer, 3)
    task[2] = 7
""")
    _run(f"""
import sys
from numba.core import caching
caching.FunctionCache._impl_class._locator_classes.clear()  # numba finds no place to write to
sys.path.insert(0, {str(tmp_path)!r})
import numpy as np, ctypes
import loops
task = np.zeros(3, np.int64)
loops.count.ctypes(task.ctypes.data_as(ctypes.POINTER(ctypes.c_int64)))
assert task[2] == 7
""")


def _run(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
