"""Autoencoders, both ways: runs exported and opened by diffusers, folders of diffusers imported.

For each kind: trains a tiny run, exports it, loads it in diffusers (no missing and no unexpected tensor), runs the README's
Python as it stands, and leaves diffusers' latents and pictures beside the export for `outputs`, which asks the Rust side
for the same. Then random weights of diffusers, imported, likewise. That exported latents have unit variance is measured on
MNIST.
"""

import gzip
import json
import os
import re
import subprocess

import numpy as np
import torch
from safetensors.torch import save_file

from binary import ROOT
from diffusers import AutoencoderKL, AutoencoderTiny
from exports import snippet

SMALL = [
    "data.dataset=mnist-10k", "autoencoder.batch_size=8", "train.eval_every=0", "preview.enabled=false",
    "preview.save_every=0", "train.warmup_steps=5", "train.checkpoint_every=0",
    "train.precision=f32",
]
RUNS = {
    "kl": ["autoencoder.block_out_channels=[8, 8, 16]", "autoencoder.norm_num_groups=4", "autoencoder.latent_channels=2"],
    "kl-attention": ["autoencoder.block_out_channels=[8, 8]", "autoencoder.norm_num_groups=4",
                     "autoencoder.mid_attention=true", "autoencoder.layers_per_block=2"],
    "tiny": ["autoencoder.kind=tiny", "autoencoder.block_out_channels=[8, 8, 8]", "autoencoder.latent_channels=2"],
}
KL = dict(in_channels=3, out_channels=3, latent_channels=4, norm_num_groups=4, sample_size=16)
FOLDERS = {
    "kl-random": lambda: AutoencoderKL(
        **KL, down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
        block_out_channels=[8, 16], layers_per_block=2, scaling_factor=0.18215),
    "kl-bare": lambda: AutoencoderKL(
        **KL, down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3,
        block_out_channels=[8, 8, 16], mid_block_add_attention=False, use_quant_conv=False, use_post_quant_conv=False,
        scaling_factor=0.36, shift_factor=0.11),
    "tiny-random": lambda: AutoencoderTiny(
        in_channels=3, out_channels=3, encoder_block_out_channels=[8, 8, 8], decoder_block_out_channels=[8, 8, 8],
        num_encoder_blocks=[1, 1, 1], num_decoder_blocks=[1, 1, 1]),
    "taesd-layout": lambda: AutoencoderTiny(
        encoder_block_out_channels=[8, 8, 8, 8], decoder_block_out_channels=[8, 8, 8, 8]),
}


def autoencoders(difflab, steps):
    for name, settings in RUNS.items():
        if difflab.wanted(f"autoencoder-{name}"):
            exported(difflab, name, settings, steps)
    for name, make in FOLDERS.items():
        if difflab.wanted(f"autoencoder-{name}"):
            imported(difflab, name, make)


def exported(difflab, name, settings, steps):
    run, folder = difflab.folder / "runs" / f"autoencoder-{name}", difflab.folder / "autoencoders" / f"{name}"
    sets = [part for setting in SMALL + settings for part in ("--set", setting)]
    difflab.must("autoencoder", "mnist", "--no-tui", "--steps", steps, "--threads", 1, "--run", run, *sets)
    difflab.must("export", run, folder)
    vae = opened(difflab, name, folder)
    if vae is None:
        return
    snippet(difflab, name, folder)
    packed = gzip.decompress((ROOT / "datasets" / "mnist-10k" / "train-images-idx3-ubyte.gz").read_bytes())
    pictures = np.frombuffer(packed, np.uint8, offset=16).reshape(-1, 1, 28, 28)[::20]
    x = torch.from_numpy(pictures.astype(np.float32) / 127.5 - 1)
    with torch.no_grad():
        z = encoded(vae, x) * vae.config.scaling_factor
    # Measured on other pictures of the same kind. Of the tiny kind all channels have one scale.
    deviation = z.transpose(0, 1).flatten(1).std(dim=1)
    of_all = (deviation**2).mean().sqrt()
    difflab.say(name, "latents have unit variance", abs(of_all - 1).item(), 0.1)
    inputs_and_outputs(vae, x[:4], folder)
    back = difflab.folder / "back" / f"autoencoder-{name}"
    difflab.must("import", folder, back, "--image-size", 28)
    kept(folder, back)


def imported(difflab, name, make):
    torch.manual_seed(5)
    folder, run = difflab.folder / "autoencoders" / name, difflab.folder / "back" / f"autoencoder-{name}"
    vae = make().eval()
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    vae.save_pretrained(folder)
    inputs_and_outputs(vae, torch.rand(2, 3, 16, 16) * 2 - 1, folder)
    difflab.must("import", folder, run, "--image-size", 16)
    kept(folder, run)
    again = difflab.folder / "again" / name
    difflab.must("export", run, again)
    opened(difflab, f"{name}, again", again)


def opened(difflab, name, folder):
    """diffusers' own, or None where it can't be had."""
    cls = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}[
        json.loads((folder / "config.json").read_text())["_class_name"]
    ]
    try:
        vae, info = cls.from_pretrained(folder, output_loading_info=True)
    except Exception as error:  # whatever diffusers says
        difflab.say(name, "opened by diffusers", str(error))
        return None
    wrong = {key: info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[key]}
    difflab.say(name, "tensors", json.dumps(wrong, default=list) if wrong else 0.0, 0.0)
    return vae.eval()


def encoded(vae, x):
    said = vae.encode(x)
    return said.latents if isinstance(vae, AutoencoderTiny) else said.latent_dist.mode()


def inputs_and_outputs(vae, x, folder):
    with torch.no_grad():
        z = encoded(vae, x)
        tensors = {"x": x, "z": z, "decoded": vae.decode(z).sample}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "parity.safetensors")


def kept(folder, run):
    """The same expectations beside the run's own weights."""
    to = run / "checkpoints" / "step-00000000" / "vae" / "parity.safetensors"
    to.write_bytes((folder / "parity.safetensors").read_bytes())


def outputs(difflab, binary=None):
    places = [difflab.folder / "autoencoders", *difflab.folder.glob("back/autoencoder-*/checkpoints/step-00000000")]
    command = ["cargo", "test", "--release", "--locked", "--test", "autoencoder_goldens", "--"]
    if binary:
        command = [binary]
    for place in places:
        env = dict(os.environ, DIFFLAB_PARITY=str(place))
        done = subprocess.run(
            [*command, "--ignored", "--nocapture", "autoencoders_beside_diffusers_answer_as_it_does"],
            cwd=ROOT, env=env, capture_output=True, text=True,
        )
        found = re.findall(r"^PARITY (\S+) (\S+) (\S+)$", done.stdout, re.M)
        name = place.name if place.name == "autoencoders" else place.parents[1].name
        for folder, latents, pictures in found:
            difflab.say(f"{name} {folder}", "latents", float(latents), 1e-4)
            difflab.say(f"{name} {folder}", "pictures", float(pictures), 1e-4)
        if done.returncode or not found:
            difflab.say(name, "outputs", "the test failed: " + done.stdout[-2000:] + done.stderr[-2000:])
