from pathlib import Path

import pytest
import torch

from recon.data.errors import InputError
from recon.experiments.benchmark.json_report import read_json
from recon.experiments.benchmark.networks.benchmark import (
    VarNetBenchmark,
    required_operations,
    undersampled_slice,
    varnet,
)
from recon.experiments.benchmark.networks.entrants import REDUCED, REFERENCE, build_pair
from recon.experiments.benchmark.networks.results import NetworkReport, Spread

CPU = torch.device("cpu")
TINY = VarNetBenchmark(shapes=((2, 64, 32),), cascades=1, repeats=1)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[NetworkReport, Path]:
    output = tmp_path_factory.mktemp("benchmark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recon.experiments.benchmark.networks.roofline.COPIED", 2**22)
        return varnet(TINY, output, CPU), output


@pytest.mark.slow
def test_every_entrant_is_measured_and_agrees_with_the_reference(measured: tuple[NetworkReport, Path]) -> None:
    report, _ = measured
    assert [task.training for task in report.tasks] == [False, True]
    for task in report.tasks:
        for outcome in task.outcomes:
            assert outcome.failure is None
            assert len(outcome.seconds.wall) == 1
            assert outcome.limit > 0
            assert outcome.memory is not None
            if outcome.error is not None:
                assert outcome.error < (1e-5 if "float32" in outcome.name else 0.05)
        assert task.outcomes[0].name == REFERENCE.name
        assert task.ratios(task.outcomes[0]) == (Spread(1, 0), Spread(1, 0))


@pytest.mark.slow
def test_reduced_entrant_takes_part_where_the_readout_is_oversampled(measured: tuple[NetworkReport, Path]) -> None:
    report, _ = measured
    assert [REDUCED.name in [one.name for one in task.outcomes] for task in report.tasks] == [True, False]


@pytest.mark.slow
def test_stored_results_are_read_and_not_measured_again(
    measured: tuple[NetworkReport, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    report, output = measured
    assert read_json(output / "varnet.json", NetworkReport) == report
    monkeypatch.setattr("recon.experiments.benchmark.networks.benchmark.measure", None)
    assert varnet(TINY, output, CPU) == report


@pytest.mark.slow
def test_results_of_another_protocol_are_not_mixed(measured: tuple[NetworkReport, Path]) -> None:
    with pytest.raises(InputError, match="another protocol"):
        varnet(VarNetBenchmark(TINY.shapes, cascades=2, repeats=1), measured[1], CPU)


def test_cut_readout_and_fewer_coils_need_less_than_half() -> None:
    acquisition = undersampled_slice((12, 64, 32))
    flops = [
        sum(one.flops for one in required_operations(who, acquisition, TINY, training=False)) for who in (False, True)
    ]
    assert flops[1] < flops[0] / 2


def test_training_needs_nearly_three_times_inference() -> None:
    acquisition = undersampled_slice((2, 64, 64))
    inference, training = (
        sum(one.flops for one in required_operations(False, acquisition, TINY, flag)) for flag in (False, True)
    )
    assert 2.8 * inference < training < 3 * inference


def test_both_networks_have_the_same_weights() -> None:
    pair = build_pair(2, CPU)
    ours, theirs = pair.ours.state_dict(), pair.theirs.network.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
