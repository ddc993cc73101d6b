"""Makes tests/goldens/autoencoders with diffusers: random weights, moments, decoded pictures, gradients of every parameter.

usage: python make_autoencoder_goldens.py FOLDER
"""

import pathlib
import sys

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from safetensors.torch import save_file

KL = {
    # factor 4, attention in the middle, one layer
    "kl_attention": (dict(
        in_channels=1, out_channels=1, block_out_channels=(8, 16, 16), layers_per_block=1, latent_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, norm_num_groups=4,
        sample_size=16), (2, 1, 16, 16)),
    # factor 2, colours, no attention, no quantizing convolutions, an uneven height
    "kl_bare": (dict(
        in_channels=3, out_channels=3, block_out_channels=(8, 12), layers_per_block=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=2,
        sample_size=12, mid_block_add_attention=False, use_quant_conv=False, use_post_quant_conv=False), (2, 3, 10, 12)),
    # factor 8
    "kl_deep": (dict(
        in_channels=3, out_channels=3, block_out_channels=(4, 4, 8, 8), layers_per_block=1, latent_channels=2,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, norm_num_groups=2,
        sample_size=16), (1, 3, 16, 16)),
}
TINY = {
    "tiny_f4": (dict(
        in_channels=1, out_channels=1, encoder_block_out_channels=(8, 8, 8), decoder_block_out_channels=(8, 8, 8),
        num_encoder_blocks=(1, 1, 1), num_decoder_blocks=(1, 1, 1), latent_channels=2), (2, 1, 16, 16)),
    "tiny_f8": (dict(
        in_channels=3, out_channels=3, encoder_block_out_channels=(6, 6, 6, 6),
        decoder_block_out_channels=(6, 6, 6, 6), num_encoder_blocks=(1, 2, 1, 1), num_decoder_blocks=(2, 1, 1, 1),
        latent_channels=4), (1, 3, 24, 16)),
    "tiny_f2": (dict(
        in_channels=3, out_channels=3, encoder_block_out_channels=(10, 10), decoder_block_out_channels=(10, 10),
        num_encoder_blocks=(0, 2), num_decoder_blocks=(1, 1), latent_channels=3), (2, 3, 6, 8)),
}


def weigh(shape, seed):
    """What an output is weighed with, so that each of its numbers has a gradient of its own."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make(folder, name, model, shape):
    # Normalizations start as 1 and 0, which hides mistakes.
    torch.manual_seed(sum(map(ord, name)))
    for _, parameter in model.named_parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    x = torch.rand(shape) * 2 - 1
    if isinstance(model, AutoencoderKL):
        encoded = model.encode(x).latent_dist
        moments = torch.cat([encoded.mean, encoded.logvar], 1)
        z = torch.randn(encoded.mean.shape)
    else:
        moments = model.encode(x).latents
        z = torch.randn(moments.shape)
    decoded = model.decode(z).sample
    loss = (moments * weigh(moments.shape, 1)).sum() + (decoded * weigh(decoded.shape, 2)).sum()
    loss.backward()
    out = folder / name
    out.mkdir(exist_ok=True)
    model.save_pretrained(out)
    tensors = dict(x=x, moments=moments, z=z, decoded=decoded,
                   weigh_moments=weigh(moments.shape, 1), weigh_decoded=weigh(decoded.shape, 2))
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, out / "golden.safetensors")
    save_file({n: p.grad.contiguous() for n, p in model.named_parameters()}, out / "golden_grads.safetensors")
    print(name, tuple(moments.shape), tuple(decoded.shape), sum(p.numel() for p in model.parameters()))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, (config, shape) in KL.items():
        make(folder, name, AutoencoderKL(**config), shape)
    for name, (config, shape) in TINY.items():
        make(folder, name, AutoencoderTiny(**config), shape)


if __name__ == "__main__":
    main()
