"""Makes tests/goldens/*/ddim.safetensors: ten DDIM steps of each golden network by diffusers.

    python tests/parity/make_goldens.py

Tensors: `noise` [N, C, H, W], `samples` (the folder's own settings: leading spacing, x_0 clamped) and, of the
class-conditional network, `guided` (w = 1, that is s = 2, the last row of the table as the null class) from the
labels `class_labels`; of uncond_default `offset` (steps_offset = 1,
set_alpha_to_one = false) and `linspace` (that spacing, with which diffusers' DDIM leaves its own timesteps).
"""

from pathlib import Path

import torch
from diffusers import DDIMScheduler, UNet2DModel
from safetensors.torch import save_file

GOLDENS = Path(__file__).parent.parent / "goldens"
STEPS = 10


@torch.no_grad()
def sample(unet, scheduler, noise, labels=None, s=1.0):
    scheduler.set_timesteps(STEPS)
    x = noise * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        output = unet(x, t, class_labels=labels).sample
        if s != 1.0:
            null = torch.full_like(labels, unet.config.num_class_embeds - 1)
            uncond = unet(x, t, class_labels=null).sample
            output = uncond + s * (output - uncond)
        x = scheduler.step(output, t, x).prev_sample
    return x


def main():
    for folder in sorted(path.parent for path in GOLDENS.glob("*/model_index.json")):
        unet = UNet2DModel.from_pretrained(folder / "unet").eval()
        scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
        size, channels = unet.config.sample_size, unet.config.in_channels
        noise = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(7))
        tensors = {"noise": noise}
        labels = torch.tensor([0, 1]) if unet.config.num_class_embeds else None
        tensors["samples"] = sample(unet, scheduler, noise, labels)
        if labels is not None:
            tensors["class_labels"] = labels
            tensors["guided"] = sample(unet, scheduler, noise, labels, s=2.0)
        if folder.name == "uncond_default":
            changed = DDIMScheduler.from_config(scheduler.config, steps_offset=1, set_alpha_to_one=False)
            tensors["offset"] = sample(unet, changed, noise)
            changed = DDIMScheduler.from_config(scheduler.config, timestep_spacing="linspace")
            tensors["linspace"] = sample(unet, changed, noise)
        save_file(tensors, folder / "ddim.safetensors")
        print(folder.name, {name: tuple(t.shape) for name, t in tensors.items()})


if __name__ == "__main__":
    main()
