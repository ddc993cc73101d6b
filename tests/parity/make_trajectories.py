"""Writes tests/goldens/trajectories.safetensors: samples of a U-Net by diffusers' own schedulers.

The U-Net and its scheduler config are the folder tests/goldens/uncond_default (a real UNet2DModel with
random weights). Each scheduler is made from_config of that folder's, takes 50 steps from the same noise, and
its final samples are stored under the name that difflab gives the sampler. The same network read as a
v-prediction, which keeps samples of an untrained network about as large as images, is stored under
`v_prediction.` and that name. `noise` is the unit-variance noise of two images.

DDIM and Heun clamp x_0 as the folder says. Read as epsilon, the untrained network then makes them chaotic:
noise that differs by one part in a million ends in other images. They are stored as a v-prediction alone. Needs torch, diffusers and safetensors; nothing of it runs in the tests.

    python tests/parity/make_trajectories.py
"""

from pathlib import Path

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    UNet2DModel,
    UniPCMultistepScheduler,
)
from safetensors.torch import save_file

GOLDENS = Path(__file__).resolve().parent.parent / "goldens"
STEPS = 50
SCHEDULERS = {
    "ddim": (DDIMScheduler, {}),
    "euler": (EulerDiscreteScheduler, {}),
    "heun": (HeunDiscreteScheduler, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {}),
    "dpmpp_3m": (DPMSolverMultistepScheduler, {"solver_order": 3}),
    "unipc": (UniPCMultistepScheduler, {}),
}
CLAMPED = ["ddim", "heun"]


@torch.no_grad()
def sample(unet, scheduler, noise):
    scheduler.set_timesteps(STEPS)
    x = noise * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        output = unet(scheduler.scale_model_input(x, t), t).sample
        x = scheduler.step(output, t, x).prev_sample
    return x


def main():
    torch.set_num_threads(1)
    folder = GOLDENS / "uncond_default"
    unet = UNet2DModel.from_pretrained(folder / "unet").eval()
    config = DDPMScheduler.from_pretrained(folder / "scheduler").config
    noise = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    tensors = {"noise": noise}
    for name, (scheduler, options) in SCHEDULERS.items():
        if name not in CLAMPED:
            tensors[name] = sample(unet, scheduler.from_config(config, **options), noise)
        options = {**options, "prediction_type": "v_prediction"}
        tensors[f"v_prediction.{name}"] = sample(unet, scheduler.from_config(config, **options), noise)
    for name, tensor in tensors.items():
        print(f"{name}: largest {tensor.abs().max().item():.3f}")
    save_file({k: v.contiguous() for k, v in tensors.items()}, GOLDENS / "trajectories.safetensors")


if __name__ == "__main__":
    main()
