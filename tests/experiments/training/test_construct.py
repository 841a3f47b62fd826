from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from helpers.networks import SMALL
from helpers.slices import line_mask, random_kspace
from helpers.training import make_config
from recon.experiments.training.construct import make_network
from recon.models.zoo import NETWORKS


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Compile whole graphs, but leave them as they are; tell of each whether complex numbers enter it."""
    graphs: list[bool] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        graphs.append(any(isinstance(value, torch.Tensor) and value.is_complex() for value in inputs))
        return graph.forward

    plain = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda module: plain(module, backend=backend, fullgraph=True))
    yield graphs
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # which the compiler looks at
@pytest.mark.parametrize("name", NETWORKS)
def test_compiler_is_given_whole_parts_that_are_real_and_the_image_stays(
    tmp_path: Path, compiled: list[bool], name: str
) -> None:
    images = []
    mask = line_mask(40, batch=1)
    kspace = torch.where(mask, random_kspace(1, 2, 33, 40), 0)
    for switch in (False, True):
        torch.manual_seed(0)
        network = {"name": name, "arguments": SMALL[name], "compile": switch}
        images.append(make_network(make_config(tmp_path, tmp_path, network=network))(kspace, mask))
        assert bool(compiled) == switch
    assert not any(compiled)
    torch.testing.assert_close(images[1], images[0], rtol=1e-3, atol=1e-4 * float(images[0].detach().max()))
    images[1].sum().backward()
