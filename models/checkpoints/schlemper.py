"""Recognises the weights that the authors of the deep cascade and of its recurrent successor published.

Their images are transformed without a shift of DC, and their k-space is undersampled along the first axis; ours is
along the last. The images are the same, transposed, so their kernels are transposed as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from recon.models.checkpoints.recognised import Recognised

ARRAY = "arr_{}"
"""Name that NumPy gives to arrays saved without one, in their order."""

RECURRENT_KEYS = {
    "bcrnn.CRNN_model.i2h": "cascades.0.over_time.image",
    "bcrnn.CRNN_model.h2h": "cascades.0.over_time.neighbour",
    "bcrnn.CRNN_model.ih2ih": "cascades.0.over_time.previous",
    **{f"conv{n}_x": f"cascades.0.layers.{n - 1}.features" for n in (1, 2, 3)},
    **{f"conv{n}_h": f"cascades.0.layers.{n - 1}.previous" for n in (1, 2, 3)},
    "conv4_x": "cascades.0.last",
}
"""Our names of the convolutions of the recurrent network, by theirs."""

PARTS = ("weight", "bias")
"""Names of the tensors of a convolution."""

ITERATIONS, BRIGHTNESS = 5, 3.0
"""Number of iterations of the recurrent network, and largest value of its images; its weights state neither.

The brightness of the authors' images is unknown. On a cine, 2 to 4 times the usual one gains half a decibel over it.
"""


def find_deep_cascade(weights: Mapping[str, Tensor]) -> Recognised | None:
    """Find the deep cascade of Schlemper et al. (2017): kernels and biases in turn, as Lasagne lists them.

    Lasagne's layers convolve where PyTorch correlates, so the kernels are flipped. (On a device named `cuda` the
    authors' program chose a layer that correlates. The weights do not tell where they come from: kernels as stored
    give the same PSNR to within 0.05 dB, the mean over 60 masks of a cine.)

    Returns
    -------
    Recognised or None
        None if the arrays are no cascades of 3x3 convolutions that begin and end with two channels.
    """
    names = [ARRAY.format(number) for number in range(len(weights))]
    if not names or len(names) % 2 or set(names) != set(weights):
        return None
    kernels, biases = [weights[name] for name in names[::2]], [weights[name] for name in names[1::2]]
    if not all(kernel.ndim == 4 and kernel.shape[2:] == (3, 3) for kernel in kernels):
        return None
    first = kernels[0]
    layers = next((number for number, kernel in enumerate(kernels, 1) if len(kernel) == 2), 0)
    if first.shape[1] != 2 or layers < 2 or len(kernels) % layers:
        return None
    converted: dict[str, Tensor] = {}
    for number, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        cascade, layer = divmod(number, layers)
        key = f"cascades.{cascade}.network.{2 * layer}"
        converted |= {f"{key}.weight": transposed(kernel.flip(-2, -1)), f"{key}.bias": bias}
    arguments = {"num_cascades": len(kernels) // layers, "layers": layers, "chans": len(first), "real_image": False}
    return Recognised("deep-cascade", arguments, converted)


def find_recurrent_network(weights: Mapping[str, Tensor]) -> Recognised | None:
    """Find the convolutional recurrent network of Qin et al. (2019); None if the state dict holds another one."""
    parts = {f"{theirs}.{part}": f"{ours}.{part}" for theirs, ours in RECURRENT_KEYS.items() for part in PARTS}
    if set(parts) != set(weights):
        return None
    converted = {ours: weights[theirs] for theirs, ours in parts.items()}
    converted = {key: transposed(weight) if weight.ndim == 4 else weight for key, weight in converted.items()}
    chans = weights["conv1_x.bias"].numel()
    arguments = {"num_cascades": ITERATIONS, "chans": chans, "real_image": False, "brightness": BRIGHTNESS}
    return Recognised("crnn", arguments, converted)


def transposed(kernel: Tensor) -> Tensor:
    """Exchange the image axes of a kernel `(outputs, inputs, rows, columns)`."""
    return kernel.transpose(-2, -1).contiguous()
