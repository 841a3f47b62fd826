from collections import Counter

import pytest
import torch

from recon.data.training.datasets import Slice
from recon.experiments.training.input.reading import Batch
from recon.experiments.training.input.reuse import APART, Reuse, batches_to_read, in_rounds


def batch(number: int) -> Batch:
    return Batch([number], Slice(*[torch.zeros(1)] * 5), [])


@pytest.mark.parametrize(("count", "uses", "per_step"), [(40, 2, 2), (37, 3, 1), (5, 2, 4), (1, 1, 1)])
def test_every_batch_is_used_as_often_as_asked(count: int, uses: int, per_step: int) -> None:
    order = in_rounds(count, uses, per_step)
    assert Counter(number for number, _ in order) == dict.fromkeys(range(count), uses)
    for number in range(count):
        assert [before for other, before in order if other == number] == list(range(uses))


def test_uses_of_a_batch_lie_some_steps_apart() -> None:
    order = in_rounds(64, 2, 2)
    for number in range(64):
        first, second = (place for place, (other, _) in enumerate(order) if other == number)
        assert second - first == 2 * APART


def test_a_single_use_keeps_the_order() -> None:
    assert in_rounds(5, 1, 2) == [(number, 0) for number in range(5)]


@pytest.mark.parametrize("start", [0, 3, 9, 20])
def test_a_run_resumed_anywhere_reads_what_it_needs(start: int) -> None:
    own = in_rounds(20, 2, 1)[start:]
    numbers = batches_to_read(own, 2)
    reuse = Reuse(iter([batch(number) for number in numbers]), iter(own), 2)
    used = [reuse.next() for _ in own]
    assert [one.indices for _, one, _ in used] == [[number] for number, _ in own]
    assert not list(reuse.reader)
    assert not reuse.kept
