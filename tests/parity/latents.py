"""Runs that diffuse in latents, exported: an LDMPipeline without classes, else vae/, unet/ and scheduler/.

For both kinds of autoencoder, with and without classes: trains a tiny run of both stages, exports it, loads every part in
diffusers (no missing and no unexpected tensor), samples the same noise by both (1e-3 in pixel units), runs the README's
Python as it stands, and imports the export again, which must sample what the run did.
"""

import json
import os

import torch
from safetensors.torch import save_file

from diffusers import AutoencoderKL, AutoencoderTiny, DDIMScheduler, LDMPipeline, UNet2DModel
from exports import snippet
from trajectories import theirs

SMALL = [
    "data.dataset=mnist-10k", "data.latents=own", "model.norm_num_groups=4", "model.attention_head_dim=8",
    "train.batch_size=16", "train.warmup_steps=5", "train.learning_rate=0.002", "train.eval_every=0",
    "train.checkpoint_every=0", "preview.enabled=false", "preview.save_every=0", "sample.guidance_scale=0",
    "sample.sampler=ddim", "sample.spacing=leading", "sample.steps=10", "autoencoder.batch_size=8",
    "autoencoder.latent_channels=2", "autoencoder.norm_num_groups=4",
    # diffusers samples in f32.
    "model.zero_init=false", "train.optimizer=adamw", "train.precision=f32", "sample.precision=f32",
]
AUTOENCODERS = {
    "kl": ["autoencoder.block_out_channels=[8, 8]", "model.block_out_channels=[8, 16]"],
    "tiny": ["autoencoder.kind=tiny", "autoencoder.block_out_channels=[8, 8, 8]", "model.block_out_channels=[16]"],
}
CLASSES = {"": ["model.class_conditional=false"], "-classes": ["model.class_conditional=true"]}
STEPS = 10


def latents(difflab, steps):
    os.environ["DIFFLAB_CACHE"] = str(difflab.folder / "cache")
    for kind, layout in AUTOENCODERS.items():
        for classes, conditional in CLASSES.items():
            name = f"latents-{kind}{classes}"
            if difflab.wanted(name):
                exported(difflab, name, layout + conditional, steps)


def exported(difflab, name, settings, steps):
    run, folder = difflab.folder / "runs" / name, difflab.folder / "latents" / name
    sets = [part for setting in SMALL + [f"autoencoder.steps={steps}", f"train.steps={steps}"] + settings
            for part in ("--set", setting)]
    difflab.must("mnist", "--no-tui", "--threads", 1, "--run", run, *sets)
    difflab.must("export", run, folder)
    unet, vae = opened(difflab, name, folder)
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
    classes = unet.config.num_class_embeds
    if not classes:
        pipeline = LDMPipeline.from_pretrained(folder)
        difflab.say(name, "its pipeline", 0.0 if type(pipeline).__name__ == "LDMPipeline" else "no LDMPipeline", 0.0)
    height = unet.config.sample_size
    height, width = (height, height) if isinstance(height, int) else height
    noise = torch.randn(4, unet.config.in_channels, height, width, generator=torch.Generator().manual_seed(3))
    save_file({"noise": noise}, difflab.folder / "noise.safetensors")
    labels = torch.full((4,), 7) if classes else None
    with torch.no_grad():
        z = theirs(unet, scheduler, noise, labels, steps=STEPS)
        wanted = vae.decode(z.float() / vae.config.scaling_factor).sample.clamp(-1, 1)
    ours = difflab.sample(run, difflab.folder / "noise.safetensors", STEPS, *(["--class", 7] if classes else []))
    compare(difflab, name, "samples of both", ours, wanted)
    snippet(difflab, name, folder)
    back = difflab.folder / "back" / name
    difflab.must("import", folder, back)
    again = difflab.sample(back, difflab.folder / "noise.safetensors", STEPS, *(["--class", 7] if classes else []))
    compare(difflab, name, "imported again", again, wanted)


def compare(difflab, name, what, ours, wanted):
    difflab.say(name, what, ours if isinstance(ours, str) else (ours - wanted).abs().max().item(), 1e-3)


def opened(difflab, name, folder):
    """The network and the autoencoder, with nothing missing and nothing too much."""
    place = next(place for place in ("vae", "vqvae") if (folder / place).is_dir())
    kind = json.loads((folder / place / "config.json").read_text())["_class_name"]
    parts = []
    for cls, part in ((UNet2DModel, "unet"), ({"AutoencoderKL": AutoencoderKL}.get(kind, AutoencoderTiny), place)):
        model, info = cls.from_pretrained(folder / part, output_loading_info=True)
        wrong = {key: info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[key]}
        difflab.say(name, f"tensors of {part}", json.dumps(wrong, default=list) if wrong else 0.0, 0.0)
        parts.append(model.eval())
    return parts
