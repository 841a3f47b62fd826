"""An exponential moving average of the weights, which scores better than the weights of any single step."""

from torch import Tensor, nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel, get_ema_multi_avg_fn


def make_average(network: nn.Module, decay: float) -> AveragedModel:
    """Copy a network into a moving average, which starts from the present weights.

    Parameters
    ----------
    network
        Network whose weights are averaged.
    decay
        Decay `d` of `a <- d a + (1 - d) w`, between 0 and 1. Step `n`, counted from 1, uses `n / (9 + n)` if that is
        smaller, so that the average soon forgets the initial weights.
    """

    def blend(averaged: PARAM_LIST, weights: PARAM_LIST, _number: Tensor | int) -> None:
        step = int(average.n_averaged)  # it stays on the CPU; the program would wait for the copy on the GPU
        get_ema_multi_avg_fn(min(decay, step / (9 + step)))(averaged, weights, step)  # type: ignore[no-untyped-call]

    average = AveragedModel(network, multi_avg_fn=blend)
    return average


def update_average(average: AveragedModel, network: nn.Module, step: int) -> None:
    """Add the weights after a step, counted from 0, to the average."""
    average.n_averaged.fill_(step + 1)  # includes skipped steps and is never 0, where torch would copy the weights
    average.update_parameters(network)
