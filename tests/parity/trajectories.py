"""Samples by diffusers' own schedulers, driven as each class means to be driven."""

import inspect

import numpy as np
import torch

import diffusers


def exact_sigmas(scheduler):
    """Gives HeunDiscreteScheduler its sigmas in f64.

    Its first step leads from the largest sigma (20,000 on the cosine schedule) and multiplies what the two
    estimates of x_0 differ by with half the ratio of the sigmas, some hundreds: its own f32 sigmas are off by
    3e-5 there, and its samples by 3e-2. With exact ones it gives what difflab gives.
    """
    config = scheduler.config
    steps = config.num_train_timesteps
    if config.trained_betas is not None:
        betas = np.array(config.trained_betas, dtype=np.float64)
    elif config.beta_schedule == "squaredcos_cap_v2":
        g = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
        betas = np.minimum(1 - g[1:] / g[:-1], 0.999)
    elif config.beta_schedule == "scaled_linear":
        betas = np.linspace(config.beta_start**0.5, config.beta_end**0.5, steps) ** 2
    else:
        betas = np.linspace(config.beta_start, config.beta_end, steps)
    alphas_cumprod = np.cumprod(1 - betas)
    sigmas = np.interp(scheduler.timesteps.numpy(), np.arange(steps), np.sqrt(1 / alphas_cumprod - 1))
    scheduler.sigmas = torch.from_numpy(np.append(sigmas, 0.0))


@torch.no_grad()
def theirs(unet, scheduler, noise, labels=None, s=1.0, steps=50, **arguments):
    """From noise [N, C, H, W] to samples, with classifier-free guidance of scale s where there are labels."""
    scheduler.set_timesteps(steps)
    dtype = noise.dtype
    plain = not any(scheduler.config.get(f"use_{kind}_sigmas") for kind in ("karras", "exponential", "beta"))
    if isinstance(scheduler, diffusers.HeunDiscreteScheduler) and plain:
        exact_sigmas(scheduler)
        noise = noise.double()
    splits = "variance_type" in inspect.signature(type(scheduler).__init__).parameters
    x = noise * getattr(scheduler, "init_noise_sigma", 1.0)
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        scaled = scaled.to(dtype)
        output = unet(scaled, t, class_labels=labels).sample
        if s != 1.0:
            null = torch.full_like(labels, unet.config.num_class_embeds - 1)
            uncond = unet(scaled, t, class_labels=null).sample
            output = uncond + s * (output - uncond)
        if not splits or scheduler.config.variance_type not in ("learned", "learned_range"):
            # A learned variance is the ancestral sampler's business; the others take the first half of the output.
            output = output[:, : x.shape[1]]
        x = scheduler.step(output.to(x.dtype), t, x, **arguments).prev_sample
    return x.to(dtype)
