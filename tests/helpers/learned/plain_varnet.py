"""A plain implementation of the end-to-end variational network, a second reference besides fastMRI's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, instance_norm, leaky_relu

from recon.coils import coil_combine, coil_expand
from recon.crop import fastmri_crop, fastmri_pad
from recon.fourier import fft, ifft
from recon.models.blocks.unet import NormUnet, Unet, padded_matrix
from recon.models.networks.varnet import VarNet


def plain_varnet(network: VarNet, masked_kspace: Tensor, mask: Tensor) -> Tensor:
    """Compute the coil images with centred two-dimensional transforms and torch's own layers."""
    sens_maps = network.sens_net(masked_kspace, mask)
    kspace = masked_kspace
    for cascade in network.cascades:
        image = coil_combine(ifft(kspace), sens_maps)
        refinement = fft(coil_expand(plain_norm_unet(cascade.model, image), sens_maps))
        inconsistency = torch.where(mask, kspace - masked_kspace, 0)
        kspace = kspace - cascade.dc_weight * inconsistency - refinement
    return ifft(kspace)


def plain_norm_unet(network: NormUnet, image: Tensor) -> Tensor:
    """Normalise, pad and refine complex `(batch, readout, phase)`, then undo padding and normalisation."""
    channels = torch.stack((image.real, image.imag), dim=1)
    mean, std = channels.mean((-2, -1), keepdim=True), channels.std((-2, -1), keepdim=True)
    matrix = (image.shape[-2], image.shape[-1])
    padded = fastmri_pad((channels - mean) / std, padded_matrix(matrix, network.pools))
    refined = fastmri_crop(plain_unet(network.unet, padded), matrix) * std + mean
    return torch.complex(*refined.unbind(1))


def plain_unet(network: Unet, features: Tensor) -> Tensor:
    """Apply the U-Net to real `(batch, chans, height, width)` by torch's own layers."""
    skipped = []
    for down in network.down_sample_layers:
        features = _block(down.layers, features)
        skipped.append(features)
        features = avg_pool2d(features, 2)
    features = _block(network.conv.layers, features)
    for upsample, convolve in zip(network.up_transpose_conv, network.up_conv, strict=True):
        block, last = (convolve[0], convolve[1:]) if isinstance(convolve, nn.Sequential) else (convolve, ())
        features = torch.cat([_activate(upsample.layers[0](features)), skipped.pop()], dim=1)
        features = _block(block.layers, features)
        for layer in last:
            features = layer(features)
    return features


def _block(layers: nn.Sequential, features: Tensor) -> Tensor:
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            features = _activate(layer(features))
    return features


def _activate(features: Tensor) -> Tensor:
    return leaky_relu(instance_norm(features), 0.2)
