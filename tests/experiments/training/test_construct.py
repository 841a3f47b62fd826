from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from helpers.learned.networks import SMALL
from helpers.learned.training import make_config
from helpers.scans.slices import line_mask, random_kspace
from recon.data.training.datasets import Slice
from recon.experiments.training.construct import make_network, make_objective
from recon.models.zoo import NETWORKS, build


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Trace whole graphs without translating them; list for each whether complex numbers enter it."""
    graphs: list[bool] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        graphs.append(any(isinstance(value, torch.Tensor) and value.is_complex() for value in inputs))
        return graph.forward

    plain = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda module: plain(module, backend=backend, fullgraph=True))
    yield graphs
    torch.compiler.reset()


def has_compilable_blocks(name: str) -> bool:
    return any(getattr(module, "compilable", False) for module in build(name, SMALL[name]).modules())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # raised by the compiler itself
@pytest.mark.parametrize("name", NETWORKS)
def test_only_real_blocks_are_compiled_and_the_image_stays_the_same(
    tmp_path: Path, compiled: list[bool], name: str
) -> None:
    images = []
    mask = line_mask(40, batch=1)
    kspace = torch.where(mask, random_kspace(1, 2, 33, 40), 0)
    for switch in (False, True):
        torch.manual_seed(0)
        network = {"name": name, "arguments": SMALL[name], "compile": switch}
        images.append(make_network(make_config(tmp_path, tmp_path, network=network))(kspace, mask))
        assert bool(compiled) == (switch and has_compilable_blocks(name))
    assert not any(compiled)
    torch.testing.assert_close(images[1], images[0], rtol=1e-3, atol=1e-4 * float(images[0].detach().max()))
    images[1].sum().backward()


def test_losses_are_summed_with_their_weights(tmp_path: Path) -> None:
    kspace, mask = random_kspace(1, 2, 33, 40), line_mask(40, batch=1)
    target = torch.rand(1, 33, 40)
    batch = Slice(torch.where(mask, kspace, 0), mask, target, target.amax((1, 2)), torch.ones(1))
    network = build("unet", SMALL["unet"])

    def loss(**weights: float) -> float:
        config = make_config(tmp_path, tmp_path, training={"loss": weights})
        return make_objective(config, network)(batch).item()

    assert loss(ssim=1, l1=0.5) == pytest.approx(loss(ssim=1) + 0.5 * loss(l1=1))
